import type pg from "pg";
import { PgBoss } from "pg-boss";
import { dayText } from "../../control-plane/housekeeping/ledger-store.ts";
import { PARENTS } from "../../control-plane/housekeeping/partition-store.ts";
import { until } from "./processes.ts";
import type { Scope } from "./scope.ts";

/** Queues of housekeeping, as control-plane/housekeeping/boss-store.ts names them. */
const RETENTION = "housekeeping/retention";
const COLD_DAYS = ["housekeeping/packing", RETENTION] as const;

/** A round of the product's retention: when each day's turn began, and when the last of them was gone. Milliseconds since the epoch. */
export interface RetentionRound {
  readonly daysFromMs: readonly number[];
  readonly endedMs: number;
}

/**
 * The product's own retention, made due when the run wants it instead of at its minute of the hour. The control plane does it as it always does: it
 * takes the task from its queue, which it looks into once a minute, in its own process, beside the dispatch.
 */
export class RetentionTask {
  readonly #boss: PgBoss;
  readonly #sql: pg.Client;

  private constructor(boss: PgBoss, sql: pg.Client) {
    this.#boss = boss;
    this.#sql = sql;
  }

  /** Resolves when the control plane has made its tasks, and nothing comes by the clock any more. */
  static async takeOver(scope: Scope, url: string, sql: pg.Client): Promise<RetentionTask> {
    const boss = new PgBoss({
      connectionString: url,
      schema: "boss",
      application_name: "loadtest-boss",
      max: 1,
      supervise: false,
      schedule: false,
      migrate: false,
    });
    boss.on("error", () => undefined);
    await until("the control plane has its tasks of housekeeping", () => hasSchedules(sql));
    await boss.start();
    scope.defer(() => boss.stop({ graceful: false }));
    for (const queue of COLD_DAYS) await boss.unschedule(queue);
    return new RetentionTask(boss, sql);
  }

  /** Some time in the next minute. */
  async runSoon(): Promise<void> {
    await this.#boss.send(RETENTION, null);
  }

  /** Resolves when every table of these days is gone. @throws when that takes longer */
  async gone(daysMs: readonly number[], withinMs: number): Promise<RetentionRound> {
    let round: RetentionRound | undefined;
    await until(
      "retention has dropped the days",
      async () => {
        round = await readRound(this.#sql, daysMs);
        return round !== undefined;
      },
      withinMs,
    );
    if (round === undefined) throw new Error("retention has dropped no day");
    return round;
  }
}

async function hasSchedules(sql: pg.Client): Promise<boolean> {
  const { rows } = await sql.query<{ there: boolean }>("SELECT to_regclass('boss.schedule') IS NOT NULL AS there");
  if (rows[0]?.there !== true) return false;
  const found = await sql.query("SELECT 1 FROM boss.schedule WHERE name = ANY($1::text[])", [COLD_DAYS]);
  return found.rowCount === COLD_DAYS.length;
}

/** From the records that retention keeps. @returns undefined while a table of the days is not known to be gone */
async function readRound(sql: pg.Client, daysMs: readonly number[]): Promise<RetentionRound | undefined> {
  const { rows } = await sql.query<{ begun_ms: number; ended_ms: number }>(
    `SELECT (extract(epoch FROM min(dropping_at)) * 1000)::float8 AS begun_ms, (extract(epoch FROM max(dropped_at)) * 1000)::float8 AS ended_ms
     FROM partition_record WHERE day = ANY($1::date[]) AND dropped_at IS NOT NULL
     GROUP BY day HAVING count(*) = $2 ORDER BY begun_ms`,
    [daysMs.map(dayText), PARENTS.length],
  );
  if (rows.length < daysMs.length) return undefined;
  return { daysFromMs: rows.map((row) => row.begun_ms), endedMs: Math.max(...rows.map((row) => row.ended_ms)) };
}
