/** The ticks of one schedule: whole seconds, milliseconds since the epoch. */
export interface Ticks {
  /** The first one after a moment; undefined: there is none. */
  after(ms: number): number | undefined;
  /** The last one before a moment. */
  before(ms: number): number | undefined;
}

/**
 * What becomes of ticks that nobody was there for. none: nothing · latest: one run for all of them · all: a run for each, the newest `max` of those
 * that are not older than the window.
 */
export type CatchUp = { readonly kind: "none" } | { readonly kind: "latest" } | { readonly kind: "all"; readonly max: number; readonly windowMs: number };

export interface Plan {
  /** Ticks that run, oldest first. */
  readonly run: readonly number[];
  /** The first and the last of those before them, which do not. */
  readonly missed: { readonly fromMs: number; readonly untilMs: number } | undefined;
  /** The tick after all of these. */
  readonly thenMs: number | undefined;
}

/**
 * A tick runs as usual when it is no later than this: a replica that takes over a dead one's shards needs some ten seconds, and must not turn
 * their ticks into missed ones.
 */
export const GRACE_MS = 60_000;

/**
 * What happens at a moment to a schedule whose next tick has come. Those that run are always the newest of the due ones.
 * @param dueMs the oldest tick that nothing has happened to yet; not after `nowMs`
 */
export function planTicks(ticks: Ticks, dueMs: number, nowMs: number, catchUp: CatchUp): Plan {
  const thenMs = ticks.after(nowMs);
  const isLate = dueMs < nowMs - GRACE_MS;
  if (isLate && catchUp.kind === "latest") {
    const newest = Math.max(dueMs, ticks.before(nowMs + 1) ?? dueMs);
    return { run: [newest], missed: missedBefore(ticks, dueMs, newest), thenMs };
  }
  const run: number[] = [];
  let late = 0;
  for (let at = ticks.before(nowMs + 1); at !== undefined && at >= dueMs; at = ticks.before(at)) {
    if (at < nowMs - GRACE_MS) {
      if (catchUp.kind !== "all" || at < nowMs - catchUp.windowMs || late === catchUp.max) break;
      late += 1;
    }
    run.push(at);
  }
  run.reverse();
  // Rules of a zone change: then a tick that was announced may be none of the pattern's any more.
  if (run.length === 0 && !isLate) run.push(dueMs);
  return { run, missed: missedBefore(ticks, dueMs, run[0] ?? thenMs ?? nowMs + 1), thenMs };
}

function missedBefore(ticks: Ticks, dueMs: number, firstMs: number): Plan["missed"] {
  if (dueMs >= firstMs) return undefined;
  return { fromMs: dueMs, untilMs: Math.max(dueMs, ticks.before(firstMs) ?? dueMs) };
}

/** How many ticks there are between two of them, both counted, up to a bound: a count at the bound means that many or more. */
export function countTicks(ticks: Ticks, fromMs: number, untilMs: number, bound: number): number {
  let count = 0;
  for (let at = ticks.after(fromMs - 1); at !== undefined && at <= untilMs && count < bound; at = ticks.after(at)) count += 1;
  return count;
}
