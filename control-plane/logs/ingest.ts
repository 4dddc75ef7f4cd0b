import { messageOf } from "../../kernel/app-error.ts";
import { background } from "../../kernel/background.ts";
import { backoffMs } from "../../kernel/backoff.ts";
import { ChurnMap } from "../../kernel/churn-map.ts";
import { type AgentKey, asWorkspaceId, type JobId, type SessionId, type Token, type WorkspaceId } from "../../kernel/ids.ts";
import type { LogChunk } from "../../proto/gen/millrace/agent/v1/job.ts";
import type { Pool } from "../db/pools.ts";
import { shardOfToken } from "../jobs/model.ts";
import type { Log } from "../telemetry/log.ts";
import type { LiveLogs } from "./live-logs.ts";
import { findEndedAttempt, findRunningAttempt, insertChunks, isRefusal, type NewChunk } from "./log-store.ts";

/**
 * Takes chunks from agents, shows them to live readers at once, and writes them in batches on connections of their own.
 * A chunk is acknowledged only after the commit. The agent's window of unacknowledged bytes bounds what is queued here.
 */
export interface LogSource {
  readonly agent: AgentKey;
  readonly session: SessionId;
  /** Nobody hears acknowledgements any more: what is not taken yet comes again in the next session. */
  readonly hasEnded: boolean;
  /** Durable up to (not including) `nextSeq`; with `drop` the agent shall send no more of the attempt. */
  acknowledge(id: JobId, token: Token, nextSeq: number, drop: boolean): void;
}

export interface AttemptOfChunk {
  readonly workspace: WorkspaceId;
  readonly attempt: number;
}

export interface IngestOptions {
  readonly pool: Pool;
  readonly live: LiveLogs;
  readonly log: Log;
  /** The valid attempt of this agent, if it runs now. */
  readonly running: (source: LogSource, id: JobId, token: Token) => AttemptOfChunk | undefined;
  readonly onWritten: (chunks: number, bytes: number, tookMs: number) => void;
}

interface Known extends AttemptOfChunk {
  readonly agent: AgentKey;
  lastUsedMs: number;
}

interface Queued {
  readonly chunk: NewChunk;
  readonly token: Token;
  readonly source: LogSource;
}

/** A chunk as it comes from the wire, with its ids checked. */
export interface OfferedChunk {
  readonly id: JobId;
  readonly token: Token;
  readonly chunk: LogChunk;
}

const MAX_BATCH_CHUNKS = 500;
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/** Attempts that ended less than this long ago may still send the rest of their output. */
const KEEP_KNOWN_MS = 10 * 60 * 1000;
const MAX_KNOWN = 50_000;

export class LogIngest {
  readonly #options: IngestOptions;
  readonly #known = new ChurnMap<Token, Known>();
  /** The frame of each source that is being taken. */
  readonly #turns = new WeakMap<LogSource, Promise<void>>();
  #queue: Queued[] = [];
  #writing = false;
  #stopped = false;

  constructor(options: IngestOptions) {
    this.#options = options;
  }

  /** Bytes that wait to be written. */
  get queued(): number {
    return this.#queue.length;
  }

