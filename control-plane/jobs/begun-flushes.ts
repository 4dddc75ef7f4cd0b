import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Entry } from "./flush-lane.ts";

/** So many flushes within that time are few: a commit more or less makes no difference then. */
const FEW = 8;
const FEW_WITHIN_MS = 100;
/** Entries from which on a flush takes much longer than a small one. */
const LARGE = 64;

/** What the flushes that were begun tell about when to begin the next one. Times are monotonic. */
export class BegunFlushes {
  /** Of the last ones, the oldest at `#count % FEW`. */
  readonly #atMs = new Float64Array(FEW).fill(Number.NEGATIVE_INFINITY);
  #count = 0;
  /** Whose operations the large ones are of that are under way. */
  readonly #large = new Set<ReadonlySet<WorkspaceId>>();

  /** @returns the function to be called when the flush has ended */
  begin(batch: readonly Entry[], nowMs: number): () => void {
    this.#atMs[this.#count % FEW] = nowMs;
    this.#count += 1;
    if (batch.length < LARGE) return () => undefined;
    const workspaces = new Set(batch.map(({ operation }) => operation.job.workspace));
    this.#large.add(workspaces);
    return () => void this.#large.delete(workspaces);
  }

  areFew(nowMs: number): boolean {
    return nowMs - (this.#atMs[this.#count % FEW] ?? 0) > FEW_WITHIN_MS;
  }

  get isLargeUnderWay(): boolean {
    return this.#large.size > 0;
  }

  /** Whether a large one that is under way has operations of a workspace. */
  readonly isInLarge = (workspace: WorkspaceId): boolean => {
    for (const workspaces of this.#large) if (workspaces.has(workspace)) return true;
    return false;
  };
}
