/** What a tick does while an earlier run has not ended. */
export const OVERLAPS = ["skip", "queue", "parallel"] as const;
export type Overlap = (typeof OVERLAPS)[number];

/** Runs of one schedule that may wait for the one before. */
export const MAX_WAITING = 100;

export interface Verdict {
  readonly dueMs: number;
  readonly what: "start" | "wait" | "skip";
}

/** What becomes of the ticks of one schedule that are due together, oldest first. @param waiting runs that wait already */
export function judgeOverlap(overlap: Overlap, busy: { readonly isBusy: boolean; readonly waiting: number }, due: readonly number[]): Verdict[] {
  let { isBusy, waiting } = busy;
  return due.map((dueMs) => {
    if (overlap === "parallel" || (!isBusy && waiting === 0)) {
      isBusy = true;
      return { dueMs, what: "start" };
    }
    if (overlap === "skip" || waiting >= MAX_WAITING) return { dueMs, what: "skip" };
    waiting += 1;
    return { dueMs, what: "wait" };
  });
}
