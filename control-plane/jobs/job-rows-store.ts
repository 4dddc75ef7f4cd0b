/** The rows of jobs in each of the tables that have some. See `readJobs` in job-store.ts for how they become one. */
import type { JobId, WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { shardOf } from "./model.ts";

/** What never changes of a job. */
export interface PayloadRow {
  readonly id: JobId;
  readonly kind: number;
  readonly script_id: string | null;
  readonly script_hash: string | null;
  readonly language: string;
  readonly tag: string;
  readonly prio: number;
  readonly created_by: string;
  readonly scheduled_ms: number | null;
  readonly policy: string | null;
}

/** A job that waits (`agent_key` is null then) or runs. */
export interface LiveRow {
  readonly id: JobId;
  readonly attempt: number;
  readonly ckey: string | null;
  readonly deferred_ms: number | null;
  readonly agent_key: string | null;
  readonly claimed_ms: number | null;
}

export interface DoneRow {
  readonly id: JobId;
  readonly outcome: number;
  readonly exit_reason: number;
  readonly exit_code: number;
  readonly exit_signal: string | null;
  readonly exit_message: string | null;
  readonly attempt: number;
  readonly agent_key: string | null;
  readonly started_ms: number | null;
  readonly done_ms: number;
  readonly run_us: string | null;
  readonly log_chunks: number;
  readonly log_bytes: string;
  readonly log_dropped_bytes: string;
}

/** Plan: the ids are constants, so only their partitions are opened, each by its primary key. */
const PAYLOADS = `SELECT id::text, kind, script_id::text, script_hash, language, tag, prio, created_by, policy,
  (extract(epoch FROM scheduled_for) * 1000)::float8 AS scheduled_ms
FROM job WHERE workspace_id = $1 AND id = ANY($2::uuid[])`;

const DONE = `SELECT id::text, outcome, exit_reason, exit_code, exit_signal, exit_message, attempt, agent_key::text, run_us::text,
  (extract(epoch FROM started_at) * 1000)::float8 AS started_ms, (extract(epoch FROM done_at) * 1000)::float8 AS done_ms,
  log_chunks, log_bytes::text, log_dropped_bytes::text
FROM job_done WHERE workspace_id = $1 AND id = ANY($2::uuid[])`;

/** One statement, hence one snapshot: an attempt that is lost moves back. */
const LIVE = `SELECT id::text, attempt, ckey::text, CASE WHEN deferred THEN (extract(epoch FROM due_at) * 1000)::float8 END AS deferred_ms,
  NULL AS agent_key, NULL::float8 AS claimed_ms
FROM job_pending WHERE id = ANY($2::uuid[]) AND workspace_id = $1 AND shard = $3
UNION ALL SELECT id::text, attempt, NULL, NULL, agent_key::text, (extract(epoch FROM claimed_at) * 1000)::float8
FROM job_running WHERE id = ANY($2::uuid[]) AND workspace_id = $1 AND shard = $3`;

export function readPayloadRows(pool: Pool, workspace: WorkspaceId, ids: readonly JobId[]): Promise<PayloadRow[]> {
  return inShares(ids, async (share) => (await pool.query<PayloadRow>(PAYLOADS, [workspace, share])).rows);
}

export function readDoneRows(pool: Pool, workspace: WorkspaceId, ids: readonly JobId[]): Promise<DoneRow[]> {
  return inShares(ids, async (share) => (await pool.query<DoneRow>(DONE, [workspace, share])).rows);
}

export async function readLiveRows(pool: Pool, workspace: WorkspaceId, ids: readonly JobId[]): Promise<LiveRow[]> {
  if (ids.length === 0) return [];
  return (await pool.query<LiveRow>(LIVE, [workspace, ids, shardOf(workspace)])).rows;
}

/** Names by id; what does not exist any more is missing. */
export async function readScriptPaths(pool: Pool, workspace: WorkspaceId, ids: readonly string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const { rows } = await pool.query<{ id: string; path: string }>("SELECT id::text, path FROM script WHERE workspace_id = $1 AND id = ANY($2::bigint[])", [
    workspace,
    ids,
  ]);
  return new Map(rows.map(({ id, path }) => [id, path]));
}

/** Paths by the hash of a version. */
export function readVersionPaths(pool: Pool, workspace: WorkspaceId, hashes: readonly string[]): Promise<Map<string, string>> {
  return pathsByHash(pool, "SELECT hash, path FROM script_version WHERE workspace_id = $1 AND hash = ANY($2)", workspace, hashes);
}

/** As `readVersionPaths`, of flows: of one that has moved the path that it has now. */
export function readFlowPaths(pool: Pool, workspace: WorkspaceId, hashes: readonly string[]): Promise<Map<string, string>> {
  const text = `SELECT v.hash, f.path FROM flow_version v JOIN flow f ON f.workspace_id = v.workspace_id AND f.id = v.flow_id
     WHERE v.workspace_id = $1 AND v.hash = ANY($2)`;
  return pathsByHash(pool, text, workspace, hashes);
}

async function pathsByHash(pool: Pool, text: string, workspace: WorkspaceId, hashes: readonly string[]): Promise<Map<string, string>> {
  if (hashes.length === 0) return new Map();
  const { rows } = await pool.query<{ hash: string; path: string }>(text, [workspace, hashes]);
  return new Map(rows.map(({ hash, path }) => [hash, path]));
}

export async function readAgentNames(pool: Pool, keys: readonly string[]): Promise<Map<string, string>> {
  if (keys.length === 0) return new Map();
  const { rows } = await pool.query<{ id: string; name: string }>("SELECT id::text, name FROM agent WHERE id = ANY($1::bigint[])", [keys]);
  return new Map(rows.map(({ id, name }) => [id, name]));
}

/**
 * The rows of a page of the past are on as many pages of the disk, and Postgres fetches them one after the other (0.15 ms each where this was
 * measured): of many ids two shares are read at the same time.
 */
const SHARE_FROM = 20;

async function inShares<T>(ids: readonly JobId[], read: (share: readonly JobId[]) => Promise<T[]>): Promise<T[]> {
  if (ids.length === 0) return [];
  if (ids.length < SHARE_FROM) return read(ids);
  const half = Math.ceil(ids.length / 2);
  return (await Promise.all([read(ids.slice(0, half)), read(ids.slice(half))])).flat();
}
