import { registerHooks } from "node:module";

/** Preloaded (`--import`) it makes a process speak the next version of the agent protocol: the release to come, as far as versions go. */
const FILE = new URL("../kernel/protocol.ts", import.meta.url).href;

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (url !== FILE) return loaded;
    const source = String(loaded.source).replace(/(PROTOCOL_VERSION = )(\d+)/, (_, before: string, version: string) => `${before}${Number(version) + 1}`);
    return { ...loaded, source };
  },
});
