import { AppError } from "../../kernel/app-error.ts";
import type { RuntimeInfo } from "../../proto/gen/millrace/agent/v1/session.ts";

/** The control plane refuses a Hello with more than this. */
const MAX_RUNTIMES = 32;
const LANGUAGE = /^[a-z0-9_]{1,32}$/;

/** Holds the runtimes of this host against what the control plane takes in a Hello. Throws `failed_precondition` that names what is wrong. */
export function checkRuntimes(runtimes: readonly RuntimeInfo[]): void {
  if (runtimes.length > MAX_RUNTIMES)
    throw new AppError("failed_precondition", `this host offers ${runtimes.length} runtimes, at most ${MAX_RUNTIMES} are possible`);
  const odd = runtimes.find((runtime) => !LANGUAGE.test(runtime.language));
  if (odd === undefined) return;
  throw new AppError(
    "failed_precondition",
    `${JSON.stringify(odd.language.slice(0, 100))} cannot be the name of a runtime: it needs 1 to 32 of a-z, 0-9 and _`,
  );
}
