import { mkdirSync, readdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "pino";
import { ChurnMap } from "../../kernel/churn-map.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { AttemptRef, LogChunk } from "../../proto/gen/millrace/agent/v1/job.ts";
import type { LogAck } from "../../proto/gen/millrace/agent/v1/session.ts";
import { type AttemptKey, isAttemptRef, keyOf, refOf } from "../journal/attempt-key.ts";
import { AttemptLog, type LogHost } from "./attempt-log.ts";
import { CHUNK_BYTES } from "./chunker.ts";
import { SpoolFile } from "./spool-file.ts";

/** Chunks of all attempts that may wait in memory; beyond it they are read back from disk. */
const CACHE_BYTES = 1024 * 1024;
/** Output of all attempts that may wait in chunkers; beyond it the oldest is flushed early. */
const PENDING_BYTES = 1024 * 1024;
/** About what the fields of a chunk add on the wire. */
export const CHUNK_OVERHEAD_BYTES = 128;
/** How long the log of an attempt whose result is acknowledged may stand still, while there is a stream. */
const STALLED_AFTER_MS = 60_000;

export interface LogShipperOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called when there is something to send; may be called often. */
  readonly onReady: () => void;
}

interface Counters {
  pending: number;
  cached: number;
  inFlight: number;
}

/**
 * The logs of all attempts: shares the window of unacknowledged bytes between them in turn, and bounds what they hold in memory.
 * An attempt without output costs nothing here: it is known from its first byte to its last acknowledgement.
 */
export class LogShipper {
  readonly #options: LogShipperOptions;
  readonly #host: LogHost;
  readonly #logs = new ChurnMap<AttemptKey, AttemptLog>();
  /** Attempts with something to send, the next one first. */
  readonly #ready = new Set<AttemptLog>();
  /** Attempts with output to flush and when (monotonic ms), the earliest first. */
  readonly #due = new Map<AttemptLog, number>();
  readonly #counted = new Map<AttemptLog, Counters>();
  readonly #total: Counters = { pending: 0, cached: 0, inFlight: 0 };
  /** Logs whose result is acknowledged: when they count as stalled (monotonic ms). */
  readonly #stalledAt = new Map<AttemptLog, number>();
  readonly #settledWaiters: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #flushMs = 50;
  #windowBytes = 1024 * 1024;

