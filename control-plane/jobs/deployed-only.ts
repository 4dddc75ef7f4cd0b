import { AppError } from "../../kernel/app-error.ts";
import type { Principal } from "../identity/authenticate.ts";
import type { RunJobRequest } from "./contract.ts";

const BROUGHT = ["code", "document", "yaml"] as const;

/**
 * A running job starts what is deployed, and nothing that it brings itself: inline code says what network and sandbox it wants, and so could have more
 * of both than the script that started it. Errors: permission_denied.
 */
export function refuseBroughtCode({ kind }: Pick<Principal, "kind">, request: Pick<RunJobRequest, (typeof BROUGHT)[number]>): void {
  const name = kind === "job" ? BROUGHT.find((one) => request[one] !== undefined) : undefined;
  if (name === undefined) return;
  throw new AppError("permission_denied", "a job's own token runs deployed scripts and flows only", {
    fields: [{ pointer: `/${name}`, message: "is not for running jobs" }],
    hint: "deploy it, and run it by its path",
  });
}
