import { z } from "zod";
import { isStorableJson } from "../../kernel/storable-text.ts";
import type { JobOutcome } from "../jobs/dependency-jobs.ts";
import { LOCK_BYTES } from "./contract.ts";
import type { LockEnd } from "./lock-store.ts";

const MAX_ERROR = 4000;
const lockResult = z.looseObject({ lock: z.string() });
const errorResult = z.looseObject({ error: z.looseObject({ name: z.string().optional(), message: z.string() }) });

/** What the end of a dependency job says of the lock. The result comes from an agent: it is checked like anything from outside. */
export function lockEnd({ exit, resultJson }: JobOutcome): LockEnd {
  const result = parse(resultJson);
  if (exit.reason !== "succeeded") return failed(errorText(result, exit));
  const { data } = lockResult.safeParse(result);
  if (data === undefined) return failed("the agent did not answer with a lock: it may be older than the server");
  if (Buffer.byteLength(data.lock) > LOCK_BYTES) return failed(`the lock is larger than ${LOCK_BYTES} bytes`);
  return isStorableJson(data.lock) ? { kind: "ready", lock: data.lock } : failed("the lock has characters that cannot be stored");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function errorText(result: unknown, { reason, message }: JobOutcome["exit"]): string {
  const { data } = errorResult.safeParse(result);
  const said = data === undefined ? message : data.error.message;
  return said === "" ? `the job ended with ${reason}` : said;
}

function failed(error: string): LockEnd {
  return { kind: "failed", error: isStorableJson(error) ? error.slice(0, MAX_ERROR) : "the error has characters that cannot be stored" };
}
