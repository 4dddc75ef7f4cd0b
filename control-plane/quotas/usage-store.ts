import type { WorkspaceId } from "../../kernel/ids.ts";
import { lowestJobId } from "../../kernel/ids.ts";
import type { Session } from "../db/session.ts";
import type { Queryable } from "../db/transaction.ts";

export interface UsageDay {
  /** YYYY-MM-DD, UTC. */
  readonly day: string;
  readonly jobs: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly runS: number;
  readonly logBytes: number;
  readonly resultBytes: number;
  readonly countedAt: Date;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** Days that are counted again each hour; most jobs end on the day they were made or the next. */
const RECENT_DAYS = 2;
/** And those that are counted again once a day. */
const LATE_DAYS = 8;
const LATE_HOUR = 3;
/** A request does not wait for longer than this for figures of today; then it gets those of the last count. */
const COUNT_WITHIN_MS = 1000;

/**
 * One pass over the history of a day. Jobs of a day that was thinned are gone: it is not counted again.
 * Of a result the size counts that it has in the database, of output the bytes that were printed.
 */
const COUNT = `INSERT INTO usage_day AS u (workspace_id, day, jobs, failed, cancelled, run_us, log_bytes, result_bytes)
SELECT d.workspace_id, $1::date, count(*), count(*) FILTER (WHERE d.outcome = 1), count(*) FILTER (WHERE d.outcome = 2), coalesce(sum(d.run_us), 0)::bigint,
  coalesce(sum(d.log_bytes), 0)::bigint, coalesce(sum(pg_column_size(d.result)), 0)::bigint
FROM job_done d JOIN workspace w ON w.id = d.workspace_id
WHERE d.id >= $2 AND d.id < $3 AND ($4::bigint IS NULL OR d.workspace_id = $4)
  AND NOT EXISTS (SELECT 1 FROM partition_record p WHERE p.parent = 'job_done' AND p.day = $1::date AND (p.thinned_at IS NOT NULL OR p.dropping_at IS NOT NULL))
GROUP BY d.workspace_id
ON CONFLICT (workspace_id, day) DO UPDATE SET jobs = excluded.jobs, failed = excluded.failed, cancelled = excluded.cancelled, run_us = excluded.run_us,
  log_bytes = excluded.log_bytes, result_bytes = excluded.result_bytes, counted_at = now()`;

const dayOf = (ms: number): number => Math.floor(ms / DAY_MS) * DAY_MS;
const dayText = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const bounds = (dayMs: number): [string, string, string] => [dayText(dayMs), lowestJobId(dayMs), lowestJobId(dayMs + DAY_MS)];

/** Counts the last days of all workspaces, more of them once a day. @returns how many days */
export async function countUsage(session: Pick<Session, "query">, nowMs: number): Promise<number> {
  const days = new Date(nowMs).getUTCHours() === LATE_HOUR ? LATE_DAYS : RECENT_DAYS;
  for (let back = 0; back < days; back++) await session.query(COUNT, [...bounds(dayOf(nowMs) - back * DAY_MS), null]);
  return days;
}

/** Counts today of one workspace. To be called in a transaction of its own. Errors: when it takes too long */
export async function countToday(client: Queryable, workspace: WorkspaceId, nowMs: number): Promise<void> {
  await client.query(`SET LOCAL statement_timeout = ${COUNT_WITHIN_MS}`);
  await client.query(COUNT, [...bounds(dayOf(nowMs)), workspace]);
}

/** The newest first. */
export async function readUsage(client: Queryable, workspace: WorkspaceId, from: string, to: string): Promise<UsageDay[]> {
  const { rows } = await client.query<{
    day: string;
    jobs: string;
    failed: string;
    cancelled: string;
    run_us: string;
    log_bytes: string;
    result_bytes: string;
    counted_at: Date;
  }>(
    `SELECT day::text, jobs::text, failed::text, cancelled::text, run_us::text, log_bytes::text, result_bytes::text, counted_at
     FROM usage_day WHERE workspace_id = $1 AND day >= $2::date AND day <= $3::date ORDER BY day DESC`,
    [workspace, from, to],
  );
  return rows.map((row) => ({
    day: row.day,
    jobs: Number(row.jobs),
    failed: Number(row.failed),
    cancelled: Number(row.cancelled),
    runS: Number(row.run_us) / 1_000_000,
    logBytes: Number(row.log_bytes),
    resultBytes: Number(row.result_bytes),
    countedAt: row.counted_at,
  }));
}

/** Days whose history is not whole any more, of all workspaces. */
export async function thinnedDays(client: Queryable): Promise<string[]> {
  const { rows } = await client.query<{ day: string }>(
    "SELECT day::text FROM partition_record WHERE parent = 'job_done' AND (thinned_at IS NOT NULL OR dropping_at IS NOT NULL)",
  );
  return rows.map(({ day }) => day);
}

/** Bytes of output and results of the days whose history is still there, as far as they have been counted. @param without thinnedDays */
export async function storedBytes(client: Queryable, workspace: WorkspaceId, without: readonly string[]): Promise<number> {
  const { rows } = await client.query<{ bytes: string }>(
    "SELECT coalesce(sum(log_bytes + result_bytes), 0)::text AS bytes FROM usage_day WHERE workspace_id = $1 AND day <> ALL ($2::date[])",
    [workspace, without],
  );
  return Number(rows[0]?.bytes ?? 0);
}
