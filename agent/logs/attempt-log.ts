import type { Logger } from "pino";
import { messageOf } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { AttemptRef, LogChunk } from "../../proto/gen/millrace/agent/v1/job.ts";
import { type AttemptKey, keyOf } from "../journal/attempt-key.ts";
import type { OutputStream } from "../runner/attempt-types.ts";
import { type ChunkBody, Chunker, type ChunkTotals } from "./chunker.ts";
import { SpoolFile } from "./spool-file.ts";

/** With more than this on disk and unacknowledged, the attempt is asked to stop reading its process … */
const BLOCK_ABOVE_BYTES = 8 * 1024 * 1024;
/** … until it is below this. */
const RESUME_BELOW_BYTES = 4 * 1024 * 1024;

/** What an attempt's log needs from the shipper that serves all of them. */
export interface LogHost {
  readonly clock: Clock;
  readonly log: Logger;
  pathOf(key: AttemptKey): string;
  /** False when the memory for chunks of all attempts is used up. */
  mayCache(): boolean;
  /** Output waits in the chunker: flush it in time. */
  flushLater(log: AttemptLog): void;
  /** Counters of this log have changed. */
  changed(log: AttemptLog): void;
  /** There is something to send. */
  offer(log: AttemptLog): void;
  /** Nothing is left to do for this log. */
  forget(log: AttemptLog): void;
}

/** The output of one attempt on its way to the server: cut, put on disk, sent, acknowledged, removed. */
export class AttemptLog {
  readonly key: AttemptKey;
  readonly #ref: AttemptRef;
  readonly #host: LogHost;
  readonly #chunker: Chunker;
  #file: SpoolFile | undefined;
  #ended = false;
  #discarded = false;
  /** Set when the disk refused a chunk: what was complete before it. */
  #broken: ChunkTotals | undefined;
  #room: PromiseWithResolvers<void> | undefined;
  #onSent: (() => void) | undefined;

  constructor(host: LogHost, ref: AttemptRef, limitBytes: number, recovered?: SpoolFile) {
    this.key = keyOf(ref);
    this.#ref = ref;
    this.#host = host;
    this.#chunker = new Chunker(limitBytes);
    this.#file = recovered;
    this.#ended = recovered !== undefined;
  }

  get pendingBytes(): number {
    return this.#chunker.pendingBytes;
  }

  get cachedBytes(): number {
    return this.#file?.cachedBytes ?? 0;
  }

  get inFlightBytes(): number {
    return this.#file?.inFlightBytes ?? 0;
  }

  get hasUnsent(): boolean {
    return this.#file?.hasUnsent ?? false;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Takes output of the process. The promise, if any, resolves when there is room again; nothing that was passed in is lost meanwhile. */
  write(stream: OutputStream, data: Buffer): Promise<void> | undefined {
    if (this.#discarded || this.#ended) return undefined;
    this.#store(this.#chunker.write(stream, data, this.#nowUs()));
    if (this.#chunker.pendingBytes > 0) this.#host.flushLater(this);
    this.#host.changed(this);
    if (this.#broken !== undefined || (this.#file?.unacknowledgedBytes ?? 0) <= BLOCK_ABOVE_BYTES) return undefined;
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  /** Makes a chunk of what is pending. */
  flush(): void {
    if (this.#discarded) return;
    const chunk = this.#chunker.flush(this.#nowUs());
    if (chunk !== undefined) this.#store([chunk]);
    this.#host.changed(this);
  }

  /** No more output will come. Returns the final totals. */
  end(): ChunkTotals {
    if (!this.#ended && !this.#discarded) {
      this.#store(this.#chunker.end(this.#nowUs()));
      this.#ended = true;
      this.#markEnded();
      this.#makeRoom();
      this.#host.changed(this);
      this.#settle();
    }
    const totals = this.#chunker.totals;
    if (this.#broken === undefined) return totals;
    return { ...this.#broken, droppedBytes: totals.droppedBytes + totals.bytes - this.#broken.bytes };
  }

  /** Calls back once, when no chunk of the ended log is unsent; at once when that is so already. */
  whenSent(callback: () => void): void {
    if (this.hasUnsent) this.#onSent = callback;
    else callback();
  }

  /** The next chunk to send; the caller owns the window. */
  next(): LogChunk | undefined {
    const chunk = this.#file?.next();
    this.#host.changed(this);
    if (!this.hasUnsent && this.#ended) this.#reportSent();
    return chunk;
  }

  acknowledge(nextSeq: number): void {
    const file = this.#file;
    if (file === undefined) return;
    file.acknowledge(nextSeq);
    this.#host.changed(this);
    if (file.unacknowledgedBytes < RESUME_BELOW_BYTES) this.#makeRoom();
    if (this.#ended && !file.hasUnsent) this.#reportSent();
    this.#settle();
  }

  rewind(): void {
    this.#file?.rewind();
    this.#host.changed(this);
    if (this.hasUnsent) this.#host.offer(this);
  }

  /** The server wants no more of this, or the attempt is no longer ours: forget it, and let the process write on into nothing. */
  discard(): void {
    if (this.#discarded) return;
    this.#discarded = true;
    this.#chunker.flush(0);
    this.#file?.remove();
    this.#file = undefined;
    this.#host.changed(this);
    this.#makeRoom();
    this.#reportSent();
    this.#host.forget(this);
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#discarded = true;
    this.#makeRoom();
  }

  #store(chunks: readonly ChunkBody[]): void {
    for (const chunk of chunks) {
      if (this.#broken !== undefined) return;
      try {
        this.#file ??= SpoolFile.create(this.#host.pathOf(this.key));
        this.#file.append({ ...chunk, ...this.#ref }, this.#host.mayCache());
      } catch (error) {
        this.#break(chunk, error);
        return;
      }
      this.#host.changed(this);
    }
    if (chunks.length > 0) this.#host.offer(this);
  }

  /** A disk that is full costs output, never the job: what is complete is sent, the rest is counted as dropped. */
  #break(chunk: ChunkBody, error: unknown): void {
    this.#broken = { chunks: chunk.seq, bytes: chunk.offsetBytes, droppedBytes: 0 };
    this.#host.log.error({ event: "logs.spool_failed", ...this.#ref, error: messageOf(error) }, "output cannot be written to the spool and is dropped");
  }

  #markEnded(): void {
    try {
      this.#file?.markEnded();
    } catch (error) {
      // Without the mark the file is thrown away when the agent crashes after the result was acknowledged: a smaller loss than the job.
      this.#host.log.warn({ event: "logs.mark_failed", ...this.#ref, error: messageOf(error) }, "the end of the output cannot be written to the spool");
    }
  }

  #makeRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  #reportSent(): void {
    const callback = this.#onSent;
    this.#onSent = undefined;
    callback?.();
  }

  #settle(): void {
    if (!this.#ended || this.#discarded) return;
    if (this.#file !== undefined && !this.#file.isAcknowledged) return;
    this.#discarded = true;
    this.#file?.remove();
    this.#file = undefined;
    this.#host.forget(this);
  }

  #nowUs(): number {
    return Math.round(this.#host.clock.wallMs() * 1000);
  }
}
