// Flows of strangers are read in a worker of its own that ends afterwards: reading is JavaScript, so that a worker can hold whatever it does (time,
// memory, the stack), and large documents keep it busy for seconds. The scheduler must not wait meanwhile. Small JSON is read at once, unless it has
// forms: their schemas are made into programs.
import { Worker } from "node:worker_threads";
import { AppError } from "../../kernel/app-error.ts";
import { FairThreads } from "../../kernel/fair-threads.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { type ThreadLimits, watchThread } from "../../kernel/thread-time.ts";
import type { ExpressionReader } from "./check-expressions.ts";
import { asFlowReading } from "./flow-messages-codec.ts";
import { type FlowReading, type FlowText, readFlow } from "./flow-reading.ts";

const WORKER = new URL("./flow-worker.ts", import.meta.url);
const MEMORY_MB = 256;
const STACK_MB = 4;
const LIMITS: ThreadLimits = { cpuMs: 10_000, wallMs: 60_000 };
/** JSON up to this length takes milliseconds; YAML of it may take a hundred times as long. */
const SMALL_CHARS = 16 * 1024;

export interface FlowReaderOptions {
  readonly expressions: ExpressionReader;
  /** That one text may take, the start of its worker included. */
  readonly limits?: ThreadLimits;
  /** Workers at a time. */
  readonly maxAtOnce?: number;
  /** Texts of one workspace that may wait for one; one more is refused. */
  readonly maxWaiting?: number;
}

/** Texts that wait, of all workspaces together: each may be a megabyte. */
const MOST_WAITING = 150;

/** Errors: resource_exhausted when too many texts of the workspace wait; unavailable when the machine is too busy to read one; internal when the worker has a defect. */
export type ReadFlow = (workspace: WorkspaceId, text: FlowText) => Promise<FlowReading>;

export function createFlowReader({ expressions, limits = LIMITS, maxAtOnce = 2, maxWaiting = 50 }: FlowReaderOptions): ReadFlow {
  const tooMany = (): AppError =>
    new AppError("resource_exhausted", "too many flows of this workspace are being read at once", { retryable: true, retryAfterS: 2 });
  const threads = new FairThreads(maxAtOnce, { waitingPerWorkspace: maxWaiting, waiting: MOST_WAITING }, tooMany);

  return async (workspace, text) => {
    if (text.format === "json" && text.text.length <= SMALL_CHARS) {
      const reading = readFlow(text, expressions);
      if (reading.kind === "unreadable" || !reading.leavesForms) return reading;
    }
    return threads.take(workspace, (ranAway) => readInWorker(text, limits, ranAway));
  };
}

function readInWorker(text: FlowText, limits: ThreadLimits, ranAway: () => void): Promise<FlowReading> {
  const tooMuch: FlowReading = { kind: "unreadable", isTooLarge: false, problems: [{ pointer: text.root, message: "is too complex to be read" }] };
  return new Promise((resolve, reject) => {
    const worker = new Worker(WORKER, { workerData: text, env: {}, resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB, stackSizeMb: STACK_MB } });
    const end = (act: () => void): void => {
      endWatch();
      act();
      void worker.terminate();
    };
    const giveUp = (): void => {
      ranAway();
      resolve(tooMuch);
    };
    const endWatch = watchThread(worker, limits, (how) => {
      end(() => (how === "spent" ? giveUp() : reject(new AppError("unavailable", "this machine is too busy to read the flow", { retryAfterS: 5 }))));
    });
    worker.once("message", (message) => end(() => resolve(asFlowReading(message) ?? tooMuch)));
    worker.once("error", (error) => {
      const isOutOfMemory = "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
      end(() => (isOutOfMemory ? giveUp() : reject(new AppError("internal", "the flow could not be read", { cause: error }))));
    });
    // Only when it ended without an answer: promises settle once.
    worker.once("exit", () => end(() => reject(new AppError("internal", "the reader of flows ended without an answer"))));
  });
}
