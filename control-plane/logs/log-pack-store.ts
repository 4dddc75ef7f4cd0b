import type { JobId, WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Session } from "../db/session.ts";
import { type ChunkRow, storedChunk } from "./log-store.ts";
import type { PackedChunk, PackKey } from "./pack-codec.ts";
import type { WrittenPack } from "./pack-writer.ts";

/** Where a pack is, and where its index. */
export interface PackPlace {
  readonly key: string;
  readonly indexOffset: number;
  readonly indexBytes: number;
}

/** Packs that may hold output of a job. Plan: a few rows of one day. */
export async function findPacks(pool: Pool, day: string, workspace: WorkspaceId, id: JobId): Promise<PackPlace[]> {
  const { rows } = await pool.query<{ blob_key: string; index_offset: string; index_bytes: number }>(
    `SELECT blob_key, index_offset::text, index_bytes FROM log_pack
     WHERE day = $1::date AND (first_workspace, first_job) <= ($2::bigint, $3::uuid) AND (last_workspace, last_job) >= ($2::bigint, $3::uuid) ORDER BY blob_key`,
    [day, workspace, id],
  );
  return rows.map((row) => ({ key: row.blob_key, indexOffset: Number(row.index_offset), indexBytes: row.index_bytes }));
}

/** Notes packs; in the transaction that takes their chunks out of the table. */
export async function insertPacks(session: Session, day: string, packs: readonly WrittenPack[]): Promise<void> {
  for (const pack of packs) {
    await session.query(
      `INSERT INTO log_pack (day, blob_key, first_workspace, first_job, last_workspace, last_job, chunks, size_bytes, index_offset, index_bytes)
       VALUES ($1::date, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      [day, pack.key, pack.first.workspace, pack.first.job, pack.last.workspace, pack.last.job, pack.chunks, pack.sizeBytes, pack.indexOffset, pack.indexBytes],
    );
  }
}

/** Keys of the packs of a day. */
export async function packKeys(session: Pick<Session, "query">, day: string): Promise<string[]> {
  const { rows } = await session.query<{ blob_key: string }>("SELECT blob_key FROM log_pack WHERE day = $1::date ORDER BY blob_key", [day]);
  return rows.map((row) => row.blob_key);
}

/** Forgets the packs of a day whose jobs are no longer in the database: a few rows, whatever the number of jobs. */
export async function forgetPacks(session: Session, day: string): Promise<void> {
  await session.query("DELETE FROM log_pack WHERE day = $1::date", [day]);
}

const PAGE_ROWS = 500;
const PAGE_BYTES = 8 * 1024 * 1024;

/** Chunks of a child of job_log after a key, in its order; at most PAGE_ROWS of them and about PAGE_BYTES. Plan: primary key of the child. */
export async function readChildChunks(session: Session, child: string, after: PackKey | undefined): Promise<PackedChunk[]> {
  const { rows } = await session.query<ChunkRow & { workspace: string; job: string }>(
    `WITH page AS MATERIALIZED (
       SELECT workspace_id, job_id, attempt, seq, sum(octet_length(data)) OVER (ORDER BY workspace_id, job_id, attempt, seq) - octet_length(data) AS ahead FROM ${child}
       WHERE (workspace_id, job_id, attempt, seq) > ($1::bigint, $2::uuid, $3::smallint, $4::int) ORDER BY workspace_id, job_id, attempt, seq LIMIT ${PAGE_ROWS})
     SELECT c.workspace_id::text AS workspace, c.job_id::text AS job, c.attempt, c.seq, (extract(epoch FROM c.at) * 1000)::float8 AS at_ms, c.offset_bytes::text,
       c.size_bytes, c.lines, c.encoding, c.segments, c.data
     FROM page p JOIN ${child} c USING (workspace_id, job_id, attempt, seq) WHERE p.ahead < ${PAGE_BYTES}
     ORDER BY c.workspace_id, c.job_id, c.attempt, c.seq`,
    [after?.workspace ?? "0", after?.job ?? "00000000-0000-0000-0000-000000000000", after?.attempt ?? -1, after?.seq ?? -1],
  );
  return rows.map((row) => ({ workspace: row.workspace, job: row.job, ...storedChunk(row) }));
}
