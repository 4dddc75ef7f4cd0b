import { AppError, messageOf } from "../../kernel/app-error.ts";
import type { Service } from "../../kernel/service.ts";
import { FlushConnection, type FlushLog, type FlushResult, outcomeOfOperation } from "./flush-store.ts";
import { type FlushOperation, type FlushOutcome, LANES, laneOf } from "./model.ts";

/**
 * Group commit. Operations queue per lane; whenever one of the hot connections is free it takes what has gathered, so that
 * a batch is of one row when idle and of hundreds under load, without a timer in the path. A second flush of a busy writer
 * starts only when enough has gathered to be worth its fixed cost. No two operations of one job are ever in flight
 * together: the owner submits the next one after the commit of the one before.
 */
export interface FlushMetrics {
  flushed(size: number, tookMs: number): void;
}

/** What moves running work comes first, jobs that will only wait come second; each in the order of its arrival. */
interface Lane {
  urgent: Entry[];
  waiting: Entry[];
}

interface Entry {
  readonly operation: FlushOperation;
  readonly settle: (outcome: FlushOutcome) => void;
  readonly fail: (error: unknown) => void;
  readonly bytes: number;
}

const MAX_BATCH = 1000;
/** New waiting jobs per flush: a burst of them must not hold up claims and ends, which free slots. */
const MAX_NEW_WAITING = 500;
const MAX_BATCH_BYTES = 8 * 1024 * 1024;
/** Operations that make a second flush at the same time worth while, and how long one may take before the second starts anyway. */
const WORTH_A_SECOND = 200;
const SLOW_FLUSH_MS = 20;
/** Beyond this new work is refused; ends of attempts are always taken. */
const MAX_QUEUED = 20_000;
const MAX_QUEUED_BYTES = 128 * 1024 * 1024;

export class FlushWriter implements Service {
  readonly #connections: FlushConnection[];
  readonly #idle: FlushConnection[];
  readonly #lanes: readonly Lane[] = Array.from({ length: LANES }, () => ({ urgent: [], waiting: [] }));
  readonly #metrics: FlushMetrics;
  readonly #log: FlushLog;
  readonly #onLeaseLost: () => void;
  #queued = 0;
  #queuedBytes = 0;
  #busySinceMs = 0;
  #nudge: NodeJS.Timeout | undefined;
  #nextLane = 0;
  #pumping = false;
  #stopping = false;
  #drained: (() => void) | undefined;

  constructor(options: { url: string; replicaId: string; epoch: number; connections: number; log: FlushLog; metrics: FlushMetrics; onLeaseLost: () => void }) {
    const { url, replicaId, epoch, log } = options;
    this.#connections = Array.from({ length: options.connections }, (_, number) => new FlushConnection(url, { replicaId, epoch }, number, log));
    this.#idle = [...this.#connections];
    this.#metrics = options.metrics;
    this.#log = log;
    this.#onLeaseLost = options.onLeaseLost;
  }

