import { DatabaseError } from "pg";
import { EXIT_REASONS } from "../../kernel/exit.ts";
import type { AgentKey, JobId, WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";

/** A chunk as it is stored and read: compressed as the agent sent it. */
export interface StoredChunk {
  readonly attempt: number;
  readonly seq: number;
  readonly atMs: number;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  readonly lines: number;
  /** 1 plain, 2 zstd: as on the wire. */
  readonly encoding: number;
  /** length * 4 + stream, in order. */
  readonly segments: readonly number[];
  readonly data: Buffer;
}

export interface NewChunk extends StoredChunk {
  readonly workspace: WorkspaceId;
  readonly id: JobId;
}

/** Inserts chunks; those that are there already are left as they are, so that a resent one does no harm. */
export async function insertChunks(pool: Pool, chunks: readonly NewChunk[]): Promise<void> {
  await pool.query({
    name: "insert_chunks",
    text: `INSERT INTO job_log (workspace_id, job_id, attempt, seq, at, offset_bytes, size_bytes, lines, encoding, segments, data)
      SELECT w, j, a, s, to_timestamp(t / 1000), o, z, l, e, g::int[], d
      FROM unnest($1::bigint[], $2::uuid[], $3::smallint[], $4::int[], $5::float8[], $6::bigint[], $7::int[], $8::int[], $9::smallint[], $10::text[], $11::bytea[])
        AS n(w, j, a, s, t, o, z, l, e, g, d)
      ON CONFLICT DO NOTHING`,
    values: [
      chunks.map((chunk) => chunk.workspace),
      chunks.map((chunk) => chunk.id),
      chunks.map((chunk) => chunk.attempt),
      chunks.map((chunk) => chunk.seq),
      chunks.map((chunk) => chunk.atMs),
      chunks.map((chunk) => chunk.offsetBytes),
      chunks.map((chunk) => chunk.sizeBytes),
      chunks.map((chunk) => chunk.lines),
      chunks.map((chunk) => chunk.encoding),
      chunks.map((chunk) => `{${chunk.segments.join(",")}}`),
      chunks.map((chunk) => chunk.data),
    ],
  });
}

/** A chunk as statements give it. */
export interface ChunkRow {
  attempt: number;
  seq: number;
  at_ms: number;
  offset_bytes: string;
  size_bytes: number;
  lines: number;
  encoding: number;
  segments: number[];
  data: Buffer;
}

export function storedChunk({ attempt, seq, at_ms, offset_bytes, size_bytes, lines, encoding, segments, data }: ChunkRow): StoredChunk {
  return { attempt, seq, atMs: at_ms, offsetBytes: Number(offset_bytes), sizeBytes: size_bytes, lines, encoding, segments, data };
}

/** Chunks of a job after a position, in order, at most `limit`. Plan: primary key of one partition. */
export async function readChunks(
  pool: Pool,
  workspace: WorkspaceId,
  id: JobId,
  after: { attempt: number; seq: number },
  limit: number,
): Promise<StoredChunk[]> {
  const { rows } = await pool.query<ChunkRow>(
    `SELECT attempt, seq, (extract(epoch FROM at) * 1000)::float8 AS at_ms, offset_bytes, size_bytes, lines, encoding, segments, data FROM job_log
     WHERE workspace_id = $1 AND job_id = $2 AND (attempt, seq) > ($3::smallint, $4::int) ORDER BY attempt, seq LIMIT $5`,
    [workspace, id, after.attempt, after.seq, limit],
  );
  return rows.map(storedChunk);
}

/** An attempt that runs under an owner of another replica. */
export async function findRunningAttempt(
  pool: Pool,
  id: JobId,
  token: string,
  shard: number,
  agent: AgentKey,
): Promise<{ workspace: string; attempt: number } | undefined> {
  const { rows } = await pool.query<{ workspace: string; attempt: number }>(
    "SELECT workspace_id::text AS workspace, attempt FROM job_running WHERE id = $1 AND token = $2 AND agent_key = $3 AND shard = $4",
    [id, token, agent, shard],
  );
  return rows[0];
}

/** Where an attempt that has ended is known: its chunks may arrive after its end. One that was lost has no right to anything any more. */
export async function findEndedAttempt(pool: Pool, id: JobId, token: string, agent: AgentKey): Promise<{ workspace: string; attempt: number } | undefined> {
  const { rows } = await pool.query<{ workspace: string; attempt: number }>(
    `SELECT d.workspace_id::text AS workspace, d.attempt FROM job_done d
     WHERE d.id = $1 AND d.token = $2 AND d.agent_key = $3 AND d.workspace_id IN (SELECT id FROM workspace) AND d.done_at > now() - interval '10 minutes'
     UNION ALL
     SELECT t.workspace_id::text, t.attempt FROM job_attempt t
     WHERE t.id = $1 AND t.token = $2 AND t.agent_key = $3 AND t.workspace_id IN (SELECT id FROM workspace) AND t.done_at > now() - interval '10 minutes'
       AND t.exit_reason <> $4`,
    [id, token, agent, EXIT_REASONS.indexOf("lost")],
  );
  return rows[0];
}

/** True when the database will never take the data: out of range, or no partition for its day. */
export function isRefusal(error: unknown): boolean {
  return error instanceof DatabaseError && /^(22|23)/.test(error.code ?? "");
}
