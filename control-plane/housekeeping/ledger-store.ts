import type { Session } from "../db/session.ts";
import type { Child } from "./partition-drop-store.ts";
import type { PartitionRecord } from "./retention-core.ts";

type Mark = "thinned_at" | "dropping_at";

/** Notes a step of a child's end. */
export async function mark(session: Pick<Session, "query">, child: Child, what: Mark): Promise<void> {
  await session.query(
    `INSERT INTO partition_record (parent, day, ${what}) VALUES ($1, $2::date, now()) ON CONFLICT (parent, day) DO UPDATE SET ${what} = excluded.${what}`,
    [child.parent, dayText(child.dayMs)],
  );
}

/** Records of the children that are not known to be gone. */
export async function readRecords(session: Pick<Session, "query">): Promise<PartitionRecord[]> {
  const { rows } = await session.query<{ parent: string; day_ms: number; thinned: boolean; dropping: boolean }>(
    `SELECT parent, (extract(epoch FROM day) * 1000)::float8 AS day_ms, thinned_at IS NOT NULL AS thinned, dropping_at IS NOT NULL AS dropping
     FROM partition_record WHERE dropped_at IS NULL`,
  );
  return rows.map((row) => ({ parent: row.parent, dayMs: row.day_ms, thinned: row.thinned, dropping: row.dropping }));
}

/** YYYY-MM-DD in UTC. */
export function dayText(dayMs: number): string {
  return new Date(dayMs).toISOString().slice(0, 10);
}

/**
 * Brings the records up to what is there: children that are gone are noted as dropped, and their archived parts as final. Done by looking, so that a
 * crash between a drop and its note leaves nothing open.
 * @returns days whose output is gone from the table and may still be in packs
 */
export async function settleDropped(session: Session): Promise<number[]> {
  const gone = "to_regclass(parent || '_' || to_char(day, 'YYYYMMDD')) IS NULL";
  await session.query(`UPDATE partition_record SET dropped_at = now() WHERE dropping_at IS NOT NULL AND dropped_at IS NULL AND ${gone}`);
  await session.query(`UPDATE archive_part SET removed_at = now() WHERE removed_at IS NULL AND ${gone}`);
  const { rows } = await session.query<{ day_ms: number }>(
    "SELECT DISTINCT (extract(epoch FROM day) * 1000)::float8 AS day_ms FROM log_pack WHERE to_regclass('job_log_' || to_char(day, 'YYYYMMDD')) IS NULL",
  );
  return rows.map((row) => row.day_ms);
}
