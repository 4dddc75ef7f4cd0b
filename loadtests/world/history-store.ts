import type pg from "pg";
import { ID_OF } from "../../control-plane/housekeeping/partition-drop-store.ts";
import { DAY_MS, lowestId, PARENTS, partitionName } from "../../control-plane/housekeeping/partition-store.ts";

export interface HistoryShape {
  /** Midnight UTC. */
  readonly dayMs: number;
  readonly rows: number;
  /** Workspace ids with their scripts; rows are dealt out to the pairs by `weight`. */
  readonly owners: readonly { readonly workspace: string; readonly scriptId: string; readonly hash: string; readonly weight: number }[];
  /** A script whose jobs never fail, by its number. */
  readonly healthyScript: string;
  /** Of the others one in so many has failed, whatever its script. */
  readonly failedOneIn: number;
}

/** Midnight UTC of so many days before now. */
export function daysAgo(days: number, nowMs: number): number {
  return Math.floor(nowMs / DAY_MS) * DAY_MS - days * DAY_MS;
}

/**
 * Fills the partitions of one past day with jobs that have ended: tables first, without indexes, which come with the attaching and are far
 * quicker so. Ids are the same in `job` and `job_done` and depend on nothing but the day and the number of the row.
 */
export async function fillDay(sql: pg.Client, shape: HistoryShape): Promise<void> {
  const { dayMs, rows, owners, failedOneIn, healthyScript } = shape;
  const failed = `CASE WHEN script_id <> $6::bigint AND (hashint8(n) & 2147483647) % ${failedOneIn} = 0 THEN 1 ELSE 0 END`;
  const [from, to] = [lowestId(dayMs), lowestId(dayMs + DAY_MS)];
  for (const parent of PARENTS)
    await sql.query(`CREATE TABLE ${partitionName(parent, dayMs)} (LIKE ${parent} INCLUDING DEFAULTS INCLUDING STORAGE INCLUDING CONSTRAINTS)`);
  const dealt = owners.flatMap((owner) => Array.from({ length: owner.weight }, () => owner));
  const source = `(
    SELECT n, ($1::bigint + n * ${DAY_MS}::bigint / $2::bigint) AS ms, ($3::bigint[])[1 + n % ${dealt.length}] AS workspace_id,
           ($4::bigint[])[1 + n % ${dealt.length}] AS script_id, ($5::text[])[1 + n % ${dealt.length}] AS hash
    FROM generate_series(0::bigint, $2::bigint - 1) AS n
  ) AS made, LATERAL (
    SELECT (lpad(to_hex(ms), 12, '0') || '7' || lpad(to_hex(n & 4095), 3, '0') || '8000' || lpad(to_hex(n), 12, '0'))::uuid AS id
  ) AS named`;
  const values = [dayMs, rows, dealt.map((owner) => owner.workspace), dealt.map((owner) => owner.scriptId), dealt.map((owner) => owner.hash)];
  await sql.query(
    `INSERT INTO ${partitionName("job", dayMs)} (workspace_id, id, kind, script_id, script_hash, language, tag, prio, created_by, args)
     SELECT workspace_id, id, 0, script_id, hash, 'noop', 'default', 4, 'loadtest', '{"n":' || n || '}' FROM ${source}`,
    values,
  );
  await sql.query(
    `INSERT INTO ${partitionName("job_done", dayMs)} (workspace_id, id, script_id, tag, outcome, exit_reason, exit_code, attempt, token, started_at, done_at, run_us, result)
     SELECT workspace_id, id, script_id, 'default', ${failed}, ${failed}, ${failed}, 1, n + 1, to_timestamp(ms / 1000.0), to_timestamp(ms / 1000.0 + 0.1), 100000, n::text
     FROM ${source} WHERE $5::text[] IS NOT NULL`,
    [...values, healthyScript],
  );
  for (const parent of PARENTS) {
    const name = partitionName(parent, dayMs);
    const column = ID_OF[parent];
    await sql.query(`ALTER TABLE ${name} ADD CONSTRAINT ${name}_bounds CHECK (${column} >= '${from}' AND ${column} < '${to}')`);
    await sql.query(`ALTER TABLE ${parent} ATTACH PARTITION ${name} FOR VALUES FROM ('${from}') TO ('${to}')`);
    await sql.query(`ALTER TABLE ${name} DROP CONSTRAINT ${name}_bounds`);
    await sql.query(`VACUUM (ANALYZE) ${name}`);
  }
}

/** Scripts by path, with the workspace's number. */
export async function readScripts(sql: pg.Client, workspace: string): Promise<{ workspace: string; scriptId: string; hash: string; path: string }[]> {
  const { rows } = await sql.query<{ workspace: string; script_id: string; hash: string; path: string }>(
    "SELECT w.id::text AS workspace, s.id::text AS script_id, s.hash, s.path FROM script s JOIN workspace w ON w.id = s.workspace_id WHERE w.name = $1 ORDER BY s.path",
    [workspace],
  );
  return rows.map((row) => ({ workspace: row.workspace, scriptId: row.script_id, hash: row.hash, path: row.path }));
}

/** Ids of jobs of a workspace, from all over its history. */
export async function sampleIds(sql: pg.Client, workspace: string, most: number): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>(
    `SELECT d.id::text FROM job_done d TABLESAMPLE SYSTEM (1) REPEATABLE (7) JOIN workspace w ON w.id = d.workspace_id WHERE w.name = $1
     ORDER BY md5(d.id::text) LIMIT $2`,
    [workspace, most],
  );
  return rows.map((row) => row.id);
}
