import { chmodSync, copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, readlinkSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { blockedBy } from "../../sandbox/reachable.ts";
import type { ReachableCopies } from "../reachable-copies.ts";

const READABLE = 0o755;

/**
 * A toolchain where job users can read it. One that lies in a closed folder (rustup puts it below /root) is shown once per name:
 * by second names of the same files, or copies where the folders are on different file systems.
 * @param parts files and folders of it that are needed, relative
 * @returns the folder on the host
 */
export function reachableTree(root: string, name: string, parts: readonly string[], copies: ReachableCopies): string {
  if (process.getuid?.() !== 0 || blockedBy(root) === undefined) return root;
  return copies.toolchain(name, (part) => {
    for (const wanted of parts) {
      const source = join(root, wanted);
      if (!existsSync(source)) continue;
      makeReadable(dirname(join(part, wanted)));
      repeat(source, join(part, wanted));
    }
  });
}

function makeReadable(dir: string): void {
  if (existsSync(dir)) return;
  makeReadable(dirname(dir));
  mkdirSync(dir);
  // Whatever the agent's umask is.
  chmodSync(dir, READABLE);
}

function repeat(source: string, target: string): void {
  let entries: string[];
  try {
    entries = readdirSync(source);
  } catch {
    repeatFile(source, target);
    return;
  }
  makeReadable(target);
  for (const entry of entries) repeat(join(source, entry), join(target, entry));
}

function repeatFile(source: string, target: string): void {
  try {
    symlinkSync(readlinkSync(source), target);
    return;
  } catch {
    // Not a link.
  }
  try {
    linkSync(source, target);
  } catch {
    copyFileSync(source, target);
  }
}
