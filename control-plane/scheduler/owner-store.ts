import { type AgentKey, asAgentKey, asJobId, asToken, asWorkspaceId, type JobId, type Token, timeOfId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { decodeLimits } from "../jobs/limits-codec.ts";
import { type JobPayload, LANES, laneOf, shardOf } from "../jobs/model.ts";
import { DONE_TOKEN_BY_ID, PAYLOADS, pendingGroupsStatement, refillStatement, runningStatement } from "../jobs/statements.ts";
import { changedWorkspaceLimits } from "../workspaces/workspace-limit-store.ts";
import type { JobQueue, WaitingJob } from "./core/model.ts";
import type { ColdGroup } from "./core/queue-core.ts";
import type { OwnerStore } from "./owner-deps.ts";
import { dropOldWindows } from "./window-store.ts";

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
  ckey: string;
  limits: string | null;
}

/** Of a group without limits all but the first four are null. */
type GroupRow = { group_workspace: string; group_tag: string; group_language: string; count: number } & WaitingRow;

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

/** Reads of an owner; all on the ordinary pool, none in the path of an idle dispatch. */
export function createOwnerStore(pool: Pool): OwnerStore & { load(withinMs: number): Promise<{ running: StoredRunning[]; groups: ColdGroup[] }> } {
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
        queue.group,
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
      const { rows } = await pool.query<{ token: string | null }>(DONE_TOKEN_BY_ID, [id, agent]);
      const token = rows[0]?.token;
      return token == null ? undefined : asToken(token);
    },

    workspaceLimits: (since) => changedWorkspaceLimits(pool, since),
    dropOldWindows: () => dropOldWindows(pool),

    /** Everything a new owner takes over: running rows whole, waiting ones as counts. */
    async load(withinMs) {
      const running: StoredRunning[] = [];
      const groups: ColdGroup[] = [];
      const client = await pool.connect();
      try {
        await client.query(`SET statement_timeout = ${withinMs}`);
        for (let lane = 0; lane < LANES; lane++) {
          const rows = await client.query<RunningRow>(slowly(runningStatement(lane), withinMs));
          for (const row of rows.rows) running.push(runningJob(row));
          const counts = await client.query<GroupRow>(slowly(pendingGroupsStatement(lane), withinMs));
          for (const row of counts.rows) groups.push(coldGroup(row));
        }
        return { running, groups };
      } finally {
        // With its own timeout it must not go back to the others.
        client.release(true);
      }
    },
  };
}

/** A query that may take longer than the pool's own limit. */
function slowly(text: string, withinMs: number): { text: string; query_timeout: number } {
  return { text, query_timeout: withinMs };
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
    limits: row.limits === null ? undefined : decodeLimits(row.ckey, row.limits),
  };
}

function coldGroup(row: GroupRow): ColdGroup {
  const { group_workspace, group_tag, group_language, count, limits } = row;
  return { workspace: asWorkspaceId(group_workspace), tag: group_tag, language: group_language, count, newest: limits === null ? undefined : waitingJob(row) };
}

/** A running row counts its own attempt; a waiting job counts those before. Its due time is not kept: its creation stands in for it. */
function runningJob(row: RunningRow): StoredRunning {
  const job = waitingJob({ ...row, due_ms: timeOfId(asJobId(row.id)), attempt: row.attempt - 1 });
  return { job, token: asToken(row.token), agent: asAgentKey(row.agent_key), ageMs: row.age_ms };
}
