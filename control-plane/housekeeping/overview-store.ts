import type { Pool } from "../db/pools.ts";
import { DAY_MS, PARENTS } from "./partition-store.ts";

export interface Overview {
  /** Last moment for which every table has a child, milliseconds since the epoch; 0 when one has none. */
  readonly coveredUntilMs: number;
  readonly oldestDayMs: number | undefined;
  /** Days of job_log that hold rows and of which nothing is packed, oldest first. */
  readonly unpackedDaysMs: readonly number[];
}

/** What there is of the days. One statement over the catalogue, milliseconds. */
export async function readOverview(pool: Pool): Promise<Overview> {
  const { rows } = await pool.query<{ parent: string; day_ms: number; unpacked: boolean }>(
    `SELECT p.relname AS parent, (extract(epoch FROM d.day) * 1000)::float8 AS day_ms,
       p.relname = 'job_log' AND pg_relation_size(c.oid) > 0 AND NOT EXISTS (SELECT 1 FROM log_pack l WHERE l.day = d.day) AS unpacked
     FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent JOIN pg_class c ON c.oid = i.inhrelid, LATERAL (SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS day) d
     WHERE p.relname = ANY($1) AND p.relkind = 'p' AND p.relnamespace = current_schema()::regnamespace AND NOT i.inhdetachpending ORDER BY 2`,
    [[...PARENTS]],
  );
  const last = PARENTS.map((parent) => Math.max(0, ...rows.filter((row) => row.parent === parent).map((row) => row.day_ms + DAY_MS)));
  return { coveredUntilMs: Math.min(...last), oldestDayMs: rows[0]?.day_ms, unpackedDaysMs: rows.filter((row) => row.unpacked).map((row) => row.day_ms) };
}
