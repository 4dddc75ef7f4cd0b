/** Why an attempt ended, as data: the same names in the database, the API and the CLI. */
export const EXIT_REASONS = [
  "succeeded",
  "exit_code",
  "signal",
  "timeout",
  "cancelled",
  "out_of_memory",
  "disk_full",
  "syntax_error",
  "result_invalid",
  "result_too_large",
  "sandbox_error",
  "runtime_missing",
  "lost",
  "fenced",
  "expired",
  "limit_reached",
  "policy",
  "step_failed",
  "input_missing",
  "folder_lost",
] as const;
export type ExitReason = (typeof EXIT_REASONS)[number];

export interface Exit {
  readonly reason: ExitReason;
  /** Exit code of the process; 0 unless the reason is `exit_code`. */
  readonly code: number;
  /** Name such as SIGKILL; empty unless the reason is `signal`. */
  readonly signal: string;
  /** One line for people; may be empty. */
  readonly message: string;
}

/** How a finished job is shown and counted. */
export const OUTCOMES = ["succeeded", "failed", "cancelled"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** The outcome that an exit reason leads to. */
export function outcomeOf(reason: ExitReason): Outcome {
  if (reason === "succeeded") return "succeeded";
  return reason === "cancelled" || reason === "expired" ? "cancelled" : "failed";
}

export function exitOf(reason: ExitReason, message = "", extra: { code?: number; signal?: string } = {}): Exit {
  return { reason, message, code: extra.code ?? 0, signal: extra.signal ?? "" };
}

/** The result of a failed job: `{"error":{"name","message","stack"?}}`, as JSON text. */
export function errorResult(name: string, message: string, stack?: string): string {
  return JSON.stringify({ error: stack === undefined || stack === "" ? { name, message } : { name, message, stack } });
}
