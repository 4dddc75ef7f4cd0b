import { AppError } from "../../kernel/app-error.ts";
import { type AgentKey, asAgentKey, asJobId, asToken, asWorkspaceId, type JobId, type Token, timeOfId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { reasonNumber } from "../jobs/flush-codec.ts";
import { createKeyStore } from "../jobs/key-store.ts";
import { type JobPayload, kindOf, LANES, laneOf, shardOf } from "../jobs/model.ts";
import { IS_RECORDED, markCancelledStatement, PAYLOADS, pendingGroupsStatement, refillStatement, runningStatement } from "../jobs/statements.ts";
import { changedWorkspaceLimits } from "../workspaces/workspace-limit-store.ts";
import type { JobQueue, WaitingJob } from "./core/model.ts";
import type { ColdGroup } from "./core/queue-core.ts";
import type { Lease } from "./lease-store.ts";
import type { OwnerStore } from "./owner-deps.ts";
import { createTimerStore } from "./timer-store.ts";
import { type WaitingRow, waitingJob } from "./waiting-row.ts";
import { dropOldWindows, type LoadedWindow, loadWindows } from "./window-store.ts";

/** Of a group without limits all but the first four are null. */
type GroupRow = { group_workspace: string; group_tag: string; group_language: string; count: number } & WaitingRow;

interface RunningRow extends Omit<WaitingRow, "due_ms"> {
  cancel_reason: string | null;
  token: string;
  agent_key: string;
  age_ms: number;
}

export interface StoredRunning {
  readonly job: WaitingJob;
  readonly token: Token;
  readonly agent: AgentKey;
  /** Since the claim, by the database's clock. */
  readonly ageMs: number;
  /** Somebody asked to cancel it, and its owner of then may not have seen it end. */
  readonly cancelReason: string | undefined;
}

/** What the tables have of shards. */
export interface LoadedShards {
  readonly running: readonly StoredRunning[];
  readonly groups: readonly ColdGroup[];
  readonly windows: readonly LoadedWindow[];
  /** The database's wall clock, milliseconds since the epoch. */
  readonly databaseMs: number;
}

/** Reads of an owner; all on the ordinary pool, none in the path of an idle dispatch. */
export function createOwnerStore(pool: Pool, lease: Lease): OwnerStore & { load(shards: readonly number[], withinMs: number): Promise<LoadedShards> } {
  return {
    ...createTimerStore(pool),
    ...createKeyStore(pool),

    async refill(queue: JobQueue, limit: number, dueMs: number): Promise<WaitingJob[]> {
      const { workspace } = queue.tenant;
      const from = queue.cursor;
      const values = [
        workspace,
        queue.route.tag,
        queue.route.language,
        from?.prio ?? -32768,
        from?.dueAtMs ?? 0,
        from?.id ?? "00000000-0000-0000-0000-000000000000",
        limit,
        queue.group,
        dueMs,
      ];
      const { rows } = await pool.query<WaitingRow>(refillStatement(laneOf(shardOf(workspace))), values);
      return rows.map(waitingJob);
    },

    async payloads(jobs: readonly WaitingJob[]): Promise<Map<JobId, JobPayload>> {
      const { rows } = await pool.query<{ id: string; kind: number; script_hash: string | null; args: string; code: string | null; created_by: string }>(
        PAYLOADS,
        [jobs.map((job) => job.workspace), jobs.map((job) => job.id)],
      );
      return new Map(
        rows.map((row) => [
          asJobId(row.id),
          {
            kind: kindOf(row.kind),
            scriptHash: row.script_hash ?? undefined,
            code: row.code ?? undefined,
            argsJson: row.args,
            createdBy: row.created_by,
          },
        ]),
      );
    },

    async isRecorded(id: JobId, agent: AgentKey, token: Token): Promise<boolean> {
      const values = [id, agent, token, lease.replicaId, lease.epoch, reasonNumber("lost")];
      const { rows } = await pool.query<{ ours: boolean | null; recorded: boolean }>(IS_RECORDED, values);
      if (rows[0]?.recorded === true) return true;
      if (rows[0]?.ours !== true) throw notOurs();
      return false;
    },

    async markCancelled(job: WaitingJob, token: Token, reason: string): Promise<void> {
      const values = [job.id, job.workspace, job.shard, token, reason, lease.replicaId, lease.epoch];
      const { rows } = await pool.query<{ ours: boolean }>(markCancelledStatement(laneOf(job.shard)), values);
      if (rows[0]?.ours !== true) throw notOurs();
    },

    workspaceLimits: (since) => changedWorkspaceLimits(pool, since),
    dropOldWindows: () => dropOldWindows(pool),

    /** Everything a new owner of shards takes over: running rows whole, waiting ones as counts. Without shards it asks all the same: to warm up. */
    async load(shards, withinMs) {
      const running: StoredRunning[] = [];
      const groups: ColdGroup[] = [];
      const client = await pool.connect();
      let done = false;
      try {
        await client.query("BEGIN");
        // Whole tables are read here, which the pool's settings are against.
        await client.query(`SET LOCAL statement_timeout = ${withinMs}; SET LOCAL enable_seqscan = on`);
        for (let lane = 0; lane < LANES; lane++) {
          const inLane = shards.filter((shard) => laneOf(shard) === lane);
          if (inLane.length === 0 && shards.length > 0) continue;
          const rows = await client.query<RunningRow>(slowly(runningStatement(lane), inLane, withinMs));
          for (const row of rows.rows) running.push(runningJob(row));
          const counts = await client.query<GroupRow>(slowly(pendingGroupsStatement(lane), inLane, withinMs));
          for (const row of counts.rows) groups.push(coldGroup(row));
        }
        const windows = await loadWindows(client, shards);
        const clock = await client.query<{ ms: number }>("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms");
        await client.query("COMMIT");
        done = true;
        return { running, groups, windows, databaseMs: clock.rows[0]?.ms ?? 0 };
      } finally {
        client.release(!done);
      }
    },
  };
}

function notOurs(): AppError {
  return new AppError("unavailable", "this replica no longer owns the workspace's shard", { retryAfterS: 1 });
}

/** A query that may take longer than the pool's own limit. */
function slowly(text: string, shards: readonly number[], withinMs: number): { text: string; values: unknown[]; query_timeout: number } {
  return { text, values: [shards], query_timeout: withinMs };
}

function coldGroup(row: GroupRow): ColdGroup {
  const { group_workspace, group_tag, group_language, count, limits } = row;
  return { workspace: asWorkspaceId(group_workspace), tag: group_tag, language: group_language, count, newest: limits === null ? undefined : waitingJob(row) };
}

/** A running row counts its own attempt; a waiting job counts those before. Its due time is not kept: its creation stands in for it. */
function runningJob(row: RunningRow): StoredRunning {
  const job = waitingJob({ ...row, due_ms: timeOfId(asJobId(row.id)), attempt: row.attempt - 1 });
  return { job, token: asToken(row.token), agent: asAgentKey(row.agent_key), ageMs: row.age_ms, cancelReason: row.cancel_reason ?? undefined };
}
