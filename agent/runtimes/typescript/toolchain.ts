import { chmodSync, copyFileSync, mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { blockedBy } from "../../sandbox/reachable.ts";
import type { ReachableCopies } from "../reachable-copies.ts";

/**
 * The agent's own Node for its scripts. Where job users cannot get at it (say, it lies below /root) it is copied
 * once per version to where they can read it.
 * @returns path on the host
 */
export function reachableNode(copies: ReachableCopies): string {
  const own = realpathSync(process.execPath);
  if (process.getuid?.() !== 0 || blockedBy(own) === undefined) return own;
  const copy = copies.toolchain(`node-${process.version}`, (part) => {
    mkdirSync(join(part, "bin"), { recursive: true, mode: 0o755 });
    copyFileSync(own, join(part, "bin/node"));
    chmodSync(join(part, "bin/node"), 0o755);
  });
  return join(copy, "bin/node");
}
