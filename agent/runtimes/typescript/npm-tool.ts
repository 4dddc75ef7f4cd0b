import { cpSync, existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { blockedBy } from "../../sandbox/reachable.ts";
import type { ReadOnlyMount } from "../../sandbox/sandbox.ts";
import type { ReachableCopies } from "../reachable-copies.ts";

const CLI = "bin/npm-cli.js";
const INSIDE_NPM = "/runtimes/npm";
/** Beside the agent's own Node, from Node's own packages, from Debian's. */
const CANDIDATES = [
  join(dirname(process.execPath), "../lib/node_modules/npm"),
  "/usr/local/lib/node_modules/npm",
  "/usr/lib/node_modules/npm",
  "/usr/share/nodejs/npm",
];

/** It becomes a name. */
const manifest = z.object({ version: z.string().regex(/^[0-9][\w.+-]*$/) });

export interface NpmTool {
  /** `npm-cli.js`, as builds see it. */
  readonly cli: string;
  readonly mounts: readonly ReadOnlyMount[];
}

/**
 * The machine's npm, to be run by the agent's Node. Where job users cannot get at it (say, it lies below /root) it is copied,
 * once per version, to where they can read it.
 * @param pathOf where a mount appears inside
 */
export function findNpm(copies: ReachableCopies, pathOf: (mount: ReadOnlyMount) => string): NpmTool | undefined {
  const found = CANDIDATES.find((dir) => existsSync(join(dir, CLI)));
  if (found === undefined) return undefined;
  const real = realpathSync(found);
  if (real.startsWith("/usr/")) return { cli: join(real, CLI), mounts: [] };
  const mount = { source: reachable(real, copies), target: INSIDE_NPM };
  return { cli: join(pathOf(mount), CLI), mounts: [mount] };
}

function reachable(dir: string, copies: ReachableCopies): string {
  if (process.getuid?.() !== 0 || blockedBy(dir) === undefined) return dir;
  return copies.toolchain(`npm-${versionOf(dir)}`, (part) => cpSync(dir, part, { recursive: true, dereference: true }));
}

/** One that does not say is no reason not to start. */
function versionOf(dir: string): string {
  try {
    return manifest.parse(JSON.parse(readFileSync(join(dir, "package.json"), "utf8"))).version;
  } catch {
    return "unknown";
  }
}
