import { isUuid, parseToken } from "../../kernel/ids.ts";
import type { AttemptRef } from "../../proto/gen/millrace/agent/v1/job.ts";

/** `<job id>.<token>`: one attempt, usable as a file name because both parts were checked. */
export type AttemptKey = `${string}.${string}`;

export function keyOf(attempt: AttemptRef): AttemptKey {
  return `${attempt.jobId}.${attempt.token}`;
}

export function refOf(key: AttemptKey): AttemptRef {
  const dot = key.indexOf(".");
  return { jobId: key.slice(0, dot), token: key.slice(dot + 1) };
}

/** True when both parts have the form they must have; only such attempts may become file names. */
export function isAttemptRef(attempt: AttemptRef): boolean {
  return isUuid(attempt.jobId) && parseToken(attempt.token) !== undefined;
}
