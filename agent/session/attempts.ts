import type { Logger } from "pino";
import { messageOf } from "../../kernel/app-error.ts";
import { ChurnMap } from "../../kernel/churn-map.ts";
import type { Clock } from "../../kernel/clock.ts";
import { type Exit, type ExitReason, errorResult, exitOf } from "../../kernel/exit.ts";
import { NOOP_LANGUAGE } from "../../kernel/languages.ts";
import type { AttemptRef, Bundle } from "../../proto/gen/millrace/agent/v1/job.ts";
import type { Cancel, Started } from "../../proto/gen/millrace/agent/v1/session.ts";
import { type AttemptKey, isAttemptRef, keyOf } from "../journal/attempt-key.ts";
import type { AttemptLog } from "../logs/attempt-log.ts";
import type { LogShipper } from "../logs/log-shipper.ts";
import type { AttemptIo, AttemptOutcome, RunningAttempt } from "../runner/attempt-types.ts";
import type { Results } from "./results.ts";
import type { StartGate } from "./start-gate.ts";
import { finishedToWire } from "./wire-codec.ts";

/** Runs one attempt; see runner/attempt.ts for the real one. */
export type StartAttempt = (bundle: Bundle, io: AttemptIo) => RunningAttempt;

/** Used when the bundle sets no limit. */
const DEFAULT_LOG_MAX_BYTES = 256 * 1024 * 1024;
/** The server enforces slots and may be a little ahead of us; beyond this many extra, attempts wait here. */
const EXTRA_STARTS = 64;
/** Attempts that may wait, at least. What comes beyond is not confirmed: the server must give it to somebody else. */
const MAX_QUEUED = 4_096;
const REFUSAL_LOG_SPACING_MS = 1_000;
/** What results call the ends that are decided here. */
const ERROR_NAMES: Readonly<Partial<Record<ExitReason, string>>> = { cancelled: "Cancelled", fenced: "Fenced" };

interface Held {
  readonly ref: AttemptRef;
  readonly quiet: boolean;
  /** Until it is started. */
  bundle: Bundle | undefined;
  running: RunningAttempt | undefined;
  log: AttemptLog | undefined;
  startedAtUs: number;
  /** Set when the server has asked to cancel it. */
  cancelReason: string | undefined;
  /** No longer ours: whatever comes of it is thrown away. */
  forgotten: boolean;
}

export interface AttemptsOptions {
  readonly slots: number;
  readonly startAttempt: StartAttempt;
  /** Absent: there is room for all that the slots let in. */
  readonly gate?: StartGate | undefined;
  readonly shipper: LogShipper;
  readonly results: Results;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onReceived: (ref: AttemptRef) => void;
  readonly onStarted: (started: Started) => void;
}

/** The attempts that this process holds and that have not ended, and what is to happen to them. */
export class Attempts {
  readonly #options: AttemptsOptions;
  readonly #held = new ChurnMap<AttemptKey, Held>();
  readonly #queued = new Set<Held>();
  /** Killed and forgotten, but their processes may not be gone yet. */
  readonly #dying = new Set<Held>();
  #startingHeld = false;
  /** Set when this process will start nothing any more. */
  #handBackReason: string | undefined;
  /** Set when what does not find room at once is not to wait for it. */
  #noWaitReason: string | undefined;
  #emptyWaiters: (() => void)[] = [];
  #refused = 0;
  #refusalLoggedMs = Number.NEGATIVE_INFINITY;

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  /** Attempts that run or wait to. */
  get size(): number {
    return this.#held.size;
  }

  has(key: AttemptKey): boolean {
    return this.#held.has(key);
  }

