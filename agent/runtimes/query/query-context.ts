import type { QueryJob } from "./messages-codec.ts";

/** Variable of a helper with its writable folder, which is emptied after each job. */
export const HELPER_TMP = "MILLRACE_HELPER_TMP";

/** What a driver gets besides the job. */
export interface QueryContext {
  /** Aborted when the job is to end: the query is cancelled where it runs. */
  readonly signal: AbortSignal;
  /** A line for the job's log. */
  say(text: string): void;
}

/** @returns the result as JSON text. Rejects with QueryError. */
export type RunQuery = (job: QueryJob, context: QueryContext) => Promise<string>;
