import { chmodSync, copyFileSync, existsSync, mkdirSync, realpathSync, renameSync } from "node:fs";
import { join } from "node:path";
import { blockedBy } from "../../sandbox/reachable.ts";

/**
 * The agent's own Node for its scripts. Where job users cannot get at it (say, it lies below /root) it is copied
 * once per version to a folder that they can reach.
 * @returns path on the host
 */
export function reachableNode(execDir: string): string {
  const own = realpathSync(process.execPath);
  if (process.getuid?.() !== 0 || blockedBy(own) === undefined) return own;
  const dir = join(execDir, "toolchains", `node-${process.version}`, "bin");
  const copy = join(dir, "node");
  if (existsSync(copy)) return copy;
  mkdirSync(dir, { recursive: true, mode: 0o755 });
  const part = `${copy}.${process.pid}`;
  copyFileSync(own, part);
  chmodSync(part, 0o755);
  renameSync(part, copy);
  return copy;
}
