import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** Where root puts what job users must reach when the agent's own folder is closed to them. */
const ROOT_FALLBACK = "/var/lib/millrace-exec";
const OTHERS_MAY_SEARCH = 0o001;
/** Others may pass through but not list. */
const PASS_THROUGH = 0o711;

/**
 * Makes the folder for job files, pipes and toolchains, such that job users can pass through to it. A root agent whose data
 * folder is closed (say, below /root) gets a folder of its own below /var/lib instead; the name depends on the wish, so
 * that the same agent finds the same folder again and two agents do not share one.
 * @returns the folder that was made
 */
export function makeReachableDir(wished: string): string {
  const dir = resolve(wished);
  const isRoot = process.getuid?.() === 0;
  if (!isRoot || blockedBy(dirname(dir)) === undefined) return make(dir);
  const name = createHash("sha256").update(dir).digest("hex").slice(0, 16);
  make(ROOT_FALLBACK);
  return make(join(ROOT_FALLBACK, name));
}

/** The first existing parent (or the folder itself) that other users cannot pass, or undefined. */
export function blockedBy(dir: string): string | undefined {
  for (let at = resolve(dir); ; at = dirname(at)) {
    const stat = statSync(at, { throwIfNoEntry: false });
    if (stat !== undefined && (stat.mode & OTHERS_MAY_SEARCH) === 0) return at;
    if (at === dirname(at)) return undefined;
  }
}

function make(dir: string): string {
  mkdirSync(dir, { recursive: true, mode: PASS_THROUGH });
  chmodSync(dir, PASS_THROUGH);
  return dir;
}
