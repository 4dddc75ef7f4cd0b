import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import { type RunJobRequest, tagName } from "../jobs/contract.ts";
import { policySettings, startSettings } from "../jobs/policy-contract.ts";
import { retryOf, theirRetry } from "./retry-words.ts";

const MAX_RETRY_CHARS = 2000;

/** What their clients say in the query of how a job is to run. What means nothing here, such as the job that asks, is left out. */
export const runQuery = z.looseObject({
  scheduled_for: startSettings.scheduled_for,
  scheduled_in_secs: z.coerce.number().min(0).optional(),
  tag: tagName.optional(),
  timeout: z.coerce.number().min(0.1).optional(),
  retry: z.string().max(MAX_RETRY_CHARS).transform(readJson).pipe(theirRetry).optional(),
});
export type RunQuery = z.infer<typeof runQuery>;

function readJson(text: string, context: z.RefinementCtx): unknown {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: "custom", message: "is no JSON" });
    return z.NEVER;
  }
}

/** The same for a job of ours. Errors: unimplemented, invalid_argument for a policy of retries that ours cannot say. */
export function settingsOf(query: RunQuery): Pick<RunJobRequest, "delay_s" | "scheduled_for" | "tag" | "timeout_ms" | "retry"> {
  const { scheduled_for: start, scheduled_in_secs: delay, tag, timeout, retry } = query;
  return {
    ...(start !== undefined && { scheduled_for: start }),
    ...(delay !== undefined && { delay_s: delay }),
    ...(tag !== undefined && { tag }),
    ...(timeout !== undefined && { timeout_ms: Math.round(timeout * 1000) }),
    ...(retry !== undefined && checked(retryOf(retry))),
  };
}

function checked({ retry }: ReturnType<typeof retryOf>): Pick<RunJobRequest, "retry"> {
  const parsed = policySettings.retry.safeParse(retry);
  if (parsed.success) return parsed.data === undefined ? {} : { retry: parsed.data };
  const message = parsed.error.issues[0]?.message ?? "is not valid";
  throw new AppError("invalid_argument", `retry: ${message}`, { fields: [{ pointer: "/retry", message }] });
}
