// YAML of strangers is read in a worker of its own that ends afterwards: its parser is JavaScript, so that a worker can hold whatever it does (time,
// memory, the stack), and some texts keep it busy for long. It must not keep the scheduler waiting meanwhile.
import { Worker } from "node:worker_threads";
import { AppError } from "../../kernel/app-error.ts";
import { FLOW_LIMITS } from "./openflow.ts";
import { asYamlReading } from "./yaml-messages-codec.ts";
import type { YamlProblem, YamlReading } from "./yaml-text.ts";

const WORKER = new URL("./yaml-worker.ts", import.meta.url);
const MEMORY_MB = 256;
const STACK_MB = 4;

export interface YamlReaderOptions {
  /** Wall time that one text may take, the start of its worker included. */
  readonly timeoutMs?: number;
  /** Workers at a time, and texts that may wait for one; one more is refused. */
  readonly maxAtOnce?: number;
  readonly maxWaiting?: number;
}

/** @returns JSON text. Errors: invalid_argument with line and column; out_of_range; resource_exhausted when too many texts wait. */
export type ReadYaml = (text: string) => Promise<string>;

export function createYamlReader({ timeoutMs = 10_000, maxAtOnce = 2, maxWaiting = 50 }: YamlReaderOptions = {}): ReadYaml {
  const waiting: (() => void)[] = [];
  let running = 0;

  async function turn(): Promise<void> {
    if (running < maxAtOnce) {
      running += 1;
      return;
    }
    if (waiting.length >= maxWaiting)
      throw new AppError("resource_exhausted", "too many YAML documents are being read at once", { retryable: true, retryAfterS: 2 });
    // The turn is handed over as it is.
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  return async (text) => {
    if (Buffer.byteLength(text) > FLOW_LIMITS.documentBytes)
      throw yamlError("out_of_range", [{ line: 0, column: 0, message: `it is larger than ${FLOW_LIMITS.documentBytes} bytes` }]);
    await turn();
    try {
      const reading = await readInWorker(text, timeoutMs);
      if (reading.kind === "json") return reading.json;
      throw yamlError("invalid_argument", reading.problems);
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}

function yamlError(code: "invalid_argument" | "out_of_range", problems: readonly YamlProblem[]): AppError {
  const fields = problems.map(({ line, column, message }) => ({
    pointer: "/yaml",
    message: line === 0 ? message : `line ${line}, column ${column}: ${message}`,
  }));
  return new AppError(code, `the YAML cannot be read: ${fields[0]?.message ?? "it is not valid"}`, { fields });
}

function readInWorker(text: string, timeoutMs: number): Promise<YamlReading> {
  const tooMuch: YamlReading = { kind: "problems", problems: [{ line: 0, column: 0, message: "it is too complex to be read" }] };
  return new Promise((resolve, reject) => {
    const worker = new Worker(WORKER, { workerData: text, env: {}, resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB, stackSizeMb: STACK_MB } });
    const end = (act: () => void): void => {
      clearTimeout(timer);
      act();
      void worker.terminate();
    };
    const timer = setTimeout(() => end(() => resolve(tooMuch)), timeoutMs);
    worker.once("message", (message) => end(() => resolve(asYamlReading(message) ?? tooMuch)));
    worker.once("error", (error) => {
      const isOutOfMemory = "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
      end(() => (isOutOfMemory ? resolve(tooMuch) : reject(new AppError("internal", "the YAML could not be read", { cause: error }))));
    });
    // Only when it ended without an answer: promises settle once.
    worker.once("exit", () => end(() => reject(new AppError("internal", "the YAML reader ended without an answer"))));
  });
}
