import { Worker } from "node:worker_threads";
import { AppError } from "../../kernel/app-error.ts";
import { type CheckRequest, type CheckVerdict, decodeCheckAnswer } from "./schema-check-codec.ts";

export interface SchemaCheck {
  /**
   * Checks a value (JSON text), or without one the schema itself. Texts that stand for variables and resources fit everywhere.
   * Errors: invalid_argument with the fields that are wrong, or when it takes too long; resource_exhausted when too many are checked at once.
   */
  check(schemaText: string, valueText?: string): Promise<void>;
}

const WORKER = new URL("./schema-check-worker.ts", import.meta.url);
const WITHIN_MS = 2000;
/** A machine on which a thread does not begin in that time has other worries than this check. */
const START_WITHIN_MS = 30_000;
const HEAP_MB = 64;
const AT_ONCE = 2;
const MAX_WAITING = 20;

/**
 * A thread for each check: 30 ms or so, for something that people do now and then, and no schema can harm another tenant.
 * @param withinMs how long a check may take, the start of its thread excluded
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

  return {
    async check(schemaText, valueText) {
      await enter();
      try {
        await checkInThread({ schema: JSON.parse(schemaText), valueText }, withinMs);
      } finally {
        leave();
      }
    },
  };
}

async function checkInThread(workerData: CheckRequest, withinMs: number): Promise<void> {
  const worker = new Worker(WORKER, { workerData, env: {}, resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } });
  let timer: NodeJS.Timeout | undefined;
  try {
    const verdict = await new Promise<CheckVerdict>((resolve, reject) => {
      const endWithin = (ms: number): void => {
        clearTimeout(timer);
        timer = setTimeout(() => reject(tooLong(`more than ${ms / 1000} s`)), ms);
      };
      endWithin(START_WITHIN_MS);
      worker.on("message", (message) => {
        const answer = decodeCheckAnswer(message);
        if (answer.kind === "ready") endWithin(withinMs);
        else resolve(answer);
      });
      worker.once("error", () => reject(tooLong("too much memory")));
      worker.once("exit", () => reject(tooLong("too much")));
    });
    judge(verdict);
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

function judge(answer: CheckVerdict): void {
  if (answer.kind === "bad_schema")
    throw new AppError("invalid_argument", `the schema cannot be used: ${answer.message}`, { fields: [{ pointer: "/schema", message: answer.message }] });
  if (answer.kind === "fits" || answer.fields.length === 0) return;
  const [first] = answer.fields;
  const place = first === undefined ? "" : `: ${first.pointer.slice(1).replaceAll("/", ".")} ${first.message}`;
  throw new AppError("invalid_argument", `the value does not fit the schema of its type${place}`, { fields: answer.fields });
}

function tooLong(how: string): AppError {
  return new AppError("invalid_argument", `checking against this schema takes ${how}`, {
    hint: "make the schema simpler: patterns and recursion are what costs",
  });
}
