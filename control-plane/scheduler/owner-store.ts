import { AppError } from "../../kernel/app-error.ts";
import { type AgentKey, asAgentKey, asJobId, asToken, asWorkspaceId, type JobId, type Token, timeOfId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { type JobPayload, LANES, laneOf, shardOf } from "../jobs/model.ts";
import { DONE_TOKEN_BY_ID, PAYLOADS, pendingGroupsStatement, refillStatement, runningStatement } from "../jobs/statements.ts";
import type { JobQueue, WaitingJob } from "./core/model.ts";
import type { Lease } from "./lease-store.ts";
import type { OwnerStore } from "./owner-deps.ts";

interface WaitingRow {
  id: string;
  workspace_id: string;
  shard: number;
  tag: string;
  language: string;
  prio: number;
  due_ms: number;
  attempt: number;
  lost: number;
  script_id: string | null;
  timeout_ms: number | null;
}

interface RunningRow extends Omit<WaitingRow, "due_ms"> {
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
}

export interface StoredGroup {
  readonly workspace: WorkspaceId;
  readonly tag: string;
  readonly language: string;
  readonly count: number;
}

/** Reads of an owner; all on the ordinary pool, none in the path of an idle dispatch. */
export function createOwnerStore(
  pool: Pool,
  lease: Lease,
): OwnerStore & { load(shards: readonly number[], withinMs: number): Promise<{ running: StoredRunning[]; groups: StoredGroup[] }> } {
  return {
    async refill(queue: JobQueue, limit: number): Promise<WaitingJob[]> {
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
            kind: row.kind === 0 ? "script" : "inline",
            scriptHash: row.script_hash ?? undefined,
            code: row.code ?? undefined,
            argsJson: row.args,
            createdBy: row.created_by,
          },
        ]),
      );
    },

    async doneToken(id: JobId, agent: AgentKey): Promise<Token | undefined> {
      const { rows } = await pool.query<{ ours: boolean | null; token: string | null }>(DONE_TOKEN_BY_ID, [id, agent, lease.replicaId, lease.epoch]);
      const { ours, token } = rows[0] ?? {};
      if (token != null) return asToken(token);
      if (ours !== true) throw new AppError("unavailable", "this replica no longer owns the workspace's shard", { retryAfterS: 1 });
      return undefined;
    },

    /** Everything a new owner of shards takes over: running rows whole, waiting ones as counts. Without shards it asks all the same: to warm up. */
    async load(shards, withinMs) {
      const running: StoredRunning[] = [];
      const groups: StoredGroup[] = [];
      const client = await pool.connect();
      let done = false;
      try {
        await client.query("BEGIN");
        await client.query(`SET LOCAL statement_timeout = ${withinMs}`);
        for (let lane = 0; lane < LANES; lane++) {
          const inLane = shards.filter((shard) => laneOf(shard) === lane);
          if (inLane.length === 0 && shards.length > 0) continue;
          const rows = await client.query<RunningRow>(slowly(runningStatement(lane), inLane, withinMs));
          for (const row of rows.rows) running.push(runningJob(row));
          const counts = await client.query<{ workspace_id: string; tag: string; language: string; count: number }>(
            slowly(pendingGroupsStatement(lane), inLane, withinMs),
          );
          for (const row of counts.rows) groups.push({ workspace: asWorkspaceId(row.workspace_id), tag: row.tag, language: row.language, count: row.count });
        }
        await client.query("COMMIT");
        done = true;
        return { running, groups };
      } finally {
        client.release(!done);
      }
    },
  };
}

/** A query that may take longer than the pool's own limit. */
function slowly(text: string, shards: readonly number[], withinMs: number): { text: string; values: unknown[]; query_timeout: number } {
  return { text, values: [shards], query_timeout: withinMs };
}

function waitingJob(row: WaitingRow): WaitingJob {
  return {
    id: asJobId(row.id),
    workspace: asWorkspaceId(row.workspace_id),
    shard: row.shard,
    tag: row.tag,
    language: row.language,
    prio: row.prio,
    dueAtMs: row.due_ms,
    attempt: row.attempt,
    lost: row.lost,
    scriptId: row.script_id ?? undefined,
    timeoutMs: row.timeout_ms ?? undefined,
  };
}

/** A running row counts its own attempt; a waiting job counts those before. Its due time is not kept: its creation stands in for it. */
function runningJob(row: RunningRow): StoredRunning {
  const job = waitingJob({ ...row, due_ms: timeOfId(asJobId(row.id)), attempt: row.attempt - 1 });
  return { job, token: asToken(row.token), agent: asAgentKey(row.agent_key), ageMs: row.age_ms };
}
