import { cpSync, existsSync, realpathSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { blockedBy } from "../../sandbox/reachable.ts";
import type { ReadOnlyMount } from "../../sandbox/sandbox.ts";

const CLI = "bin/npm-cli.js";
const INSIDE_NPM = "/runtimes/npm";
/** Beside the agent's own Node, from Node's own packages, from Debian's. */
const CANDIDATES = [
  join(dirname(process.execPath), "../lib/node_modules/npm"),
  "/usr/local/lib/node_modules/npm",
  "/usr/lib/node_modules/npm",
  "/usr/share/nodejs/npm",
];

export interface NpmTool {
  /** `npm-cli.js`, as builds see it. */
  readonly cli: string;
  readonly mounts: readonly ReadOnlyMount[];
}

/**
 * The machine's npm, to be run by the agent's Node. Where job users cannot get at it (say, it lies below /root) it is copied to a
 * folder that they can reach.
 * @param pathOf where a mount appears inside
 */
export function findNpm(execDir: string, pathOf: (mount: ReadOnlyMount) => string): NpmTool | undefined {
  const found = CANDIDATES.find((dir) => existsSync(join(dir, CLI)));
  if (found === undefined) return undefined;
  const real = realpathSync(found);
  if (real.startsWith("/usr/")) return { cli: join(real, CLI), mounts: [] };
  const mount = { source: reachable(real, execDir), target: INSIDE_NPM };
  return { cli: join(pathOf(mount), CLI), mounts: [mount] };
}

function reachable(dir: string, execDir: string): string {
  if (process.getuid?.() !== 0 || blockedBy(dir) === undefined) return dir;
  const copy = join(execDir, "toolchains", "npm");
  if (existsSync(copy)) return copy;
  const part = `${copy}.${process.pid}`;
  cpSync(dir, part, { recursive: true, dereference: true });
  renameSync(part, copy);
  return copy;
}
