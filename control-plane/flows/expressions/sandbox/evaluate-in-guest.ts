import { DefaultIntrinsics, type QuickJSContext, type QuickJSHandle, type QuickJSRuntime, type QuickJSWASMModule } from "quickjs-emscripten-core";
import { GUEST, GUEST_WITH_CLOCK } from "./guest.ts";
import type { SandboxLimits } from "./sandbox-limits.ts";
import { readAnswer, type SandboxOutcome, type SandboxTask } from "./sandbox-messages-codec.ts";

/** Of the name of a file in stacks, by which `place.ts` finds the line. */
const FILE = "expression";
/** Promises that are continued before the clock is looked at. */
const JOBS_AT_A_TIME = 1_000;

/** When the expression has to end, in processor time of this thread. */
interface Deadline {
  atMicros: number;
  isPast: boolean;
}

/**
 * Evaluates one task in a new runtime: nothing of an evaluation is left for the next one.
 * @returns `isWorn`: the engine itself failed, and the thread must not go on
 */
export function evaluateInGuest(
  quickjs: QuickJSWASMModule,
  task: SandboxTask,
  limits: SandboxLimits,
  cpuMicros: () => number,
): { readonly outcome: SandboxOutcome; readonly isWorn: boolean } {
  const deadline: Deadline = { atMicros: Number.POSITIVE_INFINITY, isPast: false };
  let outcome: SandboxOutcome = { kind: "broken" };
  let isWorn = false;
  try {
    // Disposed when the block ends, the newest first.
    using runtime = quickjs.newRuntime();
    runtime.setMemoryLimit(limits.memoryBytes);
    runtime.setMaxStackSize(limits.stackBytes);
    runtime.setInterruptHandler(() => {
      deadline.isPast ||= cpuMicros() > deadline.atMicros;
      return deadline.isPast;
    });
    using context = runtime.newContext({ intrinsics: { ...DefaultIntrinsics, Date: task.hasDate } });
    outcome = evaluateInContext(runtime, context, task, limits, () => {
      deadline.atMicros = cpuMicros() + limits.cpuMs * 1_000;
    });
  } catch {
    isWorn = true;
  }
  return { outcome: deadline.isPast ? { kind: "limit", limit: "time" } : outcome, isWorn };
}

/** @param begin called when the expression's own time begins: unpacking the scope is not its doing */
function evaluateInContext(runtime: QuickJSRuntime, context: QuickJSContext, task: SandboxTask, limits: SandboxLimits, begin: () => void): SandboxOutcome {
  const owned: QuickJSHandle[] = [];
  const own = (handle: QuickJSHandle): QuickJSHandle => {
    owned.push(handle);
    return handle;
  };
  try {
    const guest = own(context.unwrapResult(context.evalCode(task.hasDate ? GUEST_WITH_CLOCK : GUEST, "guest")));
    const input = own(context.newString(task.context));
    const now = own(context.newNumber(task.atMs ?? Number.NaN));
    const loaded = context.callFunction(guest, context.undefined, input, now);
    if (loaded.error) return failure(context, own(loaded.error));
    const run = own(loaded.value);
    begin();
    const main = context.evalCode(task.code, FILE);
    if (main.error) return failure(context, own(main.error));
    const answer = context.callFunction(run, context.undefined, own(main.value));
    if (answer.error) return failure(context, own(answer.error));
    return settled(runtime, context, own(answer.value), limits, own);
  } finally {
    for (const handle of owned.reverse()) handle.dispose();
  }
}

/** The answer, now or when the promise that it is has been kept. */
function settled(
  runtime: QuickJSRuntime,
  context: QuickJSContext,
  answer: QuickJSHandle,
  limits: SandboxLimits,
  own: (handle: QuickJSHandle) => QuickJSHandle,
): SandboxOutcome {
  if (context.typeof(answer) === "string") return read(context, answer, limits);
  while (runtime.hasPendingJob()) {
    const jobs = runtime.executePendingJobs(JOBS_AT_A_TIME);
    if (jobs.error) return failure(context, own(jobs.error));
    jobs.dispose();
  }
  const state = context.getPromiseState(answer);
  // Not a promise and not a text: not what our part of the guest answers.
  if (state.type === "fulfilled") return state.notAPromise === true ? { kind: "broken" } : read(context, own(state.value), limits);
  if (state.type === "rejected") return failure(context, own(state.error));
  return { kind: "error", name: "Error", message: "it waits for a promise that nothing keeps", stack: "" };
}

function read(context: QuickJSContext, answer: QuickJSHandle, limits: SandboxLimits): SandboxOutcome {
  const length = context.getProp(answer, "length").consume((handle) => context.getNumber(handle));
  if (!(length <= limits.valueChars)) return { kind: "limit", limit: "size" };
  const outcome = readAnswer(context.getString(answer));
  if (outcome.kind === "error") return limitOf(outcome.name, outcome.message) ?? outcome;
  return outcome.kind === "value" && isDeeper(outcome.json, limits.valueDepth) ? { kind: "limit", limit: "depth" } : outcome;
}

/** An error that the guest could not describe itself. */
function failure(context: QuickJSContext, error: QuickJSHandle): SandboxOutcome {
  const text = (name: string): string =>
    context
      .getProp(error, name)
      .consume((handle) => context.getString(handle))
      .slice(0, 2_000);
  if (context.typeof(error) !== "object") return { kind: "limit", limit: "memory" };
  const [name, message] = [text("name"), text("message")];
  return limitOf(name, message) ?? { kind: "error", name, message, stack: text("stack") };
}

/** The engine's own words for what ran out. */
function limitOf(name: string, message: string): SandboxOutcome | undefined {
  if (message === "out of memory" && name === "InternalError") return { kind: "limit", limit: "memory" };
  return /stack overflow/.test(message) && /^(InternalError|RangeError|SyntaxError)$/.test(name) ? { kind: "limit", limit: "stack" } : undefined;
}

/** Whether lists and records in a JSON text are nested deeper. */
function isDeeper(json: string, levels: number): boolean {
  let depth = 0;
  let isInText = false;
  for (let at = 0; at < json.length; at++) {
    const char = json.charCodeAt(at);
    if (isInText) {
      if (char === 0x5c) at += 1;
      else if (char === 0x22) isInText = false;
    } else if (char === 0x22) isInText = true;
    else if (char === 0x5b || char === 0x7b) {
      depth += 1;
      if (depth > levels) return true;
    } else if (char === 0x5d || char === 0x7d) depth -= 1;
  }
  return false;
}
