/** The gRPC code set in lower snake case: the one vocabulary of failures. `error-maps.ts` turns it into HTTP and gRPC statuses. */
export type ErrorCode =
  | "cancelled"
  | "invalid_argument"
  | "deadline_exceeded"
  | "not_found"
  | "already_exists"
  | "aborted"
  | "permission_denied"
  | "unauthenticated"
  | "resource_exhausted"
  | "failed_precondition"
  | "out_of_range"
  | "unimplemented"
  | "internal"
  | "unavailable";

/** One field of an input that is wrong; `pointer` is a JSON pointer into the request body. */
export interface FieldError {
  readonly pointer: string;
  readonly message: string;
}

export interface AppErrorOptions {
  readonly retryable?: boolean;
  /** Seconds after which a retry makes sense. */
  readonly retryAfterS?: number;
  readonly fields?: readonly FieldError[];
  /** What to do about it; shown by CLI and console. */
  readonly hint?: string;
  /** Goes to the log only, never to the caller. */
  readonly cause?: unknown;
}

/**
 * The one error class. `message` is for the caller and holds no secrets; `cause` is for the log.
 * Expected outcomes (a job failed, a token is stale) are values, not errors.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfterS: number | undefined;
  readonly fields: readonly FieldError[];
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.retryable = options.retryable ?? code === "unavailable";
    this.retryAfterS = options.retryAfterS;
    this.fields = options.fields ?? [];
    this.hint = options.hint;
  }

  /** Turns anything that was thrown into an AppError; what it does not know becomes `internal` with the original as cause. */
  static from(thrown: unknown): AppError {
    if (thrown instanceof AppError) return thrown;
    if (thrown instanceof Error && thrown.name === "AbortError") return new AppError("cancelled", "the request was aborted", { cause: thrown });
    if (isLostConnection(thrown)) {
      return new AppError("unavailable", "the database cannot be reached or is overloaded at the moment", { cause: thrown, retryAfterS: 1 });
    }
    return new AppError("internal", "an unexpected error occurred", { cause: thrown });
  }
}

const SOCKET_CODES = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOENT", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "EAI_AGAIN"]);
/**
 * SQLSTATEs of a database that cannot serve now but may again: connection (08), rollback (40), resources (53), shutdown and start (57),
 * a lock that was not to be had (55P03), read only (25006), I/O (58).
 */
const PASSING_STATES = /^(08...|40...|53...|57...|58...|55P03|25006)$/;
const LOST = /connection terminated|connection error|not queryable|timeout exceeded when trying to connect|query read timeout|timeout expired/i;

/** True for a database that cannot be reached or cannot serve now; false for one that refuses what it was asked. */
export function isLostConnection(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  const code = "code" in thrown ? thrown.code : undefined;
  if (typeof code === "string" && (SOCKET_CODES.has(code) || PASSING_STATES.test(code))) return true;
  return LOST.test(thrown.message);
}

/** The message of anything thrown, for logs. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
