import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";

/** Preloaded (`--import`) it makes a process speak the next version of the agent protocol: the release to come, as far as versions go. */
const FILE = new URL("../kernel/protocol.ts", import.meta.url);
/** The first one in the file: the oldest version that is accepted stays. */
const VERSION = /(PROTOCOL_VERSION = )(\d+)/;

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (url !== FILE.href) return loaded;
    const source = readFileSync(FILE, "utf8").replace(VERSION, (_, before: string, version: string) => `${before}${Number(version) + 1}`);
    return { ...loaded, source };
  },
});
