import type { ReadOnlyMount, SandboxShape } from "./sandbox.ts";

/** Whether a script that asks for `wanted` may run in a sandbox made as `made`: all the same, and no mount that is missing. */
export function fitsShape(made: SandboxShape, wanted: SandboxShape): boolean {
  const { openFiles, fileBytes, processes } = made.rlimits;
  const sameLimits = wanted.rlimits.openFiles === openFiles && wanted.rlimits.fileBytes === fileBytes && wanted.rlimits.processes === processes;
  const hasAll = wanted.mounts.every((mount) => made.mounts.some((have) => have.source === mount.source && have.target === mount.target));
  if (wanted.writable !== undefined) return false;
  return wanted.network === made.network && wanted.tmpBytes === made.tmpBytes && sameLimits && hasAll;
}

/** All mounts that can be had at once: of two at the same place the first. */
export function uniteMounts(mounts: Iterable<ReadOnlyMount>): ReadOnlyMount[] {
  const byTarget = new Map<string, ReadOnlyMount>();
  for (const mount of mounts) if (!byTarget.has(mount.target)) byTarget.set(mount.target, mount);
  return [...byTarget.values()];
}
