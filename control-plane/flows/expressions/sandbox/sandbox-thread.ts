/** The thread that QuickJS runs in. It is ended from outside whenever it takes too long: nothing in it may hold anything. */
import { parentPort, workerData } from "node:worker_threads";
import { newQuickJSWASMModuleFromVariant } from "quickjs-emscripten-core";
import { evaluateInGuest } from "./evaluate-in-guest.ts";
import { asLimits, asTask, type SandboxMessage } from "./sandbox-messages-codec.ts";

/** WebAssembly memory never shrinks: a thread that has grown to this is replaced. */
const WORN_BYTES = 48 * 1024 * 1024;

// The engine asks this thread how far local time is from UTC: an expression must not say something else on another machine.
Date.prototype.getTimezoneOffset = () => 0;

const limits = asLimits(workerData);
const quickjs = await newQuickJSWASMModuleFromVariant(import("@jitl/quickjs-wasmfile-release-sync"));

function cpuMicros(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

function send(message: SandboxMessage): void {
  parentPort?.postMessage(message);
}

parentPort?.on("message", (message: unknown) => {
  const task = asTask(message);
  if (task === undefined) return;
  const { outcome, isWorn } = evaluateInGuest(quickjs, task, limits, cpuMicros);
  const hasGrown = quickjs.getWasmMemory().buffer.byteLength > WORN_BYTES;
  send({ kind: "outcome", id: task.id, outcome, isWorn: isWorn || hasGrown, cpuMicros: cpuMicros() });
});
// The first evaluation is the slowest by far: it is nobody's.
evaluateInGuest(quickjs, { id: 0, code: "(function () {})", context: '{"values":{}}', hasDate: true, atMs: 0 }, limits, cpuMicros);
send({ kind: "ready", cpuMicros: cpuMicros() });
