import type { JobView } from "../control-plane/jobs/contract.ts";
import { AppError, type AppErrorOptions, type ErrorCode } from "../kernel/app-error.ts";

/** What the process tells its caller; the same for every command. Scripts rely on these numbers: they never change. */
export const EXIT = {
  ok: 0,
  runFailed: 1,
  usage: 2,
  notFound: 3,
  conflict: 4,
  auth: 5,
  quota: 6,
  unavailable: 7,
  runCancelled: 8,
  precondition: 9,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An error that the server answered with, as opposed to one of this machine. */
export class ApiError extends AppError {
  readonly status: number;
  readonly requestId: string | undefined;

  constructor(code: ErrorCode, message: string, status: number, requestId: string | undefined, options: AppErrorOptions) {
    super(code, message, options);
    this.name = "ApiError";
    this.status = status;
    this.requestId = requestId;
  }
}

const BY_CODE: Readonly<Record<ErrorCode, ExitCode>> = {
  cancelled: EXIT.interrupted,
  invalid_argument: EXIT.usage,
  out_of_range: EXIT.usage,
  unimplemented: EXIT.usage,
  not_found: EXIT.notFound,
  already_exists: EXIT.conflict,
  aborted: EXIT.conflict,
  permission_denied: EXIT.auth,
  unauthenticated: EXIT.auth,
  resource_exhausted: EXIT.quota,
  unavailable: EXIT.unavailable,
  deadline_exceeded: EXIT.unavailable,
  internal: EXIT.unavailable,
  failed_precondition: EXIT.precondition,
};

/** The exit code for an error. The server's 409 is a conflict; the same code from this machine is a missing precondition. */
export function exitCodeOfError(error: AppError): ExitCode {
  if (error instanceof ApiError && error.status === 409) return EXIT.conflict;
  // Not the server's failure: something in this program.
  if (error.code === "internal" && !(error instanceof ApiError)) return EXIT.runFailed;
  return BY_CODE[error.code];
}

/** The exit code for a job that has ended. */
export function exitCodeOfJob(job: Pick<JobView, "status" | "exit">): ExitCode {
  if (job.status === "succeeded") return EXIT.ok;
  if (job.status === "cancelled") return EXIT.runCancelled;
  const reason = job.exit?.reason;
  return reason === "sandbox_error" || reason === "runtime_missing" ? EXIT.precondition : EXIT.runFailed;
}
