import type { Logger } from "pino";
import type { Finished } from "../../proto/gen/millrace/agent/v1/job.ts";
import { type FinishedAck, Verdict } from "../../proto/gen/millrace/agent/v1/session.ts";
import { type AttemptKey, keyOf, refOf } from "../journal/attempt-key.ts";
import type { Journal } from "../journal/journal.ts";
import type { LogShipper } from "../logs/log-shipper.ts";

/** A result waits this long for the last of its output to be sent, then it goes first. */
const LOG_PATIENCE_MS = 10_000;

export interface ResultsOptions {
  readonly journal: Journal;
  readonly shipper: LogShipper;
  readonly log: Logger;
  /** Called when there is something to send; may be called often. */
  readonly onReady: () => void;
  readonly patienceMs?: number;
}

/**
 * Results on their way: from the end of the attempt until the server has judged them. A key is in the journal all that time;
 * besides, it waits for its log, is ready to be sent, or has been sent on this stream.
 */
export class Results {
  readonly #options: ResultsOptions;
  readonly #patienceMs: number;
  readonly #ready = new Set<AttemptKey>();
  readonly #waiting = new Map<AttemptKey, NodeJS.Timeout>();
  readonly #settledWaiters: (() => void)[] = [];

  constructor(options: ResultsOptions) {
    this.#options = options;
    this.#patienceMs = options.patienceMs ?? LOG_PATIENCE_MS;
    // Left by an earlier process: their logs go first. Nobody is told of those that are ready: there is no stream yet, and whoever made
    // us is still being built.
    for (const key of options.journal.keys()) {
      if (this.#mayGo(key)) this.#ready.add(key);
      else this.#sendAfterLog(key);
    }
  }

  /** Results without a verdict. */
  get size(): number {
    return this.#options.journal.size;
  }

  has(key: AttemptKey): boolean {
    return this.#options.journal.has(key);
  }

  keys(): IterableIterator<AttemptKey> {
    return this.#options.journal.keys();
  }

  get hasWork(): boolean {
    return this.#ready.size > 0;
  }

  /** Takes the result of an attempt whose log has ended. */
  add(finished: Finished): void {
    this.#options.journal.add(finished);
    this.#sendAfterLog(keyOf(finished));
  }

  /** Results to send now. At least one, whatever its size, when `mayExceed`. What is returned is on disk. */
  take(budgetBytes: number, mayExceed: boolean): { readonly finished: Finished[]; readonly bytes: number } {
    this.#options.journal.commit();
    const finished: Finished[] = [];
    let bytes = 0;
    for (const key of this.#ready) {
      const size = this.#options.journal.sizeOf(key);
      if (bytes + size > budgetBytes && !(mayExceed && finished.length === 0)) break;
      this.#ready.delete(key);
      const result = this.#options.journal.read(key);
      if (result === undefined) {
        // It went bad on disk. While it is held the server takes its attempt for alive; let go, it is found lost and may run again.
        this.#options.shipper.resultAcknowledged(key);
        this.forget(key);
        continue;
      }
      finished.push(result);
      bytes += size;
    }
    return { finished, bytes };
  }

  /** Either verdict ends it. With a stale token the output is not wanted either. */
  acknowledge(ack: FinishedAck): void {
    const key = keyOf(ack);
    if (!this.#options.journal.has(key)) return;
    if (ack.verdict === Verdict.VERDICT_STALE) {
      this.#options.log.warn({ event: "attempt.stale", ...refOf(key) }, "the result was refused: the attempt was no longer valid");
      this.#options.shipper.find(key)?.discard();
    } else {
      this.#options.shipper.resultAcknowledged(key);
    }
    this.forget(key);
  }

  /** The attempt is no longer ours: its result is not sent. */
  forget(key: AttemptKey): void {
    clearTimeout(this.#waiting.get(key));
    this.#waiting.delete(key);
    this.#ready.delete(key);
    this.#options.journal.acknowledge(key);
    if (this.size > 0) return;
    for (const resolve of this.#settledWaiters.splice(0)) resolve();
  }

  /** Resolves when there is a verdict on every result. */
  whenSettled(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#settledWaiters.push(resolve);
    });
  }

  /** A new stream: what had been sent is sent again. */
  resend(): void {
    for (const key of this.#options.journal.keys()) {
      if (!this.#waiting.has(key)) this.#ready.add(key);
    }
    if (this.#ready.size > 0) this.#options.onReady();
  }

  close(): void {
    for (const timer of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
    this.#ready.clear();
  }

  #mayGo(key: AttemptKey): boolean {
    return this.#options.shipper.find(key)?.hasUnsent !== true;
  }

  #sendAfterLog(key: AttemptKey): void {
    const log = this.#options.shipper.find(key);
    if (log === undefined || !log.hasUnsent) {
      this.#makeReady(key);
      return;
    }
    this.#waiting.set(
      key,
      setTimeout(() => this.#makeReady(key), this.#patienceMs),
    );
    // The log may be sent long after the patience ran out and the result went first.
    log.whenSent(() => {
      if (this.#waiting.has(key)) this.#makeReady(key);
    });
  }

  #makeReady(key: AttemptKey): void {
    clearTimeout(this.#waiting.get(key));
    this.#waiting.delete(key);
    this.#ready.add(key);
    this.#options.onReady();
  }
}