  /**
   * Takes the sound chunks of one frame; never rejects because of the database. Frames of one source are taken one after the other: a look-up for one must not let the
   * next one overtake it, since an acknowledgement covers everything before it.
   */
  accept(source: LogSource, chunks: readonly OfferedChunk[]): Promise<void> {
    const before = this.#turns.get(source) ?? Promise.resolve();
    const turn = before.then(() => this.#take(source, chunks));
    // The next frame waits for this one, whatever becomes of it.
    const settled = turn.catch(() => undefined);
    this.#turns.set(source, settled);
    return turn;
  }

  async #take(source: LogSource, chunks: readonly OfferedChunk[]): Promise<void> {
    try {
      for (const { id, token, chunk } of chunks) {
        const attempt = this.#attempt(source, id, token) ?? (await this.#endedInTime(source, id, token));
        if (source.hasEnded || this.#stopped) return;
        if (attempt === undefined) source.acknowledge(id, token, 0, true);
        else this.#enqueue(source, id, token, attempt, chunk);
      }
    } finally {
      if (!this.#writing && this.#queue.length > 0) background(this.#options.log, "log writer", this.#write());
    }
  }

  #enqueue(source: LogSource, id: JobId, token: Token, attempt: AttemptOfChunk, wire: LogChunk): void {
    const { seq, offsetBytes, sizeBytes, lines, encoding, segments, data } = wire;
    const chunk: NewChunk = {
      workspace: attempt.workspace,
      id,
      attempt: attempt.attempt,
      seq,
      atMs: wire.atUs / 1000,
      offsetBytes,
      sizeBytes,
      lines,
      encoding,
      segments,
      data,
    };
    this.#options.live.publish(id, chunk);
    this.#queue.push({ chunk, token, source });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    while (this.#writing) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  #attempt(source: LogSource, id: JobId, token: Token): Known | undefined {
    const known = this.#known.get(token);
    if (known !== undefined) {
      if (known.agent !== source.agent) return undefined;
      known.lastUsedMs = performance.now();
      return known;
    }
    const running = this.#options.running(source, id, token);
    return running === undefined ? undefined : this.#remember(source.agent, token, running);
  }

  /** Postgres may be away for a while: that is no reason to end a stream that works, so the source's next frames wait. */
  async #endedInTime(source: LogSource, id: JobId, token: Token): Promise<Known | undefined> {
    for (let failures = 0; ; failures++) {
      try {
        return await this.#ended(source, id, token);
      } catch (error) {
        if (source.hasEnded || this.#stopped) return undefined;
        if (failures === 0)
          this.#options.log.warn({ event: "logs.look_up_failed", jobId: id, error: messageOf(error) }, "whose log chunks these are could not be looked up yet");
        await new Promise((resolve) => setTimeout(resolve, backoffMs(failures, 100, 2000, Math.random())));
      }
    }
  }

  async #ended(source: LogSource, id: JobId, token: Token): Promise<Known | undefined> {
    if (this.#known.has(token)) return undefined;
    // Running first: a row that moves meanwhile is then seen in its new place.
    const found =
      (await findRunningAttempt(this.#options.pool, id, token, shardOfToken(token), source.agent)) ??
      (await findEndedAttempt(this.#options.pool, id, token, source.agent));
    return found === undefined ? undefined : this.#remember(source.agent, token, { workspace: asWorkspaceId(found.workspace), attempt: found.attempt });
  }

  #remember(agent: AgentKey, token: Token, attempt: AttemptOfChunk): Known {
    if (this.#known.size >= MAX_KNOWN) this.#forgetOld();
    const known: Known = { ...attempt, agent, lastUsedMs: performance.now() };
    this.#known.set(token, known);
    return known;
  }

  #forgetOld(): void {
    const before = performance.now() - KEEP_KNOWN_MS;
    for (const [token, known] of this.#known) if (known.lastUsedMs < before) this.#known.delete(token);
    for (const token of this.#known.keys()) {
      if (this.#known.size < MAX_KNOWN) break;
      this.#known.delete(token);
    }
  }

  /** Writes until the queue is empty. While Postgres is away it tries for ever: the agents keep what is not acknowledged. */
  async #write(): Promise<void> {
    this.#writing = true;
    for (let failures = 0; this.#queue.length > 0 && !this.#stopped; ) {
      const batch = this.#nextBatch();
      try {
        await this.#insert(batch);
        failures = 0;
      } catch (error) {
        this.#options.log.warn(
          { event: "logs.write_failed", chunks: batch.length, error: messageOf(error) },
          "log chunks could not be written, will be retried",
        );
        this.#queue = [...batch, ...this.#queue];
        await new Promise((resolve) => setTimeout(resolve, backoffMs(failures, 100, 2000, Math.random())));
        failures += 1;
      }
    }
    this.#writing = false;
  }

  /** Throws only what may pass. A chunk that the database does not take is found by halving and dropped: it must not hold up all others. */
  async #insert(batch: readonly Queued[]): Promise<void> {
    const begun = performance.now();
    const chunks = batch.map((entry) => entry.chunk);
    try {
      await insertChunks(this.#options.pool, chunks);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const [only] = batch;
      if (batch.length === 1 && only !== undefined) {
        this.#options.log.warn(
          { event: "logs.chunk_refused", jobId: only.chunk.id, seq: only.chunk.seq, error: messageOf(error) },
          "a log chunk was refused and is dropped",
        );
        only.source.acknowledge(only.chunk.id, only.token, 0, true);
        return;
      }
      await this.#insert(batch.slice(0, batch.length >> 1));
      await this.#insert(batch.slice(batch.length >> 1));
      return;
    }
    this.#acknowledge(batch);
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.data.length, 0);
    this.#options.onWritten(batch.length, bytes, performance.now() - begun);
  }

  #nextBatch(): Queued[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#queue.length && count < MAX_BATCH_CHUNKS && bytes < MAX_BATCH_BYTES) {
      bytes += this.#queue[count]?.chunk.data.length ?? 0;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  #acknowledge(batch: readonly Queued[]): void {
    const last = new Map<Token, Queued>();
    for (const entry of batch) last.set(entry.token, entry);
    for (const { chunk, token, source } of last.values()) {
      source.acknowledge(chunk.id, token, chunk.seq + 1, false);
      this.#options.live.durable(chunk.id, chunk);
    }
  }
}
