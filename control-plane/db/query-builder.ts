import { Kysely, PostgresDialect } from "kysely";
import type { Pool } from "./pools.ts";

/** Columns that queries with a variable shape use. Hot and fixed statements are plain SQL beside their domain. */
interface JobColumns {
  workspace_id: string;
  id: string;
  script_id: string | null;
}

interface Tables {
  job: JobColumns;
  job_pending: JobColumns;
  job_running: JobColumns;
  job_done: JobColumns;
}

export type Db = Kysely<Tables>;

/** A query builder on a pool that somebody else opens and closes. */
export function createQueryBuilder(pool: Pool): Db {
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
}
