import { AppError } from "../../kernel/app-error.ts";
import type { Service } from "../../kernel/service.ts";
import { FlushConnection, type FlushLog, outcomeOfOperation } from "./flush-store.ts";
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
}

const MAX_BATCH = 1000;
/** New waiting jobs per flush: a burst of them must not hold up claims and ends, which free slots. */
const MAX_NEW_WAITING = 500;
/** Operations that make a second flush at the same time worth while. */
const WORTH_A_SECOND = 200;
/** Beyond this many waiting operations new work is refused; ends of attempts are always taken. */
const MAX_QUEUED = 20_000;

export class FlushWriter implements Service {
  readonly #connections: FlushConnection[];
  readonly #idle: FlushConnection[];
  readonly #lanes: readonly Lane[] = Array.from({ length: LANES }, () => ({ urgent: [], waiting: [] }));
  readonly #metrics: FlushMetrics;
  readonly #onLeaseLost: () => void;
  #queued = 0;
  #nextLane = 0;
  #pumping = false;
  #stopping = false;
  #drained: (() => void) | undefined;

  constructor(options: { url: string; replicaId: string; epoch: number; connections: number; log: FlushLog; metrics: FlushMetrics; onLeaseLost: () => void }) {
    const { url, replicaId, epoch, log } = options;
    this.#connections = Array.from({ length: options.connections }, () => new FlushConnection(url, { replicaId, epoch }, log));
    this.#idle = [...this.#connections];
    this.#metrics = options.metrics;
    this.#onLeaseLost = options.onLeaseLost;
  }

  async start(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.open()));
  }

  /** Writes what is queued, at most for 5 s, then closes the connections. */
  async stop(): Promise<void> {
    this.#stopping = true;
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
    return !this.#stopping && this.#queued < MAX_QUEUED;
  }

  /** Queues an operation; exactly one of the callbacks is called, after its flush has committed or failed. */
  submit(operation: FlushOperation, settle: (outcome: FlushOutcome) => void, fail: (error: unknown) => void): void {
    const lane = this.#lanes[laneOf(operation.job.shard)];
    const waits = operation.kind === "insert" && operation.direct === undefined;
    (waits ? lane?.waiting : lane?.urgent)?.push({ operation, settle, fail });
    this.#queued += 1;
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
      const busy = this.#idle.length < this.#connections.length;
      if (busy && this.#queued < WORTH_A_SECOND) return;
      const connection = this.#idle.pop();
      const lane = this.#pickLane();
      if (connection === undefined || lane === undefined) return;
      const batch = takeBatch(lane);
      this.#queued -= batch.length;
      void this.#flush(connection, batch);
    }
    if (this.#queued === 0 && this.#idle.length === this.#connections.length) this.#drained?.();
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

  /** Never rejects: every entry's callback is called. */
  async #flush(connection: FlushConnection, batch: Entry[]): Promise<void> {
    const begun = performance.now();
    try {
      const result = await connection.run(
        laneOfBatch(batch),
        batch.map((entry) => entry.operation),
      );
      this.#metrics.flushed(batch.length, performance.now() - begun);
      if (result.kind === "lost") {
        for (const entry of batch) entry.fail(new AppError("unavailable", "this replica no longer owns the workspace's shard", { retryAfterS: 1 }));
        this.#onLeaseLost();
      } else {
        for (const entry of batch) entry.settle(outcomeOfOperation(entry.operation, result.gone));
      }
    } catch (error) {
      if (batch.length === 1) batch[0]?.fail(error);
      else await this.#isolate(connection, batch);
    }
    this.#idle.push(connection);
    this.#pump();
  }

  /** The database refused the batch: halves find the row that it does not like, so that one bad row cannot fail its neighbours. */
  async #isolate(connection: FlushConnection, batch: Entry[]): Promise<void> {
    const middle = batch.length >> 1;
    for (const half of [batch.slice(0, middle), batch.slice(middle)]) {
      try {
        const result = await connection.run(
          laneOfBatch(half),
          half.map((entry) => entry.operation),
        );
        if (result.kind === "lost") {
          for (const entry of half) entry.fail(new AppError("unavailable", "this replica no longer owns the workspace's shard", { retryAfterS: 1 }));
          this.#onLeaseLost();
        } else for (const entry of half) entry.settle(outcomeOfOperation(entry.operation, result.gone));
      } catch (error) {
        if (half.length === 1) half[0]?.fail(error);
        else await this.#isolate(connection, half);
      }
    }
  }
}

function takeBatch(lane: Lane): Entry[] {
  const batch = lane.urgent.splice(0, MAX_BATCH);
  return batch.length === MAX_BATCH ? batch : batch.concat(lane.waiting.splice(0, Math.min(MAX_NEW_WAITING, MAX_BATCH - batch.length)));
}

function laneOfBatch(batch: readonly Entry[]): number {
  return laneOf(batch[0]?.operation.job.shard ?? 0);
}
