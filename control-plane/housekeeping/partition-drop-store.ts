import { setTimeout as sleep } from "node:timers/promises";
import { backoffMs } from "../../kernel/backoff.ts";
import { isLockTimeout, type Session } from "../db/session.ts";
import { DAY_MS, lowestId, PARENTS, type Parent } from "./partition-store.ts";

/** attached · pending: a detach was broken off · detached: no longer a part of its parent */
export interface Child {
  readonly parent: Parent;
  readonly name: string;
  readonly dayMs: number;
  readonly state: "attached" | "pending" | "detached";
}

/** A job that must stay, with its payload, its output and its place in history. */
export interface KeptJob {
  readonly workspace: string;
  readonly id: string;
}

/** While a child is locked whole, others wait for us: no longer than this for the lock; then everybody goes on, and we try again. */
const LOCK_WAIT_MS = 50;
const LOCK_TRIES = 200;
/** Columns that hold the job's id. */
export const ID_OF = {
  job: "id",
  job_done: "id",
  job_log: "job_id",
  job_attempt: "id",
  job_key: "id",
  job_progress: "id",
  job_checkpoint: "id",
  flow_event: "id",
  flow_item: "id",
} as const satisfies Record<Parent, string>;

/** The tables of all days, oldest first. */
export async function listChildren(session: Pick<Session, "query">): Promise<Child[]> {
  const { rows } = await session.query<{ name: string; parent: string | null; pending: boolean | null }>(
    `SELECT c.relname AS name, p.relname AS parent, i.inhdetachpending AS pending
     FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent
     WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND c.relname ~ $1 ORDER BY right(c.relname, 8), c.relname`,
    [`^(${PARENTS.join("|")})_[0-9]{8}$`],
  );
  return rows.flatMap(({ name, parent, pending }) => {
    const of = PARENTS.find((one) => name === `${one}_${name.slice(-8)}`);
    if (of === undefined) return [];
    const day = name.slice(-8);
    const dayMs = Date.parse(`${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T00:00:00Z`);
    return [{ parent: of, name, dayMs, state: parent === null ? "detached" : pending === true ? "pending" : "attached" }];
  });
}

/**
 * Jobs that are steps (the fifth of JOB_KINDS) of flows that live, of a day: the flows refer to their results, which may be needed months later.
 * And of flows that these were restarted from, with those flows themselves, which have the lists of their loops.
 */
const LIVING = `living AS (
       SELECT workspace_id, id FROM job_running WHERE language = 'flow' UNION ALL SELECT workspace_id, id FROM job_pending WHERE language = 'flow'),
     used AS MATERIALIZED (
       SELECT j.workspace_id, u.id::uuid AS id FROM living l JOIN job j ON j.workspace_id = l.workspace_id AND j.id = l.id,
         jsonb_array_elements_text(j.policy::jsonb -> 'restart' -> 'uses') AS u(id) WHERE j.policy LIKE '%"restart":%')`;
const STEPS_OF_LIVING = `SELECT j.workspace_id::text, j.id::text FROM job j
     WHERE j.id >= $1 AND j.id < $2 AND j.kind = 4 AND (j.workspace_id, substring(j.policy from '"flow":\\{"id":"([0-9a-f-]{36})"')::uuid) IN (
       SELECT workspace_id, id FROM living UNION ALL SELECT workspace_id, id FROM used)
     UNION SELECT workspace_id::text, id::text FROM used WHERE id >= $1 AND id < $2`;

/**
 * The jobs of a day that must stay: those that wait or run, the steps of flows that live and what these reuse, and those that ended after
 * `endedAfterMs`. One snapshot, and a job is in one place at a time: none is missed. The set can only lose jobs afterwards (ids of the day are made
 * on that day), so that whatever is decided by it stays right; but for a run that is restarted from a day at the very moment at which it goes: it
 * ends and says so. Cost: two index ranges of the hot tables, one scan of the day's jobs and of its history.
 * @returns undefined when there are more than `limit`
 */
export async function keptJobs(session: Session, dayMs: number, endedAfterMs: number, limit: number): Promise<KeptJob[] | undefined> {
  const { rows } = await session.query<{ workspace: string; id: string }>(
    `WITH ${LIVING}
     SELECT workspace_id::text AS workspace, id::text FROM job_pending WHERE id >= $1 AND id < $2
     UNION SELECT workspace_id::text, id::text FROM job_running WHERE id >= $1 AND id < $2
     UNION ${STEPS_OF_LIVING}
     UNION SELECT workspace_id::text, id::text FROM job_done WHERE id >= $1 AND id < $2 AND done_at > to_timestamp($3::float8 / 1000) LIMIT $4`,
    [lowestId(dayMs), lowestId(dayMs + DAY_MS), endedAfterMs, limit + 1],
  );
  return rows.length > limit ? undefined : rows;
}

