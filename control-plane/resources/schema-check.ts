import { Worker } from "node:worker_threads";
import { AppError, type FieldError } from "../../kernel/app-error.ts";
import { watchThread } from "../../kernel/thread-time.ts";
import { type CheckRequest, type CheckVerdict, decodeCheckAnswer } from "./schema-check-codec.ts";

export interface SchemaCheck {
  /**
   * Checks a value (JSON text), or without one the schema itself. Texts that stand for variables and resources fit everywhere.
   * Errors: invalid_argument with the fields that are wrong, or when it takes too long; resource_exhausted when too many are checked at once;
   * unavailable when the machine is too busy.
   */
  check(schemaText: string, valueText?: string): Promise<void>;
  /**
   * Checks what somebody filled into a form (JSON text) and puts the form's defaults where they left something out. Texts stand for themselves.
   * Errors: invalid_argument when it takes too long; resource_exhausted and unavailable as above.
   */
  fill(form: object, valueText: string): Promise<CheckVerdict>;
}

const WORKER = new URL("./schema-check-worker.ts", import.meta.url);
const WITHIN_MS = 2000;
/** A machine on which a check does not begin, or does not get its time, has other worries than this check. */
const WALL_MS = 30_000;
const HEAP_MB = 64;
const AT_ONCE = 2;
const MAX_WAITING = 20;

/**
 * A thread for each check: 30 ms or so, for something that people do now and then, and no schema can harm another tenant.
 * @param withinMs processor time that a check may take, the start of its thread excluded
 */
export function createSchemaCheck(withinMs = WITHIN_MS): SchemaCheck {
  let running = 0;
  const waiting: (() => void)[] = [];

  async function enter(): Promise<void> {
    if (running < AT_ONCE) {
      running += 1;
      return;
    }
    if (waiting.length >= MAX_WAITING) throw new AppError("resource_exhausted", "too many values are being checked at the moment", { retryAfterS: 1 });
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  /** The place goes to the next one, or becomes free. */
  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }

  async function inTurn(request: CheckRequest): Promise<CheckVerdict> {
    await enter();
    try {
      return await checkInThread(request, withinMs);
    } finally {
      leave();
    }
  }

  return {
    async check(schemaText, valueText) {
      judge(await inTurn({ use: "value", schema: JSON.parse(schemaText), valueText }));
    },
    fill: (form, valueText) => inTurn({ use: "answer", schema: form, valueText }),
  };
}

async function checkInThread(workerData: CheckRequest, withinMs: number): Promise<CheckVerdict> {
  const worker = new Worker(WORKER, { workerData, env: {}, resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } });
  let endWatch: (() => void) | undefined;
  try {
    return await new Promise<CheckVerdict>((resolve, reject) => {
      const endWithin = (cpuMs: number): void => {
        endWatch?.();
        endWatch = watchThread(worker, { cpuMs, wallMs: WALL_MS }, (how) => {
          reject(
            how === "spent"
              ? tooLong(`more than ${cpuMs / 1000} s`)
              : new AppError("unavailable", "this machine is too busy to check the value", { retryAfterS: 5 }),
          );
        });
      };
      endWithin(WALL_MS);
      worker.on("message", (message) => {
        const answer = decodeCheckAnswer(message);
        if (answer.kind === "ready") endWithin(withinMs);
        else resolve(answer);
      });
      worker.once("error", () => reject(tooLong("too much memory")));
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