  async start(): Promise<void> {
    const opened = await Promise.allSettled(this.#connections.map((connection) => connection.open()));
    const failed = opened.find((result) => result.status === "rejected");
    if (failed === undefined) return;
    await this.stop();
    throw failed.reason;
  }

  /** Writes what is queued, at most for 5 s, then closes the connections. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#nudge);
    if (this.#queued > 0 || this.#idle.length < this.#connections.length) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
        setTimeout(resolve, 5000).unref();
      });
    }
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }

  /** Operations that wait for a flush. */
  get queued(): number {
    return this.#queued;
  }

  /** False when new jobs should be refused: the database does not keep up or is away. */
  get accepts(): boolean {
    return !this.#stopping && this.#queued < MAX_QUEUED && this.#queuedBytes < MAX_QUEUED_BYTES;
  }

  /** Queues an operation; exactly one of the callbacks is called, after its flush has committed or failed. */
  submit(operation: FlushOperation, settle: (outcome: FlushOutcome) => void, fail: (error: unknown) => void): void {
    const lane = this.#lanes[laneOf(operation.job.shard)];
    const waits = operation.kind === "refuse" || (operation.kind === "insert" && operation.direct === undefined);
    const bytes = sizeOf(operation);
    (waits ? lane?.waiting : lane?.urgent)?.push({ operation, settle, fail, bytes });
    this.#queued += 1;
    this.#queuedBytes += bytes;
    if (!this.#pumping) {
      this.#pumping = true;
      queueMicrotask(() => {
        this.#pumping = false;
        this.#pump();
      });
    }
  }

  #pump(): void {
    while (this.#idle.length > 0 && this.#queued > 0) {
      if (!this.#worthAFlush()) return;
      const connection = this.#idle.pop();
      const lane = this.#pickLane();
      if (connection === undefined || lane === undefined) return;
      const batch = takeBatch(lane);
      this.#queued -= batch.length;
      this.#queuedBytes -= batch.reduce((sum, entry) => sum + entry.bytes, 0);
      this.#busySinceMs = performance.now();
      void this.#flush(connection, batch);
    }
    if (this.#queued === 0 && this.#idle.length === this.#connections.length) this.#drained?.();
  }

  /** While a flush is under way, a second one starts when it has much to do, or when the first takes unusually long. */
  #worthAFlush(): boolean {
    if (this.#idle.length === this.#connections.length || this.#queued >= WORTH_A_SECOND) return true;
    const restMs = SLOW_FLUSH_MS - (performance.now() - this.#busySinceMs);
    if (restMs <= 0) return true;
    this.#nudge ??= setTimeout(() => {
      this.#nudge = undefined;
      this.#pump();
    }, restMs);
    return false;
  }

  #pickLane(): Lane | undefined {
    for (let tried = 0; tried < LANES; tried++) {
      const at = (this.#nextLane + tried) % LANES;
      const lane = this.#lanes[at];
      if (lane === undefined || lane.urgent.length + lane.waiting.length === 0) continue;
      this.#nextLane = (at + 1) % LANES;
      return lane;
    }
    return undefined;
  }

  /** Never rejects: of every entry one callback is called. */
  async #flush(connection: FlushConnection, batch: Entry[]): Promise<void> {
    await this.#settle(connection, batch);
    this.#idle.push(connection);
    this.#pump();
  }

  async #settle(connection: FlushConnection, batch: Entry[]): Promise<void> {
    const begun = performance.now();
    let result: FlushResult;
    try {
      result = await connection.run(
        laneOfBatch(batch),
        batch.map((entry) => entry.operation),
      );
    } catch (error) {
      // Refused: halves find the row that the database does not like, so that one bad row cannot fail its neighbours.
      if (batch.length === 1) this.#call(() => batch[0]?.fail(error));
      else for (const half of [batch.slice(0, batch.length >> 1), batch.slice(batch.length >> 1)]) await this.#settle(connection, half);
      return;
    }
    this.#metrics.flushed(batch.length, performance.now() - begun);
    if (result.kind === "lost") {
      for (const entry of batch)
        this.#call(() => entry.fail(new AppError("unavailable", "this replica no longer owns the workspace's shard", { retryAfterS: 1 })));
      this.#onLeaseLost();
      return;
    }
    const { gone } = result;
    for (const entry of batch) this.#call(() => entry.settle(outcomeOfOperation(entry.operation, gone)));
  }

  /** A callback that throws must neither keep the others from being called nor look like a failed flush. */
  #call(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#log.warn({ event: "flush.callback_failed", error: messageOf(error) }, "a callback after a commit failed");
    }
  }
}

function sizeOf(operation: FlushOperation): number {
  if (operation.kind === "insert" || operation.kind === "refuse") return operation.payload.argsJson.length + (operation.payload.code?.length ?? 0);
  return operation.kind === "finish" ? operation.end.resultJson.length : 0;
}

function takeBatch(lane: Lane): Entry[] {
  const batch = cut(lane.urgent, MAX_BATCH, MAX_BATCH_BYTES);
  const bytes = batch.reduce((sum, entry) => sum + entry.bytes, 0);
  const room = Math.min(MAX_NEW_WAITING, MAX_BATCH - batch.length);
  return room === 0 || bytes >= MAX_BATCH_BYTES ? batch : batch.concat(cut(lane.waiting, room, MAX_BATCH_BYTES - bytes));
}

/** Takes entries from the front: at least one, at most `count`, and no more once they add up to `bytes`. */
function cut(entries: Entry[], count: number, bytes: number): Entry[] {
  let taken = 0;
  for (let sum = 0; taken < count && taken < entries.length && sum < bytes; taken++) sum += entries[taken]?.bytes ?? 0;
  return entries.splice(0, taken);
}

function laneOfBatch(batch: readonly Entry[]): number {
  return laneOf(batch[0]?.operation.job.shard ?? 0);
}
