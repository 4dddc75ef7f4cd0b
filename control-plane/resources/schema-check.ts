import { Worker } from "node:worker_threads";
import { AppError, type FieldError } from "../../kernel/app-error.ts";
import { FairThreads } from "../../kernel/fair-threads.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { watchThread } from "../../kernel/thread-time.ts";
import { type CheckRequest, type CheckVerdict, decodeCheckAnswer } from "./schema-check-codec.ts";

export interface SchemaCheck {
  /**
   * Checks a value (JSON text), or without one the schema itself. Texts that stand for variables and resources fit everywhere.
   * Errors: invalid_argument with the fields that are wrong, or when it takes too long; resource_exhausted when too many of the workspace wait to be
   * checked; unavailable when the machine is too busy.
   */
  check(workspace: WorkspaceId, schemaText: string, valueText?: string): Promise<void>;
  /**
   * Checks what somebody filled into a form (JSON text) and puts the form's defaults where they left something out. Texts stand for themselves.
   * Errors: invalid_argument when it takes too long; resource_exhausted and unavailable as above.
   */
  fill(workspace: WorkspaceId, form: object, valueText: string): Promise<CheckVerdict>;
}

const WORKER = new URL("./schema-check-worker.ts", import.meta.url);
const WITHIN_MS = 2000;
/** A machine on which a check does not begin, or does not get its time, has other worries than this check. */
const WALL_MS = 30_000;
const HEAP_MB = 64;
const AT_ONCE = 2;
/** Threads take tens of milliseconds, or seconds for patterns that somebody wrote to be slow: those of others do not wait behind all of them. */
const MOST_WAITING = { waitingPerWorkspace: 20, waiting: 200 };

/**
 * A thread for each check: 30 ms or so, for something that people do now and then, and no schema can harm another tenant.
 * @param withinMs processor time that a check may take, the start of its thread excluded @param most that may wait for a thread
 */
export function createSchemaCheck(withinMs = WITHIN_MS, most = MOST_WAITING): SchemaCheck {
  const tooMany = (): AppError => new AppError("resource_exhausted", "too many values of this workspace are being checked at the moment", { retryAfterS: 1 });
  const threads = new FairThreads(AT_ONCE, most, tooMany);
  const inTurn = (workspace: WorkspaceId, request: CheckRequest): Promise<CheckVerdict> =>
    threads.take(workspace, (ranAway) => checkInThread(request, withinMs, ranAway));

  return {
    async check(workspace, schemaText, valueText) {
      judge(await inTurn(workspace, { use: "value", schema: JSON.parse(schemaText), valueText }));
    },
    fill: (workspace, form, valueText) => inTurn(workspace, { use: "answer", schema: form, valueText }),
  };
}

async function checkInThread(workerData: CheckRequest, withinMs: number, ranAway: () => void): Promise<CheckVerdict> {
  const worker = new Worker(WORKER, { workerData, env: {}, resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } });
  let endWatch: (() => void) | undefined;
  try {
    return await new Promise<CheckVerdict>((resolve, reject) => {
      const giveUp = (how: string): void => {
        ranAway();
        reject(tooLong(how));
      };
      const endWithin = (cpuMs: number): void => {
        endWatch?.();
        endWatch = watchThread(worker, { cpuMs, wallMs: WALL_MS }, (how) => {
          if (how === "spent") giveUp(`more than ${cpuMs / 1000} s`);
          else reject(new AppError("unavailable", "this machine is too busy to check the value", { retryAfterS: 5 }));
        });
      };
      endWithin(WALL_MS);
      worker.on("message", (message) => {
        const answer = decodeCheckAnswer(message);
        if (answer.kind === "ready") endWithin(withinMs);
        else resolve(answer);
      });
      worker.once("error", () => giveUp("too much memory"));
      worker.once("exit", () => reject(tooLong("too much")));
    });
  } finally {
    endWatch?.();
    await worker.terminate();
  }
}

function judge(verdict: CheckVerdict): void {
  if (verdict.kind === "bad_schema")
    throw new AppError("invalid_argument", `the schema cannot be used: ${verdict.message}`, { fields: [{ pointer: "/schema", message: verdict.message }] });
  if (verdict.kind === "wrong") throw unfit("the value does not fit the schema of its type", verdict.fields, "/value");
}

/** @param root where the value stands in the request */
export function unfit(what: string, fields: readonly FieldError[], root: string): AppError {
  const [first] = fields;
  const at = first === undefined ? "" : `${root}${first.pointer}`.slice(1).replaceAll("/", ".");
  const message = first === undefined ? what : `${what}: ${at}${at === "" ? "" : " "}${first.message}`;
  return new AppError("invalid_argument", message, { fields: fields.map((field) => ({ ...field, pointer: `${root}${field.pointer}` })) });
}

function tooLong(how: string): AppError {
  return new AppError("invalid_argument", `checking against this schema takes ${how}`, {
    hint: "make the schema simpler: patterns and recursion are what costs",
  });
}
