import type { WindowRecord } from "../jobs/model.ts";
import { windowsOf } from "./core/limits-core.ts";
import type { RunningJob } from "./core/model.ts";
import type { OwnerDeps } from "./owner-deps.ts";

/** What a claim has to store of the windows that it counts in, relative to now. Undefined when it counts in none. */
export function windowRecords({ state, clock }: Pick<OwnerDeps, "state" | "clock">, running: RunningJob): readonly WindowRecord[] | undefined {
  if (running.job.limits === undefined) return undefined;
  const nowMs = clock.monotonicMs();
  const windows = windowsOf(state, running.job);
  if (windows.length === 0) return undefined;
  return windows.map(({ id, window: { size, times, tatMs } }) => ({
    workspace: running.job.workspace,
    id,
    starts: size.starts,
    windowMs: size.windowMs,
    agesMs: times.map((time) => nowMs - time),
    tatInMs: tatMs === undefined ? undefined : tatMs - nowMs,
    token: running.token,
    keepMs: Math.max(size.windowMs, tatMs === undefined ? 0 : tatMs - nowMs),
  }));
}
