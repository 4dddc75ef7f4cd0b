/** One thread with QuickJS, seen from outside. States: starting → idle ⇄ busy; anything → ended. */
import { Worker } from "node:worker_threads";
import { usedByThreadMs } from "../../../../kernel/thread-time.ts";
import type { SandboxLimits } from "./sandbox-limits.ts";
import { asMessage, type SandboxMessage, type SandboxOutcome, type SandboxTask } from "./sandbox-messages-codec.ts";

const THREAD = new URL("./sandbox-thread.ts", import.meta.url);
/** Of the JavaScript around the engine; the engine's own memory does not count. */
const HEAP_MB = 64;
const START_MS = 30_000;

/** Unpacking what an expression reads is not its doing. Measured: 14 to 102 ms of processor time a megabyte, text and empty lists. */
const UNPACKED_CHARS_PER_MS = 10_000;

/** `lost`: the thread ended by itself before it answered, or could not start. */
export type ThreadOutcome = SandboxOutcome | { readonly kind: "lost" };

interface Current {
  readonly id: number;
  readonly startedMs: number;
  /** For unpacking. */
  readonly extraMs: number;
  readonly resolve: (outcome: ThreadOutcome) => void;
}

export class SandboxHost {
  readonly #worker: Worker;
  readonly #limits: SandboxLimits;
  readonly #onEnded: () => void;
  #state: "starting" | "idle" | "busy" | "ended" = "starting";
  #current: Current | undefined;
  #timer: NodeJS.Timeout | undefined;
  #nextId = 1;
  /** What the thread had used when it last said something. */
  #cpuMicros = 0;
  readonly #exited: Promise<unknown>;
  #wasReady = false;

  /** @param onIdle it can take a task; @param onEnded it never will again */
  constructor(limits: SandboxLimits, onIdle: () => void, onEnded: () => void) {
    this.#limits = limits;
    this.#onEnded = onEnded;
    // Nothing of this process is passed on: no environment, no arguments, no streams.
    const options = { workerData: limits, env: {}, argv: [], execArgv: [], stdin: false, stdout: true, stderr: true, trackUnmanagedFds: true };
    this.#worker = new Worker(THREAD, { ...options, resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } });
    this.#worker.stdout.resume();
    this.#worker.stderr.resume();
    this.#exited = new Promise((resolve) => this.#worker.once("exit", resolve));
    this.#worker.on("message", (message: unknown) => {
      const known = asMessage(message);
      if (known !== undefined && this.#state !== "ended") this.#receive(known, onIdle);
    });
    // `exit` follows.
    this.#worker.on("error", () => this.#end());
    this.#worker.once("exit", () => this.#end());
    this.#timer = setTimeout(() => this.#end(), START_MS);
  }

  get isIdle(): boolean {
    return this.#state === "idle";
  }

  get isStarting(): boolean {
    return this.#state === "starting";
  }

  /** It could have taken a task once. */
  get wasReady(): boolean {
    return this.#wasReady;
  }

  /** Only when idle. Never rejects. */
  evaluate(task: Omit<SandboxTask, "id">): Promise<ThreadOutcome> {
    if (this.#state !== "idle") return Promise.resolve({ kind: "lost" });
    this.#state = "busy";
    this.#worker.ref();
    return new Promise((resolve) => {
      const id = this.#nextId++;
      this.#current = { id, startedMs: performance.now(), extraMs: task.context.length / UNPACKED_CHARS_PER_MS, resolve };
      this.#watch(this.#current);
      this.#worker.postMessage({ ...task, id });
    });
  }

  /** Ends the thread, whatever it does. */
  async stop(): Promise<void> {
    this.#end();
    await this.#exited;
  }

  #receive(message: SandboxMessage, onIdle: () => void): void {
    this.#cpuMicros = message.cpuMicros;
    this.#wasReady = true;
    if (message.kind === "outcome") {
      if (message.id !== this.#current?.id) return;
      this.#finish(message.outcome);
      if (message.isWorn) {
        this.#end();
        return;
      }
    }
    clearTimeout(this.#timer);
    this.#state = "idle";
    // A thread that waits does not keep the process alive.
    this.#worker.unref();
    onIdle();
  }

  #watch(current: Current): void {
    this.#timer = setTimeout(() => void this.#overdue(current), this.#limits.wallMs + current.extraMs);
  }

  /** The interrupt of the engine did not come: either it is in one long built-in function, or the thread had no processor to run on. */
  async #overdue(current: Current): Promise<void> {
    // An answer may have arrived while this process was held up itself.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#current !== current) return;
    const usedMs = await this.#usedMs();
    if (this.#current !== current) return;
    // Twice, since the interrupt comes a little late, and a new thread costs more than the one that is ended.
    const wasStarved = usedMs !== undefined && usedMs < this.#limits.cpuMs * 2 + current.extraMs;
    if (wasStarved && performance.now() - current.startedMs < this.#limits.starvedMs) {
      this.#watch(current);
      return;
    }
    this.#finish({ kind: "limit", limit: "time" });
    this.#end();
  }

  /** Processor time since the last message; undefined when the thread does not say. */
  async #usedMs(): Promise<number | undefined> {
    const used = await usedByThreadMs(this.#worker);
    return used === undefined ? undefined : used - this.#cpuMicros / 1_000;
  }

  #finish(outcome: ThreadOutcome): void {
    clearTimeout(this.#timer);
    const current = this.#current;
    this.#current = undefined;
    current?.resolve(outcome);
  }

  #end(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    clearTimeout(this.#timer);
    void this.#worker.terminate();
    this.#finish({ kind: "lost" });
    this.#onEnded();
  }
}
