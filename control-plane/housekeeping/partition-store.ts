import type { Pool } from "../db/pools.ts";

/** Tables that are partitioned by the time in their UUIDv7. */
export const PARENTS = ["job", "job_done", "job_log", "job_attempt", "job_key", "job_progress", "job_checkpoint", "flow_event", "flow_item"] as const;
export type Parent = (typeof PARENTS)[number];
export const DAY_MS = 24 * 60 * 60 * 1000;
/** Days that are made ahead of today; fewer than two left is an alarm. */
export const PREMADE_DAYS = 4;

/** Lowest UUIDv7 of a moment: its first 48 bits are the milliseconds, the rest is zero. */
export function lowestId(ms: number): string {
  const time = ms.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
}

/** Name of the child table of a day, in UTC. */
export function partitionName(parent: string, dayMs: number): string {
  return `${parent}_${new Date(dayMs).toISOString().slice(0, 10).replaceAll("-", "")}`;
}

/** From the table: what `to_regclass` remembers from before the wait for the lock may be out of date. */
const IS_THERE = "SELECT EXISTS (SELECT FROM pg_class WHERE relname = $1 AND relnamespace = to_regnamespace(current_schema())) AS there";

interface Partition {
  readonly parent: Parent;
  readonly name: string;
  readonly dayMs: number;
}

/** Of yesterday, today and the days ahead, those that are not there. One query: each start of a replica asks. */
async function missingPartitions(pool: Pool, nowMs: number): Promise<Partition[]> {
  const today = Math.floor(nowMs / DAY_MS) * DAY_MS;
  const days = Array.from({ length: PREMADE_DAYS + 2 }, (_, at) => today + (at - 1) * DAY_MS);
  const wanted = days.flatMap((dayMs) => PARENTS.map((parent) => ({ parent, name: partitionName(parent, dayMs), dayMs })));
  const { rows } = await pool.query<{ name: string }>("SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NULL", [
    wanted.map(({ name }) => name),
  ]);
  const missing = new Set(rows.map(({ name }) => name));
  return wanted.filter(({ name }) => missing.has(name));
}

/**
 * Makes the children of yesterday, today and the days ahead, as far as they are missing. Each is made alone with the check that its
 * bounds imply and then attached, which locks the parent far less than making it as a partition. Safe on several replicas at once.
 * @returns the names of those that were made
 */
export async function makePartitions(pool: Pool, nowMs: number): Promise<string[]> {
  const missing = await missingPartitions(pool, nowMs);
  if (missing.length === 0) return [];
  const client = await pool.connect();
  const made: string[] = [];
  try {
    for (const { parent, name, dayMs } of missing) {
      const column = parent === "job_log" ? "job_id" : "id";
      const [from, to] = [lowestId(dayMs), lowestId(dayMs + DAY_MS)];
      await client.query("BEGIN");
      await client.query("SELECT pg_advisory_xact_lock(hashtext('millrace.partitions'))");
      const { rows } = await client.query<{ there: boolean }>(IS_THERE, [name]);
      if (rows[0]?.there !== true) {
        await client.query(
          `CREATE TABLE ${name} (LIKE ${parent} INCLUDING DEFAULTS INCLUDING STORAGE INCLUDING CONSTRAINTS);
           ALTER TABLE ${name} ADD CONSTRAINT ${name}_bounds CHECK (${column} >= '${from}' AND ${column} < '${to}');
           ALTER TABLE ${parent} ATTACH PARTITION ${name} FOR VALUES FROM ('${from}') TO ('${to}');
           ALTER TABLE ${name} DROP CONSTRAINT ${name}_bounds`,
        );
        made.push(name);
      }
      await client.query("COMMIT");
    }
    return made;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}