/** The jobs of a day that wait or run. @returns undefined when there are more than `limit` */
export async function liveJobs(session: Session, dayMs: number, limit: number): Promise<KeptJob[] | undefined> {
  const { rows } = await session.query<KeptJob>(
    `SELECT workspace_id::text AS workspace, id::text FROM job_pending WHERE id >= $1 AND id < $2
     UNION SELECT workspace_id::text, id::text FROM job_running WHERE id >= $1 AND id < $2 LIMIT $3`,
    [lowestId(dayMs), lowestId(dayMs + DAY_MS), limit + 1],
  );
  return rows.length > limit ? undefined : rows;
}

/**
 * Takes a child out of its parent and drops it. Nothing that works on other days waits for it: DETACH CONCURRENTLY shares the parent with reads
 * and writes and waits for those that began before; the drop locks the child alone, which nobody reaches any more. When it is broken off
 * half-way, calling it again finishes it.
 */
export async function dropChild(session: Session, child: Child): Promise<void> {
  if (child.state === "attached") await session.query(`ALTER TABLE ${child.parent} DETACH PARTITION ${child.name} CONCURRENTLY`);
  if (child.state === "pending") await session.query(`ALTER TABLE ${child.parent} DETACH PARTITION ${child.name} FINALIZE`);
  await session.query(`DROP TABLE IF EXISTS ${child.name}`);
}

/** Bytes of the rows that stay, as they would be copied. */
export async function keptBytes(session: Session, child: Child, kept: readonly KeptJob[]): Promise<number> {
  const wide = {
    job: "octet_length(args) + coalesce(octet_length(code), 0)",
    job_done: "coalesce(octet_length(result), 0)",
    job_log: "octet_length(data)",
    job_attempt: "0",
    job_key: "0",
    flow_event: "octet_length(events) + coalesce(octet_length(state), 0)",
    flow_item: "octet_length(value)",
    job_progress: "0",
    job_checkpoint: "octet_length(value)",
  };
  const { rows } = await session.query<{ bytes: number }>(
    `SELECT coalesce(sum(200 + ${wide[child.parent]}), 0)::float8 AS bytes FROM ${child.name} c ${joinKept(child)}`,
    keptArrays(kept),
  );
  return rows[0]?.bytes ?? 0;
}

export async function countRows(session: Session, child: Child): Promise<number> {
  const { rows } = await session.query<{ count: number }>(`SELECT count(*)::float8 AS count FROM ${child.name}`);
  return rows[0]?.count ?? 0;
}

export async function countKeptRows(session: Session, child: Child, kept: readonly KeptJob[]): Promise<number> {
  const { rows } = await session.query<{ count: number }>(`SELECT count(*)::float8 AS count FROM ${child.name} c ${joinKept(child)}`, keptArrays(kept));
  return rows[0]?.count ?? 0;
}

/**
 * Empties a child but for the rows of some jobs: TRUNCATE and the few rows again, in one transaction. Only this child is locked, for milliseconds:
 * the parent never. `before` runs in the transaction while writers are held off, and may throw to leave all as it is; `after` runs after the rows are back.
 */
export async function thinChild(
  session: Session,
  child: Child,
  kept: readonly KeptJob[],
  steps: { readonly before?: () => Promise<void>; readonly after?: () => Promise<void> } = {},
): Promise<void> {
  await retryLocks(() =>
    session.transaction(async () => {
      await session.query(`SET LOCAL lock_timeout = ${LOCK_WAIT_MS}`);
      if (steps.before !== undefined) {
        await session.query(`LOCK TABLE ${child.name} IN SHARE MODE`);
        await steps.before();
      }
      await session.query(`LOCK TABLE ${child.name} IN ACCESS EXCLUSIVE MODE`);
      await session.query(`CREATE TEMP TABLE millrace_kept (LIKE ${child.name}) ON COMMIT DROP`);
      await session.query(`INSERT INTO millrace_kept SELECT c.* FROM ${child.name} c ${joinKept(child)}`, keptArrays(kept));
      await session.query(`TRUNCATE ${child.name}`);
      await session.query(`INSERT INTO ${child.name} SELECT * FROM millrace_kept`);
      await steps.after?.();
    }),
  );
}

const joinKept = (child: Child): string =>
  `JOIN unnest($1::bigint[], $2::uuid[]) AS k(workspace_id, id) ON c.workspace_id = k.workspace_id AND c.${ID_OF[child.parent]} = k.id`;
const keptArrays = (kept: readonly KeptJob[]): unknown[] => [kept.map((job) => job.workspace), kept.map((job) => job.id)];

/** A lock that is not free at once is asked for again later: those who queue behind our wait never wait longer than LOCK_WAIT_MS. */
async function retryLocks(work: () => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isLockTimeout(error) || attempt >= LOCK_TRIES) throw error;
      await sleep(backoffMs(attempt, 50, 3000, Math.random()));
    }
  }
}
