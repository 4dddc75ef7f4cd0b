import { AppError, messageOf } from "../../kernel/app-error.ts";
import type { Service } from "../../kernel/service.ts";
import { nextTurn } from "../../kernel/slices.ts";
import { BegunFlushes } from "./begun-flushes.ts";
import { type NotesWantedOf, notesOf } from "./event-notes.ts";
import { type Entry, FlushLane } from "./flush-lane.ts";
import { FlushSize } from "./flush-size.ts";
import { FLUSHES_OF_FLOWS, FlushConnection, type FlushLog, type FlushResult, outcomeOfOperation } from "./flush-store.ts";
import { type FlushOperation, type FlushOutcome, LANES, laneOf, SHARDS, type Write } from "./model.ts";
import { sizeOf } from "./operation-size.ts";

/**
 * Group commit. Operations queue per lane; whenever one of the hot connections is free it takes what has gathered, so that
 * a batch is of one row when idle and of hundreds under load, without a timer in the path. A second flush of a busy writer
 * starts only when enough has gathered to be worth its fixed cost. No two operations of one job are ever in flight
 * together: the owner submits the next one after the commit of the one before.
 */
export interface FlushMetrics {
  flushed(size: number, tookMs: number): void;
}

/** What the writer needs of a hot connection. */
export type FlushLink = Pick<FlushConnection, "open" | "run" | "close"> & Partial<Pick<FlushConnection, "warm">>;

/**
 * While the flushes of many operations are under way, workspaces that have few waiting go past them, on a connection of their own: so many
 * operations each, so many together. A large flush that is alone is passed by workspaces that have nothing in it.
 */
const SMALL_EACH = 16;
const SMALL_TOGETHER = 128;
/** While there is nothing to do, statements are made ready at this pace; how often to look whether a connection is new. */
const WARM_EVERY_MS = 20;
const LOOK_FOR_COLD_MS = 1000;
/** Operations that make a second flush at the same time worth while, and how long one may take before the second starts anyway. */
const WORTH_A_SECOND = 200;
const SLOW_FLUSH_MS = 20;
/** Beyond this new work is refused; ends of attempts are always taken. */
const MAX_QUEUED = 20_000;
const MAX_QUEUED_BYTES = 128 * 1024 * 1024;

export interface FlushWriterOptions {
  readonly url: string;
  readonly replicaId: string;
  readonly epoch: number;
  /** For flushes of any size; one more is opened for small workspaces. */
  readonly connections: number;
  readonly log: FlushLog;
  readonly metrics: FlushMetrics;
  readonly onLeaseLost: () => void;
  /** False for shards that are not held: nothing of them is written. All by default. */
  readonly mayWrite?: (shard: number) => boolean;
  /** What is noted of a workspace beside what is done; nothing by default. */
  readonly notes?: NotesWantedOf;
  /**
   * While flushes are few one is begun beside another whatever it has: whoever comes alone does not wait for somebody else's commit, or for that of the
   * end of the job before. Otherwise a second one starts only when it has much to do.
   */
  readonly eager?: boolean;
  /** Makes a hot connection by its number; to Postgres by default. */
  readonly connect?: (number: number) => FlushLink;
}

export class FlushWriter implements Service {
  readonly #connections: FlushLink[];
  readonly #idle: FlushLink[];
  /** For small flushes, and for small workspaces while all others are busy. */
  readonly #express: FlushLink;
  #idleExpress: FlushLink | undefined;
  readonly #lanes: readonly FlushLane[] = Array.from({ length: LANES }, () => new FlushLane());
  readonly #size = new FlushSize();
  readonly #metrics: FlushMetrics;
  readonly #log: FlushLog;
  readonly #onLeaseLost: () => void;
  readonly #mayWrite: (shard: number) => boolean;
  readonly #notes: NotesWantedOf;
  /** Operations of each shard that have been submitted and not yet settled. */
  readonly #inFlight = new Int32Array(SHARDS);
  #shardWaiters: (() => void)[] = [];
  #queued = 0;
  #queuedBytes = 0;
  #busySinceMs = 0;
  readonly #eager: boolean;
  readonly #begun = new BegunFlushes();
  #nudge: NodeJS.Timeout | undefined;
  #warmer: NodeJS.Timeout | undefined;
  #nextLane = 0;
  #pumping = false;
  #stopping = false;
  #drained: (() => void) | undefined;

  constructor(options: FlushWriterOptions) {
    const { url, replicaId, epoch, log, connections } = options;
    const usualOf = (number: number): typeof FLUSHES_OF_FLOWS => (number === connections ? FLUSHES_OF_FLOWS : []);
    const connect = options.connect ?? ((number: number): FlushLink => new FlushConnection(url, { replicaId, epoch }, number, log, usualOf(number)));
    this.#idle = Array.from({ length: connections }, (_, number) => connect(number));
    this.#express = connect(connections);
    this.#idleExpress = this.#express;
    this.#connections = [...this.#idle, this.#express];
    this.#metrics = options.metrics;
    this.#log = log;
    this.#onLeaseLost = options.onLeaseLost;
    this.#mayWrite = options.mayWrite ?? (() => true);
    this.#notes = options.notes ?? (() => undefined);
    this.#eager = options.eager ?? false;
  }

