/**
 * How an item stands on both sides, by what was the same on both when they last met. Each side is a fingerprint; undefined: it is not there.
 * ours: only the folder has changed. theirs: only the workspace has. both: both have, and differently.
 */
export type Standing = "same" | "ours" | "theirs" | "both";

export function standingOf(base: string | undefined, ours: string | undefined, theirs: string | undefined): Standing {
  if (ours === theirs) return "same";
  if (theirs === base) return "ours";
  return ours === base ? "theirs" : "both";
}
