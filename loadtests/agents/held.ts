import type { AttemptRef, Finished } from "../../proto/gen/millrace/agent/v1/job.ts";
import type { Stamp } from "./book.ts";

/** An attempt from its arrival until its end is acknowledged. */
export interface Held {
  readonly jobId: string;
  readonly token: string;
  readonly stamp: Stamp;
  readonly arrivedUs: number;
  readonly startedAtUs: number;
  finished: Finished | undefined;
  timer: NodeJS.Timeout | undefined;
}

export function refOf(held: { readonly jobId: string; readonly token: string }): AttemptRef {
  return { jobId: held.jobId, token: held.token };
}

/** Reads what the generator wrote. Jobs of anything else are counted nowhere, but must not end the process. */
export function stampOf(argsJson: string): Stamp {
  const { at = 0, n = 0, s = -1, sleep_ms = 0 } = JSON.parse(argsJson) as Partial<Stamp>;
  return { at, n, s, sleep_ms };
}