  async start(): Promise<void> {
    const opened = await Promise.allSettled(this.#connections.map((connection) => connection.open()));
    const failed = opened.find((result) => result.status === "rejected");
    if (failed === undefined) {
      this.#warmIn(WARM_EVERY_MS);
      return;
    }
    await this.stop();
    throw failed.reason;
  }

  /** Writes what is queued, at most for 5 s, then closes the connections. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#nudge);
    clearTimeout(this.#warmer);
    if (this.#queued > 0 || !this.#allIdle) {
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

  /** True when every operation of the shards has been settled. */
  isIdle(shards: readonly number[]): boolean {
    return shards.every((shard) => this.#inFlight[shard] === 0);
  }

  /** Resolves with true when nothing of the shards is in flight, with false after `withinMs`. */
  async whenIdle(shards: readonly number[], withinMs: number): Promise<boolean> {
    const deadlineMs = performance.now() + withinMs;
    while (!this.isIdle(shards)) {
      const restMs = deadlineMs - performance.now();
      if (restMs <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, restMs);
        this.#shardWaiters.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    return true;
  }

  /** Queues an operation; exactly one of the callbacks is called, after its flush has committed or failed. */
  submit(operation: FlushOperation, settle: (outcome: FlushOutcome) => void, fail: (error: unknown) => void): void {
    this.#push({ operation, settle, fail, bytes: sizeOf(operation) });
  }

  /**
   * Queues operations of one shard that are never parted: all of them commit in one flush, or all fail with the same error. Their callbacks are
   * called in their order. No two of them may be of one job's own row.
   */
  submitTogether([first, ...together]: readonly Write[]): void {
    if (first === undefined) return;
    const bytes = together.reduce((sum, { operation }) => sum + sizeOf(operation), sizeOf(first.operation));
    this.#push(together.length === 0 ? { ...first, bytes } : { ...first, bytes, together });
  }

  #push(entry: Entry): void {
    const { operation } = entry;
    const lane = this.#lanes[laneOf(operation.job.shard)];
    this.#size.comesFrom(operation.job.workspace);
    if (!this.#mayWrite(operation.job.shard)) {
      queueMicrotask(() => this.#failAll(entry, notOwned()));
      return;
    }
    this.#inFlight[operation.job.shard] = (this.#inFlight[operation.job.shard] ?? 0) + 1;
    lane?.push(entry);
    this.#queued += 1;
    this.#queuedBytes += entry.bytes;
    if (!this.#pumping) {
      this.#pumping = true;
      queueMicrotask(() => {
        this.#pumping = false;
        this.#pump();
      });
    }
  }

  #pump(): void {
    while (this.#queued > 0 && this.#worthAFlush()) {
      const connection = this.#takeConnection();
      const lane = connection === undefined ? undefined : this.#pickLane();
      if (connection === undefined || lane === undefined) break;
      this.#busySinceMs = performance.now();
      this.#begin(connection, lane.take(this.#size.most));
    }
    if (this.#size.isShared) this.#pumpExpress();
    if (this.#queued === 0 && this.#allIdle) this.#drained?.();
  }

  /** Small flushes go by the express way also when there is no need, so that it is never cold: first statements on a connection take long. */
  #takeConnection(): FlushLink | undefined {
    const express = this.#queued <= SMALL_TOGETHER ? this.#idleExpress : undefined;
    if (express === undefined) return this.#idle.pop();
    this.#idleExpress = undefined;
    return express;
  }

  #pumpExpress(): void {
    const allBusy = this.#idle.length === 0;
    if (this.#queued === 0 || !(allBusy || this.#begun.isLargeUnderWay)) return;
    for (const lane of this.#lanes) {
      const connection = this.#idleExpress ?? this.#idle.at(-1);
      const batch = connection === undefined ? [] : lane.takeSmall(SMALL_EACH, SMALL_TOGETHER, allBusy ? undefined : this.#begun.isInLarge);
      if (connection === undefined || batch.length === 0) continue;
      if (connection === this.#express) this.#idleExpress = undefined;
      else this.#idle.pop();
      this.#begin(connection, batch);
    }
  }

  #begin(connection: FlushLink, batch: Entry[]): void {
    const ended = this.#begun.begin(batch, performance.now());
    this.#queued -= batch.length;
    this.#queuedBytes -= batch.reduce((sum, entry) => sum + entry.bytes, 0);
    void this.#flush(connection, batch).then(() => {
      ended();
      this.#release(connection);
    });
  }

  #release(connection: FlushLink): void {
    if (connection === this.#express) this.#idleExpress = connection;
    else this.#idle.push(connection);
    this.#pump();
  }

  #warmIn(ms: number): void {
    if (!this.#stopping) this.#warmer = setTimeout(() => void this.#warmNext(), ms).unref();
  }

  /** One statement on one connection, while there is nothing else to do. */
  async #warmNext(): Promise<void> {
    const isCalm = this.#queued === 0 && this.#allIdle;
    let warmed = false;
    for (const connection of isCalm ? [this.#express, ...this.#idle] : []) {
      if (connection === this.#express) this.#idleExpress = undefined;
      else this.#idle.splice(this.#idle.indexOf(connection), 1);
      warmed = (await connection.warm?.()) ?? false;
      this.#release(connection);
      if (warmed || this.#queued > 0 || !this.#allIdle) break;
    }
    this.#warmIn(warmed || !isCalm ? WARM_EVERY_MS : LOOK_FOR_COLD_MS);
  }

  get #allIdle(): boolean {
    return this.#idleExpress !== undefined && this.#idle.length + 1 === this.#connections.length;
  }

  /** While a flush is under way, a second one starts when it has much to do, or when the first takes unusually long. */
  #worthAFlush(): boolean {
    if (this.#allIdle || this.#queued >= WORTH_A_SECOND || (this.#eager && this.#begun.areFew(performance.now()))) return true;
    const restMs = SLOW_FLUSH_MS - (performance.now() - this.#busySinceMs);
    if (restMs <= 0) return true;
    this.#nudge ??= setTimeout(() => {
      this.#nudge = undefined;
      this.#pump();
    }, restMs);
    return false;
  }

  #pickLane(): FlushLane | undefined {
    for (let tried = 0; tried < LANES; tried++) {
      const at = (this.#nextLane + tried) % LANES;
      const lane = this.#lanes[at];
      if (lane === undefined || lane.size === 0) continue;
      this.#nextLane = (at + 1) % LANES;
      return lane;
    }
    return undefined;
  }

  /** Never rejects: of every entry one callback is called. */
  async #flush(connection: FlushLink, batch: Entry[]): Promise<void> {
    const begun = performance.now();
    const operations = operationsOf(batch);
    let result: FlushResult;
    try {
      result = await connection.run(laneOfBatch(batch), operations, notesOf(operations, this.#notes));
    } catch (error) {
      // Refused: halves find the row that the database does not like, so that one bad row cannot fail its neighbours.
      if (batch.length === 1) for (const entry of batch) this.#settle(entry, () => this.#failAll(entry, error));
      else for (const half of [batch.slice(0, batch.length >> 1), batch.slice(batch.length >> 1)]) await this.#flush(connection, half);
      return;
    }
    const tookMs = performance.now() - begun;
    this.#size.took(operations.length, tookMs);
    if (result.kind === "lost") {
      for (const entry of batch) this.#settle(entry, () => this.#failAll(entry, notOwned()));
      this.#onLeaseLost();
    } else {
      const { gone } = result;
      const slice = this.#size.perTurn;
      for (let at = 0; at < batch.length; at++) {
        if (at > 0 && at % slice === 0) await nextTurn();
        const entry = batch[at];
        if (entry !== undefined) this.#settle(entry, () => this.#settleAll(entry, gone));
      }
    }
    // An agent waits for what was settled, and nobody for this.
    this.#metrics.flushed(operations.length, tookMs);
  }

  #settleAll(entry: Entry, gone: ReadonlySet<string>): void {
    this.#call(() => entry.settle(outcomeOfOperation(entry.operation, gone)));
    for (const { operation, settle } of entry.together ?? []) this.#call(() => settle(outcomeOfOperation(operation, gone)));
  }

  #failAll(entry: Entry, error: unknown): void {
    this.#call(() => entry.fail(error));
    for (const { fail } of entry.together ?? []) this.#call(() => fail(error));
  }

  /** A callback that throws must neither keep the others from being called nor look like a failed flush. */
  #call(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#log.warn({ event: "flush.callback_failed", error: messageOf(error) }, "a callback after a commit failed");
    }
  }

  #settle({ operation }: Entry, tell: () => void): void {
    tell();
    // After the callbacks: they may have submitted the next operation of the shard.
    const { shard } = operation.job;
    this.#inFlight[shard] = (this.#inFlight[shard] ?? 1) - 1;
    if (this.#inFlight[shard] === 0) for (const wake of this.#shardWaiters.splice(0)) wake();
  }
}

function notOwned(): AppError {
  return new AppError("unavailable", "this replica no longer owns the workspace's shard", { retryAfterS: 1 });
}

function operationsOf(batch: readonly Entry[]): FlushOperation[] {
  const operations = batch.map((entry) => entry.operation);
  for (const { together } of batch) if (together !== undefined) for (const { operation } of together) operations.push(operation);
  return operations;
}

function laneOfBatch(batch: readonly Entry[]): number {
  return laneOf(batch[0]?.operation.job.shard ?? 0);
}
