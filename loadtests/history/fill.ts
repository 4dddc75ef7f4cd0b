import type pg from "pg";
import { makePartitions, partitionName } from "../../control-plane/housekeeping/partition-store.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * The shape of the history: one workspace has 60 % of the jobs, one 20 %, fifteen share the rest; and the worst cases of a list: a workspace
 * with one job a day, one whose jobs are all on the oldest day, one with nothing; a workspace with a failure in 200,000 jobs, one in
 * which nearly everything failed, a script that ran once in 100,000 jobs.
 */
export const SHAPE = { big: 0, second: 1, allFailed: 2, middle: 5, onePerDay: 17, oldestDay: 18, empty: 19 } as const;
const WORKSPACES = 20;

export interface Filled {
  /** Keys of the workspaces, in the order of SHAPE. */
  readonly workspaces: readonly string[];
  readonly days: readonly number[];
}

/** Id of a script of a workspace: 0 to 4 share the jobs, 9 is the rare one. */
export const scriptOf = (workspace: string, script: number): string => String(Number(workspace) * 10 + script);

const WORKSPACE_OF = `CASE WHEN n = 5 THEN ${SHAPE.onePerDay} WHEN $2 AND n BETWEEN 100 AND 150 THEN ${SHAPE.oldestDay} WHEN n * 7919 % 1000 < 600 THEN 0
  WHEN n * 7919 % 1000 < 800 THEN 1 ELSE 2 + n * 7919 % 15 END`;
const OUTCOME_OF = `CASE w WHEN 1 THEN (n % 200000 = 7)::int WHEN 2 THEN (n % 100000 <> 3)::int ELSE (n % 100 = 0)::int END`;

/** The days before today, oldest first. */
export function daysOfHistory(days: number): number[] {
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  return Array.from({ length: days }, (_, at) => today - (days - at) * DAY_MS);
}

/** Children of past days are made by the maker, as if it were that day. */
export async function fillHistory(pool: pg.Pool, jobs: number, days: number, say: (text: string) => void): Promise<Filled> {
  const { rows } = await pool.query<{ id: string }>(
    "INSERT INTO workspace (name) SELECT 'history-' || n FROM generate_series(1, $1::int) n ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id::text",
    [WORKSPACES],
  );
  const workspaces = rows.map((row) => row.id);
  const dayList = daysOfHistory(days);
  for (const day of dayList) await makePartitions(pool, day);
  await makePartitions(pool, Date.now());
  for (const [at, day] of dayList.entries()) {
    const child = partitionName("job_done", day);
    const { rows: there } = await pool.query(`SELECT 1 FROM ${child} LIMIT 1`);
    if (there.length > 0) continue;
    const begun = performance.now();
    await fillDay(pool, day, at === 0, Math.round(jobs / days), workspaces);
    say(`${child}: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  }
  return { workspaces, days: dayList };
}

async function fillDay(pool: pg.Pool, day: number, oldest: boolean, count: number, workspaces: readonly string[]): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("SET synchronous_commit = off");
    await client.query("SET work_mem = '256MB'");
    await client.query("BEGIN");
    await client.query("DROP TABLE IF EXISTS gen");
    await client.query(
      `CREATE TEMP TABLE gen ON COMMIT DROP AS
       SELECT n, w, ($4::bigint[])[w + 1] AS workspace_id, CASE WHEN n % 100000 = 11 THEN 9 ELSE n % 5 END AS s, ${OUTCOME_OF} AS outcome,
         (lpad(to_hex($1::bigint + n * ${DAY_MS} / $3::bigint), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8' || substr(md5(n::text), 1, 15))::uuid AS id,
         to_timestamp(($1::bigint + n * ${DAY_MS} / $3::bigint) / 1000.0) AS at
       FROM (SELECT n, ${WORKSPACE_OF} AS w FROM generate_series(0::bigint, $3::bigint - 1) n) x`.replaceAll(/\$[1-4]/g, (p) =>
        literal([String(day), String(oldest), String(count), `'{${workspaces.join(",")}}'`], p),
      ),
    );
    await client.query(
      `INSERT INTO ${partitionName("job", day)} (workspace_id, id, kind, script_id, script_hash, language, tag, prio, created_by, args)
       SELECT workspace_id, id, 0, workspace_id * 10 + s, md5(s::text) || md5(s::text), 'python3', 'default', 4, 'token ci', '{"customer":"' || n || '","dry_run":false}' FROM gen`,
    );
    await client.query(
      `INSERT INTO ${partitionName("job_done", day)} (workspace_id, id, script_id, tag, outcome, exit_reason, exit_code, attempt, token, agent_key, started_at, done_at, run_us, result)
       SELECT workspace_id, id, workspace_id * 10 + s, 'default', outcome, outcome, outcome, 1, 1000000 + n, 1, at, at + interval '1 s', 1000000, '{"rows":' || n || '}' FROM gen`,
    );
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release(true);
  }
}

/** CREATE TABLE AS takes no parameters. */
function literal(values: readonly string[], placeholder: string): string {
  return values[Number(placeholder.slice(1)) - 1] ?? "NULL";
}

/** Jobs that wait and run, so that lists merge three places: they belong to the big workspace, and a few to a middle one. */
export async function fillLive(pool: pg.Pool, workspaces: readonly string[], shardOf: (workspace: string) => number, waiting: number): Promise<void> {
  const now = Date.now();
  for (const [workspace, count, seed] of [
    [workspaces[SHAPE.big] ?? "1", waiting, 1],
    [workspaces[SHAPE.middle] ?? "1", 20, 2],
  ] as const) {
    const id = `(lpad(to_hex(${now}::bigint - $2::int + n), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8' || substr(md5((n * ${seed})::text), 1, 15))::uuid`;
    await pool.query(
      `WITH gen AS MATERIALIZED (SELECT n, ${id} AS id FROM generate_series(1, $2::int) n),
       payload AS (INSERT INTO job (workspace_id, id, kind, script_id, language, tag, prio, created_by, args)
         SELECT $1::bigint, id, 0, $1::bigint * 10 + n % 5, 'python3', 'default', 4, 'token ci', '{}' FROM gen)
       INSERT INTO job_pending (id, workspace_id, shard, tag, language, prio, due_at, script_id) SELECT id, $1::bigint, $3, 'default', 'python3', 4, now(), $1::bigint * 10 + n % 5 FROM gen`,
      [workspace, count, shardOf(workspace)],
    );
  }
}
