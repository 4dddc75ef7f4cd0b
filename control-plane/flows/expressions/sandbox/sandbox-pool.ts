import { type TurnLimits, WorkspaceTurns } from "../../../../kernel/workspace-turns.ts";
import { SandboxHost, type ThreadOutcome } from "./sandbox-host.ts";
import type { SandboxLimits } from "./sandbox-limits.ts";
import type { SandboxTask } from "./sandbox-messages-codec.ts";

/** Of evaluations that wait for a thread. */
export const TURN_LIMITS = { waitingPerWorkspace: 10_000, waiting: 50_000, markMs: 60_000 } as const satisfies TurnLimits;
/** A second thread that nobody needs ends; the first one stays warm. */
const IDLE_MS = 30_000;
/** Threads that ended in a row before they took anything: something is wrong with the machine. */
const FAILED_STARTS = 3;

export type PoolOutcome = ThreadOutcome | { readonly kind: "crowded" } | { readonly kind: "stopped" };

interface Request {
  /** Made when its turn comes: what waits holds no copy of its data. Undefined: too much data. */
  readonly task: () => Omit<SandboxTask, "id"> | undefined;
  readonly resolve: (outcome: PoolOutcome) => void;
}

/** Threads for evaluations: none before the first one, at most `threads`, replaced whenever one ends. */
export class SandboxPool {
  readonly #limits: SandboxLimits;
  readonly #threads: number;
  readonly #turns: WorkspaceTurns<Request>;
  readonly #hosts = new Set<SandboxHost>();
  #idleTimer: NodeJS.Timeout | undefined;
  #failedStarts = 0;
  #isStopped = false;

  constructor(limits: SandboxLimits, threads: number) {
    this.#limits = limits;
    this.#threads = threads;
    this.#turns = new WorkspaceTurns(threads, TURN_LIMITS);
  }

  /** Threads that live. */
  get size(): number {
    return this.#hosts.size;
  }

  /** Never rejects. */
  evaluate(workspace: string, task: Request["task"]): Promise<PoolOutcome> {
    return new Promise((resolve) => {
      if (this.#isStopped) resolve({ kind: "stopped" });
      else {
        this.#turns.add(workspace, { task, resolve })?.resolve({ kind: "crowded" });
        this.#next();
      }
    });
  }

  /** Ends all threads; what runs or waits is answered with `stopped`. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#idleTimer);
    for (const { resolve } of this.#turns.clear()) resolve({ kind: "stopped" });
    await Promise.all([...this.#hosts].map((host) => host.stop()));
  }

  #next(): void {
    if (this.#isStopped) return;
    const ready = [...this.#hosts].filter((host) => host.wasReady).length;
    for (const host of this.#hosts) {
      if (!host.isIdle) continue;
      const turn = this.#turns.next(performance.now(), ready);
      if (turn === undefined) break;
      this.#start(host, turn.workspace, turn.item);
    }
    // Also when a thread is idle: those who wait may not be allowed to have the only one.
    if (this.#turns.waiting > 0) this.#grow();
  }

  /** Starts a thread unless one is starting or all are there: a start takes longer than most evaluations. */
  #grow(): void {
    const isStarting = [...this.#hosts].some((host) => host.isStarting);
    if (isStarting || this.#hosts.size >= this.#threads) return;
    const host = new SandboxHost(
      this.#limits,
      () => {
        this.#failedStarts = 0;
        this.#next();
        this.#shrinkLater();
      },
      () => this.#ended(host),
    );
    this.#hosts.add(host);
  }

  #start(host: SandboxHost, workspace: string, { task, resolve }: Request): void {
    const startedMs = performance.now();
    const made = task();
    const evaluated: Promise<ThreadOutcome> = made === undefined ? Promise.resolve({ kind: "limit", limit: "context" }) : host.evaluate(made);
    void evaluated.then((outcome) => {
      const nowMs = performance.now();
      const ranAway = outcome.kind === "limit" || outcome.kind === "broken" || outcome.kind === "lost";
      this.#turns.ended(workspace, nowMs - startedMs, ranAway, nowMs);
      resolve(outcome.kind === "lost" && this.#isStopped ? { kind: "stopped" } : outcome);
      this.#next();
    });
  }

  #ended(host: SandboxHost): void {
    // Not so when it was spare.
    if (!this.#hosts.delete(host) || this.#isStopped) return;
    this.#failedStarts += host.wasReady ? 0 : 1;
    if (this.#failedStarts >= FAILED_STARTS) {
      this.#failedStarts = 0;
      for (const { resolve } of this.#turns.clear()) resolve({ kind: "lost" });
      return;
    }
    // It was needed, and somebody may be waiting for it in the next moment.
    this.#grow();
    this.#next();
  }

  #shrinkLater(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => {
      const [, ...spare] = [...this.#hosts].filter((host) => host.isIdle);
      for (const host of spare) {
        this.#hosts.delete(host);
        void host.stop();
      }
    }, IDLE_MS);
    this.#idleTimer.unref();
  }
}