  refs(): AttemptRef[] {
    return [...this.#held.values()].map((held) => held.ref);
  }

  /** Attempts whose process exists, for a server that may not have heard of it. */
  started(): Started[] {
    return [...this.#held.values()].filter((held) => held.startedAtUs > 0).map((held) => ({ ...held.ref, atUs: held.startedAtUs }));
  }

  /** Takes a bundle. A second copy of one that is held, or whose result waits for its verdict, is confirmed and not started. */
  assign(bundle: Bundle): void {
    const ref: AttemptRef = { jobId: bundle.jobId, token: bundle.token };
    if (!isAttemptRef(ref)) {
      this.#options.log.error({ event: "attempt.malformed", ...ref }, "the server assigned an attempt without a valid id");
      return;
    }
    const key = keyOf(ref);
    if (this.#held.has(key) || this.#options.results.has(key)) {
      this.#options.onReceived(ref);
      return;
    }
    if (this.#queued.size >= Math.max(MAX_QUEUED, 4 * this.#options.slots)) {
      this.#refuse(ref);
      return;
    }
    const held: Held = {
      ref,
      quiet: bundle.language === NOOP_LANGUAGE,
      bundle,
      running: undefined,
      log: undefined,
      startedAtUs: 0,
      cancelReason: undefined,
      forgotten: false,
    };
    this.#held.set(key, held);
    this.#queued.add(held);
    this.#options.gate?.arrive(key, bundle);
    this.#options.onReceived(ref);
    if (this.#handBackReason !== undefined) this.#handBackOne(held, this.#handBackReason);
    this.#startQueued();
    if (this.#noWaitReason !== undefined) this.handBackWaiting(this.#noWaitReason);
  }

  /** The gate lets others in than before. */
  roomMade(): void {
    this.#startQueued();
  }

  /** A line of the agent in the log of an attempt that has not started. */
  sayWaiting(key: AttemptKey, text: string): void {
    const held = this.#held.get(key);
    if (held === undefined || !this.#queued.has(held)) return;
    void this.#logOf(held).write(2, Buffer.from(`millrace: ${text}\n`));
  }

  /** Starts nothing until `release`. */
  hold(): void {
    this.#startingHeld = true;
  }

  release(): void {
    this.#startingHeld = false;
    this.#startQueued();
  }

  /** What the server wants stopped. Unknown attempts have ended already: their result is on its way. */
  cancel(cancel: Cancel): void {
    if (cancel.fenced) {
      this.drop(cancel, cancel.reason);
      return;
    }
    const held = this.#held.get(keyOf(cancel));
    if (held !== undefined) this.#cancelOne(held, cancel.reason);
  }

  /**
   * Kills what still runs and reports it, with what waits and all that comes later, as fenced: the server gives it to another agent.
   * What the server wants cancelled may end within its own grace.
   */
  handBack(reason: string): void {
    this.#handBackReason = reason;
    for (const held of [...this.#held.values()]) this.#handBackOne(held, reason);
  }

  /** Reports what waits for room as fenced, now and from now on: the server gives it to another agent. What runs goes on. */
  handBackWaiting(reason: string): void {
    this.#noWaitReason = reason;
    for (const held of [...this.#queued]) if (this.#options.gate?.mayStart(keyOf(held.ref)) === false) this.#handBackOne(held, reason);
  }

  /** Kills what still uses the grace of its cancellation; it is reported as cancelled. */
  killCancelled(): void {
    for (const held of this.#held.values()) if (held.cancelReason !== undefined) held.running?.fence(held.cancelReason);
  }

  /** Kills a live attempt at once and forgets it: nothing of it is sent any more. One that has ended is left to the verdict on its result. */
  drop(ref: AttemptRef, why: string): void {
    this.#drop(ref, why);
    this.#startQueued();
  }

  dropAll(why: string): void {
    for (const held of [...this.#held.values()]) this.#drop(held.ref, why);
  }

  #drop(ref: AttemptRef, why: string): void {
    const key = keyOf(ref);
    const held = this.#held.get(key);
    if (held === undefined) return;
    this.#options.log.warn({ event: "attempt.fenced", ...held.ref, why }, "attempt killed: it is no longer this agent's");
    held.forgotten = true;
    this.#held.delete(key);
    this.#queued.delete(held);
    if (held.running !== undefined) this.#dying.add(held);
    else this.#options.gate?.leave(key);
    held.running?.fence(why);
    held.log?.discard();
    this.#settled();
  }

  /** Resolves when nothing is held and every process is gone. */
  whenEmpty(): Promise<void> {
    return new Promise((resolve) => {
      this.#emptyWaiters.push(resolve);
      this.#settled();
    });
  }

  /** One line per second tells enough. */
  #refuse(ref: AttemptRef): void {
    this.#refused += 1;
    const now = this.#options.clock.monotonicMs();
    if (now - this.#refusalLoggedMs < REFUSAL_LOG_SPACING_MS) return;
    this.#options.log.error({ event: "attempt.refused", ...ref, refused: this.#refused }, "far more attempts than slots: left to the server");
    this.#refusalLoggedMs = now;
    this.#refused = 0;
  }

  #cancelOne(held: Held, reason: string): void {
    this.#options.log.info({ event: "attempt.cancelling", ...held.ref, reason }, "attempt is being cancelled");
    held.cancelReason = reason;
    if (held.running !== undefined) {
      held.running.cancel(reason);
      return;
    }
    this.#queued.delete(held);
    this.#ended(held, unstarted(exitOf("cancelled", reason), this.#nowUs()));
  }

  #handBackOne(held: Held, reason: string): void {
    if (held.cancelReason !== undefined) return;
    this.#options.log.info({ event: "attempt.handed_back", ...held.ref, reason }, "attempt goes back to the control plane");
    if (held.running !== undefined) {
      held.running.fence(reason);
      return;
    }
    this.#queued.delete(held);
    this.#ended(held, unstarted(exitOf("fenced", reason), this.#nowUs()));
  }

  #startQueued(): void {
    if (this.#handBackReason !== undefined) return;
    for (const held of this.#queued) {
      const active = this.#held.size - this.#queued.size;
      if (this.#startingHeld || active >= this.#options.slots + EXTRA_STARTS) return;
      if (this.#options.gate?.mayStart(keyOf(held.ref)) === false) continue;
      this.#queued.delete(held);
      this.#start(held);
    }
  }

  #start(held: Held): void {
    const bundle = held.bundle;
    if (bundle === undefined) return;
    const log = this.#logOf(held);
    held.bundle = undefined;
    const room = this.#options.gate?.roomOf(keyOf(held.ref));
    try {
      held.running = this.#options.startAttempt(bundle, {
        room,
        onStarted: (atUs) => this.#onStarted(held, atUs),
        onOutput: (stream, data) => log.write(stream, data),
      });
    } catch (error) {
      this.#ended(held, unstarted(exitOf("sandbox_error", messageOf(error)), this.#nowUs()));
      return;
    }
    held.running.done.then(
      (outcome) => this.#ended(held, outcome),
      (error: unknown) => this.#ended(held, unstarted(exitOf("sandbox_error", messageOf(error)), this.#nowUs())),
    );
  }

  #logOf(held: Held): AttemptLog {
    const limit = held.bundle?.limits?.logMaxBytes ?? 0;
    held.log ??= this.#options.shipper.open(held.ref, limit === 0 ? DEFAULT_LOG_MAX_BYTES : limit);
    return held.log;
  }

  #onStarted(held: Held, atUs: number): void {
    if (held.forgotten) return;
    held.startedAtUs = atUs;
    this.#options.log[held.quiet ? "debug" : "info"]({ event: "attempt.started", ...held.ref }, "attempt started");
    this.#options.onStarted({ ...held.ref, atUs });
  }

  #ended(held: Held, ended: AttemptOutcome): void {
    this.#options.gate?.leave(keyOf(held.ref), ended);
    if (held.forgotten) {
      this.#dying.delete(held);
      this.#startQueued();
      this.#settled();
      return;
    }
    const outcome = asAsked(held, ended);
    const { exit, peakMemoryBytes, cpuMs } = outcome;
    const finished = finishedToWire(held.ref, outcome, held.log?.end() ?? { chunks: 0, bytes: 0, droppedBytes: 0 });
    this.#held.delete(keyOf(held.ref));
    this.#options.log[held.quiet ? "debug" : "info"](
      { event: "attempt.finished", ...held.ref, reason: exit.reason, code: exit.code, logBytes: finished.logBytes, peakMemoryBytes, cpuMs },
      "attempt finished",
    );
    this.#options.results.add(finished);
    this.#startQueued();
    this.#settled();
  }

  #settled(): void {
    if (this.#held.size + this.#dying.size > 0) return;
    for (const resolve of this.#emptyWaiters.splice(0)) resolve();
  }

  #nowUs(): number {
    return Math.round(this.#options.clock.wallMs() * 1000);
  }
}

/** Killed by us, but the server had asked to cancel it: handing it back would run it again. */
function asAsked(held: Held, outcome: AttemptOutcome): AttemptOutcome {
  if (held.cancelReason === undefined || outcome.exit.reason !== "fenced") return outcome;
  const exit = exitOf("cancelled", held.cancelReason);
  return { ...outcome, exit, resultJson: errorOf(exit) };
}

/** The end of an attempt that never ran. */
function unstarted(exit: Exit, nowUs: number): AttemptOutcome {
  return { exit, resultJson: errorOf(exit), startedAtUs: 0, finishedAtUs: nowUs };
}

function errorOf(exit: Exit): string {
  return errorResult(ERROR_NAMES[exit.reason] ?? "AgentError", exit.message);
}
