import { type RawBuilder, type SqlBool, sql } from "kysely";
import { EXIT_REASONS, OUTCOMES } from "../../kernel/exit.ts";
import { type AgentKey, asAgentKey, asJobId, type JobId, timeOfId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Db } from "../db/query-builder.ts";
import type { JobStatus } from "./contract.ts";
import { shardOf } from "./model.ts";

/** A job as history and queue know it, read in one snapshot. */
export interface JobRecord {
  readonly id: JobId;
  readonly kind: "script" | "inline";
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
}

/**
 * Jobs by id, newest first; those that do not exist are left out. Never reads arguments or results. Plan: the ids are
 * constants, so only their partitions are opened; primary keys everywhere.
 */
export async function readJobs(pool: Pool, workspace: WorkspaceId, ids: readonly JobId[]): Promise<JobRecord[]> {
  if (ids.length === 0) return [];
  const { rows } = await pool.query<JobRow>(
    `SELECT j.id::text, j.kind, s.path, j.script_hash, j.language, j.tag, j.prio, j.created_by,
       p.attempt AS p_attempt, p.ckey::text AS p_ckey, r.attempt AS r_attempt, r.agent_key::text AS r_agent, (extract(epoch FROM r.claimed_at) * 1000)::float8 AS claimed_ms,
       d.outcome, d.exit_reason, d.exit_code, d.exit_signal, d.exit_message, d.attempt AS d_attempt, d.agent_key::text AS d_agent,
       (extract(epoch FROM d.started_at) * 1000)::float8 AS started_ms, (extract(epoch FROM d.done_at) * 1000)::float8 AS done_ms, d.run_us::text,
       d.log_chunks, d.log_bytes::text, d.log_dropped_bytes::text, a.name AS agent_name
     FROM job j
       LEFT JOIN script s ON s.workspace_id = j.workspace_id AND s.id = j.script_id
       LEFT JOIN job_pending p ON p.id = j.id AND p.workspace_id = j.workspace_id AND p.shard = $3
       LEFT JOIN job_running r ON r.id = j.id AND r.workspace_id = j.workspace_id AND r.shard = $3
       LEFT JOIN job_done d ON d.workspace_id = j.workspace_id AND d.id = j.id AND d.id = ANY($2::uuid[])
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

export interface JobFilter {
  readonly status: JobStatus | undefined;
  readonly scriptId: string | undefined;
  /** Only jobs that were created before this one. */
  readonly before: JobId | undefined;
  readonly limit: number;
}

/**
 * Ids of a page, newest first. Each filter has its own table and index. A script's jobs of any status are gathered from the three places
 * in the order in which jobs move, so that one that moves meanwhile is seen twice rather than not at all.
 */
export async function listJobIds(db: Db, workspace: WorkspaceId, filter: JobFilter): Promise<JobId[]> {
  const { status, scriptId } = filter;
  if (status !== undefined || scriptId === undefined) return pageOf(db, tableOf(status), workspace, filter);
  const found = new Set<JobId>();
  for (const table of ["job_pending", "job_running", "job_done"] as const) for (const id of await pageOf(db, table, workspace, filter)) found.add(id);
  return [...found].sort().reverse().slice(0, filter.limit);
}

type JobTable = "job" | "job_pending" | "job_running" | "job_done";

function tableOf(status: JobStatus | undefined): JobTable {
  if (status === undefined) return "job";
  if (status === "queued") return "job_pending";
  return status === "running" ? "job_running" : "job_done";
}

async function pageOf(db: Db, table: JobTable, workspace: WorkspaceId, filter: JobFilter): Promise<JobId[]> {
  let query = db
    .selectFrom(table)
    .select("id")
    .where("workspace_id", "=", workspace)
    .where("id", "<", filter.before ?? LAST_ID)
    .orderBy("id", "desc")
    .limit(filter.limit);
  // The workspace's shard names the one child table that can hold its rows.
  if (table === "job_pending" || table === "job_running") query = query.where(sql<SqlBool>`shard = ${sql.lit(shardOf(workspace))}`);
  if (filter.status !== undefined && isOutcome(filter.status)) query = query.where(outcomeIs(filter.status));
  if (filter.scriptId !== undefined) query = query.where("script_id", "=", filter.scriptId);
  return (await query.execute()).map((row) => asJobId(row.id));
}

const LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/** The partial index on what went wrong holds `outcome <> 0`: the condition must be written out, with constants, for it to be used. */
function outcomeIs(status: (typeof OUTCOMES)[number]): RawBuilder<SqlBool> {
  const outcome = sql.lit(OUTCOMES.indexOf(status));
  return status === "succeeded" ? sql<SqlBool>`outcome = ${outcome}` : sql<SqlBool>`outcome <> 0 AND outcome = ${outcome}`;
}

function isOutcome(status: JobStatus): status is (typeof OUTCOMES)[number] {
  return (OUTCOMES as readonly string[]).includes(status);
}

function jobRecord(row: JobRow): JobRecord {
  const agentKey = row.r_agent ?? row.d_agent;
  return {
    id: asJobId(row.id),
    kind: row.kind === 0 ? "script" : "inline",
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