  constructor(options: LogShipperOptions) {
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    this.#options = options;
    this.#host = {
      clock: options.clock,
      log: options.log,
      pathOf: (key) => join(options.folder, key),
      mayCache: () => this.#total.cached < CACHE_BYTES,
      flushLater: (log) => this.#flushLater(log),
      changed: (log) => this.#count(log),
      offer: (log) => this.#offer(log),
      forget: (log) => this.#forget(log),
    };
  }

  /** Attempts whose output is not yet acknowledged in full. */
  get size(): number {
    return this.#logs.size;
  }

  /** Chunk bytes in memory: waiting in chunkers and cached on their way. Not what is in flight. */
  get memoryBytes(): number {
    return this.#total.pending + this.#total.cached;
  }

  get inFlightBytes(): number {
    return this.#total.inFlight;
  }

  setPolicy(policy: { readonly flushMs: number; readonly windowBytes: number }): void {
    this.#flushMs = policy.flushMs;
    this.#windowBytes = policy.windowBytes;
    if (this.hasWork) this.#options.onReady();
  }

  /** The log of a new attempt. */
  open(ref: AttemptRef, limitBytes: number): AttemptLog {
    return new AttemptLog(this.#host, { jobId: ref.jobId, token: ref.token }, limitBytes);
  }

  /** The log of an attempt, while it has unacknowledged output. */
  find(key: AttemptKey): AttemptLog | undefined {
    return this.#logs.get(key);
  }

  /**
   * Takes over what an earlier process left. Kept are logs of attempts with a result that waits (`hasResult`), and logs that carry
   * their end mark: their result was acknowledged first. Any other attempt died with the process and its output is deleted.
   */
  recover(hasResult: (key: AttemptKey) => boolean): void {
    for (const name of readdirSync(this.#options.folder)) {
      const path = join(this.#options.folder, name);
      const key: AttemptKey = `${name.slice(0, name.indexOf("."))}.${name.slice(name.indexOf(".") + 1)}`;
      if (!isAttemptRef(refOf(key))) {
        unlinkSync(path);
        continue;
      }
      const file = SpoolFile.recover(path);
      if (file === undefined) continue;
      if (!file.ended && !hasResult(key)) {
        file.remove();
        continue;
      }
      const log = new AttemptLog(this.#host, refOf(key), 0, file);
      this.#logs.set(key, log);
      this.#ready.add(log);
      if (!hasResult(key)) this.resultAcknowledged(key);
    }
  }

  /** True when `take` would return something. */
  get hasWork(): boolean {
    return this.#ready.size > 0 && this.#hasRoom();
  }

  /** Chunks to send now, of all attempts in turn, until the budget or the window is used up. */
  take(budgetBytes: number): LogChunk[] {
    const chunks: LogChunk[] = [];
    let bytes = 0;
    for (const log of this.#ready) {
      if (bytes >= budgetBytes || !this.#hasRoom()) break;
      this.#ready.delete(log);
      const chunk = log.next();
      // Back at the end of the line; the loop comes to it again, since a Set is walked in order of insertion.
      if (log.hasUnsent) this.#ready.add(log);
      if (chunk === undefined) continue;
      chunks.push(chunk);
      bytes += chunk.data.length + CHUNK_OVERHEAD_BYTES;
    }
    return chunks;
  }

  acknowledge(ack: LogAck): void {
    const log = this.#logs.get(keyOf(ack));
    if (log === undefined) return;
    if (ack.drop) {
      log.discard();
    } else {
      log.acknowledge(ack.nextSeq);
      if (this.#stalledAt.has(log)) this.#stalledAt.set(log, this.#options.clock.monotonicMs() + STALLED_AFTER_MS);
    }
    if (this.hasWork) this.#options.onReady();
  }

  /** The result is settled; from now on the log must make progress or it is given up. */
  resultAcknowledged(key: AttemptKey): void {
    const log = this.#logs.get(key);
    if (log !== undefined) this.#stalledAt.set(log, this.#options.clock.monotonicMs() + STALLED_AFTER_MS);
  }

  /** The stream is gone: everything unacknowledged will be sent again on the next one. */
  rewind(): void {
    for (const log of this.#logs.values()) log.rewind();
    const deadline = this.#options.clock.monotonicMs() + STALLED_AFTER_MS;
    for (const log of this.#stalledAt.keys()) this.#stalledAt.set(log, deadline);
  }

  /** Gives up logs that the server neither acknowledges nor drops although their result is settled. Call it while there is a stream. */
  dropStalled(): void {
    const now = this.#options.clock.monotonicMs();
    for (const [log, deadline] of this.#stalledAt) {
      if (now < deadline) continue;
      this.#options.log.warn({ event: "logs.stalled", ...refOf(log.key) }, "the server does not acknowledge this output: giving it up");
      log.discard();
    }
  }

  /** Resolves when all output is acknowledged or dropped. */
  whenSettled(): Promise<void> {
    if (this.#logs.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#settledWaiters.push(resolve);
    });
  }

  /** Closes the files and leaves them; `recover` finds them again. The attempts must have ended. */
  close(): void {
    clearTimeout(this.#timer);
    for (const log of this.#logs.values()) log.close();
    this.#logs.clear();
    this.#ready.clear();
    this.#due.clear();
  }

  /** The last chunk may be as large as a whole one, so the window is never exceeded, except by a single chunk that is larger than it. */
  #hasRoom(): boolean {
    return this.#total.inFlight === 0 || this.#total.inFlight + CHUNK_BYTES <= this.#windowBytes;
  }

  #offer(log: AttemptLog): void {
    this.#logs.set(log.key, log);
    this.#ready.add(log);
    this.#options.onReady();
  }

  #forget(log: AttemptLog): void {
    this.#logs.delete(log.key);
    this.#ready.delete(log);
    this.#due.delete(log);
    this.#stalledAt.delete(log);
    this.#count(log);
    this.#counted.delete(log);
    if (this.#logs.size > 0) return;
    for (const resolve of this.#settledWaiters.splice(0)) resolve();
  }

  #count(log: AttemptLog): void {
    let known = this.#counted.get(log);
    if (known === undefined) {
      known = { pending: 0, cached: 0, inFlight: 0 };
      this.#counted.set(log, known);
    }
    this.#total.pending += log.pendingBytes - known.pending;
    this.#total.cached += log.cachedBytes - known.cached;
    this.#total.inFlight += log.inFlightBytes - known.inFlight;
    known.pending = log.pendingBytes;
    known.cached = log.cachedBytes;
    known.inFlight = log.inFlightBytes;
  }

  #flushLater(log: AttemptLog): void {
    if (!this.#due.has(log)) this.#due.set(log, this.#options.clock.monotonicMs() + this.#flushMs);
    this.#count(log);
    while (this.#total.pending > PENDING_BYTES) {
      const oldest = this.#due.keys().next().value;
      if (oldest === undefined) break;
      this.#flush(oldest);
    }
    this.#timer ??= setTimeout(() => this.#flushDue(), this.#flushMs);
  }

  #flush(log: AttemptLog): void {
    this.#due.delete(log);
    log.flush();
  }

  #flushDue(): void {
    this.#timer = undefined;
    // A timer may fire a fraction of a millisecond early.
    const now = this.#options.clock.monotonicMs() + 1;
    for (const [log, dueMs] of this.#due) {
      if (dueMs > now) {
        this.#timer = setTimeout(() => this.#flushDue(), Math.max(1, dueMs - now));
        return;
      }
      this.#flush(log);
    }
  }
}
