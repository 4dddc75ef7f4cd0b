import { EXIT_REASONS, OUTCOMES } from "../../kernel/exit.ts";
import { type AgentKey, asAgentKey, asJobId, type JobId, timeOfId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { JobStatus } from "./contract.ts";
import { type JobKind, kindOf, shardOf } from "./model.ts";

/** A job as history and queue know it, read in one snapshot. */
export interface JobRecord {
  readonly id: JobId;
  readonly kind: JobKind;
  readonly scriptPath: string | undefined;
  readonly scriptHash: string | undefined;
  readonly language: string;
  readonly tag: string;
  readonly prio: number;
  /** Concurrency group of a waiting job with limits. */
  readonly group: string | undefined;
  readonly createdBy: string;
  readonly createdAtMs: number;
  readonly status: JobStatus;
  readonly attempt: number;
  readonly agent: AgentKey | undefined;
  readonly agentName: string | undefined;
  readonly startedAtMs: number | undefined;
  readonly done: DoneRecord | undefined;
  readonly scheduledForMs: number | undefined;
  /** When a job that waits for a moment becomes ready. */
  readonly deferredUntilMs: number | undefined;
  readonly policyText: string | undefined;
  /** What the current or last attempt has said, percent. */
  readonly progress: number | undefined;
}

export interface DoneRecord {
  readonly reason: (typeof EXIT_REASONS)[number];
  readonly code: number;
  readonly signal: string | undefined;
  readonly message: string | undefined;
  readonly doneAtMs: number;
  readonly runUs: number | undefined;
  readonly logChunks: number;
  readonly logBytes: number;
  readonly logDroppedBytes: number;
}

interface JobRow {
  id: string;
  kind: number;
  path: string | null;
  script_hash: string | null;
  language: string;
  tag: string;
  prio: number;
  created_by: string;
  p_attempt: number | null;
  p_ckey: string | null;
  deferred_ms: number | null;
  scheduled_ms: number | null;
  policy: string | null;
  r_attempt: number | null;
  r_agent: string | null;
  claimed_ms: number | null;
  outcome: number | null;
  exit_reason: number | null;
  exit_code: number | null;
  exit_signal: string | null;
  exit_message: string | null;
  d_attempt: number | null;
  d_agent: string | null;
  started_ms: number | null;
  done_ms: number | null;
  run_us: string | null;
  log_chunks: number | null;
  log_bytes: string | null;
  log_dropped_bytes: string | null;
  agent_name: string | null;
  percent: number | null;
}

/**
 * Jobs by id, which come newest first; those that do not exist are left out. Never reads arguments or results. Plan: the ids are constants, so only
 * their partitions are opened, and each table is walked once by its primary key: in a plain join the planner, which expects one row, read the
 * whole page of history again for every job.
 */
export async function readJobs(pool: Pool, workspace: WorkspaceId, ids: readonly JobId[]): Promise<JobRecord[]> {
  const [newest] = ids;
  if (newest === undefined) return [];
  if (ids.length <= COLD_SHARES || Date.now() - timeOfId(newest) < COLD_MS) return readShare(pool, workspace, ids);
  const shares: Promise<JobRecord[]>[] = [];
  const size = Math.ceil(ids.length / COLD_SHARES);
  for (let at = 0; at < ids.length; at += size) shares.push(readShare(pool, workspace, ids.slice(at, at + size)));
  return (await Promise.all(shares)).flat();
}

/**
 * The rows of a page of the past are on as many pages of the disk, and Postgres fetches them one after the other (0.15 ms each where this was
 * measured): shares of them are read at the same time. Each job is still read in one snapshot.
 */
const COLD_SHARES = 3;
const COLD_MS = 60 * 60 * 1000;

async function readShare(pool: Pool, workspace: WorkspaceId, ids: readonly JobId[]): Promise<JobRecord[]> {
  const { rows } = await pool.query<JobRow>(
    `WITH p AS MATERIALIZED (SELECT id, attempt, ckey, deferred, due_at FROM job_pending WHERE id = ANY($2::uuid[]) AND workspace_id = $1 AND shard = $3),
       r AS MATERIALIZED (SELECT id, attempt, agent_key, claimed_at FROM job_running WHERE id = ANY($2::uuid[]) AND workspace_id = $1 AND shard = $3),
       d AS MATERIALIZED (SELECT id, outcome, exit_reason, exit_code, exit_signal, exit_message, attempt, agent_key, started_at, done_at, run_us, log_chunks,
         log_bytes, log_dropped_bytes FROM job_done WHERE workspace_id = $1 AND id = ANY($2::uuid[])),
       g AS MATERIALIZED (SELECT id, attempt, percent FROM job_progress WHERE workspace_id = $1 AND id = ANY($2::uuid[]))
     SELECT j.id::text, j.kind, coalesce(s.path, v.path) AS path, j.script_hash, j.language, j.tag, j.prio, j.created_by, p.attempt AS p_attempt, p.ckey::text AS p_ckey,
       CASE WHEN p.deferred THEN (extract(epoch FROM p.due_at) * 1000)::float8 END AS deferred_ms,
       (extract(epoch FROM j.scheduled_for) * 1000)::float8 AS scheduled_ms, j.policy,
       r.attempt AS r_attempt, r.agent_key::text AS r_agent, (extract(epoch FROM r.claimed_at) * 1000)::float8 AS claimed_ms,
       d.outcome, d.exit_reason, d.exit_code, d.exit_signal, d.exit_message, d.attempt AS d_attempt, d.agent_key::text AS d_agent,
       (extract(epoch FROM d.started_at) * 1000)::float8 AS started_ms, (extract(epoch FROM d.done_at) * 1000)::float8 AS done_ms, d.run_us::text,
       d.log_chunks, d.log_bytes::text, d.log_dropped_bytes::text, a.name AS agent_name, g.percent
     FROM job j
       LEFT JOIN script s ON s.workspace_id = j.workspace_id AND s.id = j.script_id
       LEFT JOIN script_version v ON j.kind = 2 AND v.workspace_id = j.workspace_id AND v.hash = j.script_hash
       LEFT JOIN p ON p.id = j.id
       LEFT JOIN r ON r.id = j.id
       LEFT JOIN d ON d.id = j.id
       LEFT JOIN g ON g.id = j.id AND g.attempt = coalesce(d.attempt, r.attempt)
       LEFT JOIN agent a ON a.id = coalesce(r.agent_key, d.agent_key)
     WHERE j.workspace_id = $1 AND j.id = ANY($2::uuid[]) ORDER BY j.id DESC`,
    [workspace, ids, shardOf(workspace)],
  );
  return rows.map(jobRecord);
}

export async function readJob(pool: Pool, workspace: WorkspaceId, id: JobId): Promise<JobRecord | undefined> {
  return (await readJobs(pool, workspace, [id]))[0];
}

/** The result of a job that has ended, as the JSON text that it produced; undefined when there is no such job or it has not ended. */
export async function readResult(pool: Pool, workspace: WorkspaceId, id: JobId): Promise<string | undefined> {
  const { rows } = await pool.query<{ result: string | null }>("SELECT result FROM job_done WHERE workspace_id = $1 AND id = $2", [workspace, id]);
  const row = rows[0];
  return row === undefined ? undefined : (row.result ?? "null");
}

/** The arguments of a job, as JSON text. */
export async function readArgs(pool: Pool, workspace: WorkspaceId, id: JobId): Promise<string | undefined> {
  const { rows } = await pool.query<{ args: string }>("SELECT args FROM job WHERE workspace_id = $1 AND id = $2", [workspace, id]);
  return rows[0]?.args;
}

function jobRecord(row: JobRow): JobRecord {
  const agentKey = row.r_agent ?? row.d_agent;
  return {
    id: asJobId(row.id),
    kind: kindOf(row.kind),
    scriptPath: row.path ?? undefined,
    scriptHash: row.script_hash ?? undefined,
    language: row.language,
    tag: row.tag,
    prio: row.prio,
    group: row.p_ckey ?? undefined,
    createdBy: row.created_by,
    createdAtMs: timeOfId(asJobId(row.id)),
    status: statusOf(row),
    attempt: row.d_attempt ?? row.r_attempt ?? row.p_attempt ?? 0,
    agent: agentKey === null ? undefined : asAgentKey(agentKey),
    agentName: row.agent_name ?? undefined,
    startedAtMs: row.started_ms ?? row.claimed_ms ?? undefined,
    done: doneRecord(row),
    scheduledForMs: row.scheduled_ms ?? undefined,
    deferredUntilMs: row.deferred_ms ?? undefined,
    policyText: row.policy ?? undefined,
    progress: row.percent ?? undefined,
  };
}

function statusOf(row: JobRow): JobStatus {
  if (row.outcome !== null) return OUTCOMES[row.outcome] ?? "failed";
  return row.r_attempt === null ? "queued" : "running";
}

function doneRecord(row: JobRow): DoneRecord | undefined {
  if (row.outcome === null || row.done_ms === null) return undefined;
  return {
    reason: EXIT_REASONS[row.exit_reason ?? 0] ?? "exit_code",
    code: row.exit_code ?? 0,
    signal: row.exit_signal ?? undefined,
    message: row.exit_message ?? undefined,
    doneAtMs: row.done_ms,
    runUs: row.run_us === null ? undefined : Number(row.run_us),
    logChunks: row.log_chunks ?? 0,
    logBytes: Number(row.log_bytes ?? 0),
    logDroppedBytes: Number(row.log_dropped_bytes ?? 0),
  };
}
