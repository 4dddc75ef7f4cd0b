import { asJobId, asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { DUE_FLOWS } from "../jobs/flow-statements.ts";
import { LANES, laneOf } from "../jobs/model.ts";
import { deferredStatement, expiringStatement } from "../jobs/statements.ts";
import type { WaitingJob } from "./core/model.ts";
import type { Timed, TimerRead } from "./core/timers-core.ts";
import { type WaitingRow, waitingJob } from "./waiting-row.ts";

/** A job that waits for its moment. */
export interface Deferred extends Timed {
  readonly job: WaitingJob;
}

/** A job that ends at its moment unless it has begun. */
export interface Expiring extends Timed {
  readonly workspace: WorkspaceId;
  readonly shard: number;
}

/** A flow in which something happens at a moment. */
export type SleepingFlow = Expiring;

export interface TimerPage<T> {
  /** In the order (time, id). */
  readonly rows: T[];
  /** There was no more. */
  readonly complete: boolean;
}

export interface TimerStore {
  /** Only jobs of these shards. */
  deferred(read: TimerRead, limit: number, shards: readonly number[]): Promise<TimerPage<Deferred>>;
  expiring(read: TimerRead, limit: number, shards: readonly number[]): Promise<TimerPage<Expiring>>;
  dueFlows(read: TimerRead, limit: number, shards: readonly number[]): Promise<TimerPage<SleepingFlow>>;
}

interface ExpiringRow {
  id: string;
  workspace_id: string;
  shard: number;
  at_ms: number;
}

const expiringOf = (row: ExpiringRow): Expiring => ({
  id: asJobId(row.id),
  atMs: row.at_ms,
  workspace: asWorkspaceId(row.workspace_id),
  shard: row.shard,
});

/** Reads of jobs that something happens to at a moment: an index range of each lane. */
export function createTimerStore(pool: Pool): TimerStore {
  async function page<Row extends object, T extends Timed>(
    statement: (lane: number) => string,
    entry: (row: Row) => T,
    read: TimerRead,
    limit: number,
    shards: readonly number[],
  ): Promise<TimerPage<T>> {
    const lanes: T[][] = [];
    for (let lane = 0; lane < LANES; lane++) {
      const inLane = shards.filter((shard) => laneOf(shard) === lane);
      if (inLane.length === 0) continue;
      const { rows } = await pool.query<Row>(statement(lane), [read.after.atMs, read.after.id, read.untilMs, limit, inLane]);
      lanes.push(rows.map(entry));
    }
    return mergePages(lanes, limit);
  }
  return {
    deferred: (read, limit, shards) =>
      page<WaitingRow, Deferred>(
        deferredStatement,
        (row) => {
          const job = waitingJob(row);
          return { id: job.id, atMs: job.dueAtMs, job };
        },
        read,
        limit,
        shards,
      ),
    expiring: (read, limit, shards) => page<ExpiringRow, Expiring>(expiringStatement, expiringOf, read, limit, shards),
    async dueFlows(read, limit, shards) {
      const { rows } = await pool.query<ExpiringRow>(DUE_FLOWS, [read.after.atMs, read.after.id, read.untilMs, limit, shards]);
      return { rows: rows.map(expiringOf), complete: rows.length < limit };
    },
  };
}

/** One page of several: it ends where the first of them that was cut off ends, since beyond that rows of it are missing. */
export function mergePages<T extends Timed>(lanes: readonly (readonly T[])[], limit: number): TimerPage<T> {
  const order = (a: T, b: T): number => a.atMs - b.atMs || (a.id < b.id ? -1 : 1);
  const ends = lanes.flatMap((rows) => (rows.length >= limit ? (rows.at(-1) ?? []) : [])).sort(order);
  const end = ends[0];
  const rows = lanes.flat().sort(order);
  return end === undefined ? { rows, complete: true } : { rows: rows.filter((row) => order(row, end) <= 0 || row === end), complete: false };
}
