/**
 * The hot statement: everything a flush does, in one round trip and one commit. It is composed of the families that the
 * flush has operations of, since a part without rows still costs its start-up; the compositions are prepared on first use.
 *
 * Plan: index scans on the primary keys of the lane's children and hash joins with the arrays; the hot connections switch
 * nested loops, merge joins and sequential scans off and force generic plans, because statistics of these tables are
 * always wrong (they are empty or full within seconds). Ids and tokens are matched by `= ANY($n)` and not by a join, since
 * the planner may otherwise walk the table (shared/reference/prototype.md measured 370 µs a job for that plan and 60 µs for
 * this one). Every part is fenced: with a lost lease `own` is empty and nothing happens.
 */
export const FAMILIES = ["direct", "pending", "claim", "finish", "requeue", "cancel"] as const;
export type Family = (typeof FAMILIES)[number];

interface FamilySql {
  /** Types of the family's parameters, in order: one array each. */
  readonly types: readonly string[];
  /** Common table expressions; `$` is the parameter at a position, `lane` the number of the child tables. */
  readonly sql: (lane: number, $: (at: number) => string) => string;
  /** Expression that gives `family/id` of those that did not move; undefined when they always do. */
  readonly unmoved?: ($: (at: number) => string) => string;
}

const JOB_COLUMNS = "workspace_id, id, kind, script_id, script_hash, language, tag, prio, timeout_ms, created_by, args, code";
const JOB_TYPES = ["bigint", "uuid", "smallint", "bigint", "text", "text", "text", "smallint", "int", "text", "text", "text", "smallint"];
const RUNNING_COLUMNS = "id, workspace_id, shard, tag, language, prio, ckey, attempt, lost, token, agent_key, script_id, timeout_ms, claimed_at";
const DONE_COLUMNS = `workspace_id, id, script_id, tag, outcome, exit_reason, exit_code, exit_signal, exit_message, attempt, token, agent_key,
  started_at, done_at, run_us, result, log_chunks, log_bytes, log_dropped_bytes`;

const unnest = (types: readonly string[], $: (at: number) => string): string => `unnest(${types.map((type, at) => `${$(at)}::${type}[]`).join(", ")})`;
const notIn = (family: Family, ids: string, moved: string): string =>
  `ARRAY(SELECT '${family}/' || i FROM (SELECT unnest(${ids}::uuid[]) EXCEPT SELECT id FROM ${moved}) AS x(i))`;

const SQL: Readonly<Record<Family, FamilySql>> = {
  direct: {
    types: [...JOB_TYPES, "bigint", "bigint"],
    sql: (lane, $) => `
direct AS MATERIALIZED (
  SELECT * FROM ${unnest([...JOB_TYPES, "bigint", "bigint"], $)} AS n(${JOB_COLUMNS}, shard, token, agent_key) WHERE EXISTS (SELECT 1 FROM own)),
direct_job AS (INSERT INTO job (${JOB_COLUMNS}) SELECT ${JOB_COLUMNS} FROM direct),
direct_running AS (
  INSERT INTO job_running_${lane} (${RUNNING_COLUMNS})
  SELECT id, workspace_id, shard, tag, language, prio, 0, 1, 0, token, agent_key, script_id, timeout_ms, now() FROM direct)`,
  },
  pending: {
    types: [...JOB_TYPES, "float8"],
    sql: (lane, $) => `
pending AS MATERIALIZED (
  SELECT * FROM ${unnest([...JOB_TYPES, "float8"], $)} AS n(${JOB_COLUMNS}, shard, due_ms) WHERE EXISTS (SELECT 1 FROM own)),
pending_job AS (INSERT INTO job (${JOB_COLUMNS}) SELECT ${JOB_COLUMNS} FROM pending),
pending_row AS (
  INSERT INTO job_pending_${lane} (id, workspace_id, shard, tag, language, prio, due_at, script_id, timeout_ms)
  SELECT id, workspace_id, shard, tag, language, prio, to_timestamp(due_ms / 1000), script_id, timeout_ms FROM pending)`,
  },
  claim: {
    types: ["uuid", "bigint", "bigint"],
    sql: (lane, $) => `
claim_gone AS (
  DELETE FROM job_pending_${lane} WHERE id = ANY(${$(0)}::uuid[]) AND EXISTS (SELECT 1 FROM own)
  RETURNING id, workspace_id, shard, tag, language, prio, ckey, attempt, lost, script_id, timeout_ms),
claimed AS (
  INSERT INTO job_running_${lane} (${RUNNING_COLUMNS})
  SELECT g.id, g.workspace_id, g.shard, g.tag, g.language, g.prio, g.ckey, g.attempt + 1, g.lost, c.token, c.agent_key, g.script_id, g.timeout_ms, now()
  FROM claim_gone g JOIN ${unnest(["uuid", "bigint", "bigint"], $)} AS c(id, token, agent_key) ON c.id = g.id
  RETURNING id)`,
    unmoved: ($) => notIn("claim", $(0), "claimed"),
  },
  finish: {
    types: ["uuid", "bigint", "smallint", "smallint", "int", "text", "text", "float8", "float8", "bigint", "text", "int", "bigint", "bigint"],
    sql: (lane, $) => `
finish_gone AS (
  DELETE FROM job_running_${lane} WHERE id = ANY(${$(0)}::uuid[]) AND token = ANY(${$(1)}::bigint[]) AND EXISTS (SELECT 1 FROM own)
  RETURNING id, workspace_id, script_id, tag, attempt, token, agent_key),
finished AS (
  INSERT INTO job_done (${DONE_COLUMNS})
  SELECT g.workspace_id, g.id, g.script_id, g.tag, f.outcome, f.reason, f.code, f.signal, f.message, g.attempt, g.token, g.agent_key,
    to_timestamp(f.started_ms / 1000), to_timestamp(f.done_ms / 1000), f.run_us, f.result, f.log_chunks, f.log_bytes, f.log_dropped
  FROM finish_gone g JOIN ${unnest(SQL.finish.types, $)}
    AS f(id, token, outcome, reason, code, signal, message, started_ms, done_ms, run_us, result, log_chunks, log_bytes, log_dropped) ON f.token = g.token
  RETURNING id)`,
    unmoved: ($) => notIn("finish", $(0), "finished"),
  },
  requeue: {
    types: ["uuid", "bigint", "smallint", "float8"],
    sql: (lane, $) => `
requeue_gone AS (
  DELETE FROM job_running_${lane} WHERE id = ANY(${$(0)}::uuid[]) AND token = ANY(${$(1)}::bigint[]) AND EXISTS (SELECT 1 FROM own)
  RETURNING id, workspace_id, shard, tag, language, prio, ckey, attempt, script_id, timeout_ms, token),
requeued AS (
  INSERT INTO job_pending_${lane} (id, workspace_id, shard, tag, language, prio, due_at, ckey, attempt, lost, script_id, timeout_ms)
  SELECT g.id, g.workspace_id, g.shard, g.tag, g.language, g.prio, to_timestamp(r.due_ms / 1000), g.ckey, g.attempt, r.lost, g.script_id, g.timeout_ms
  FROM requeue_gone g JOIN ${unnest(SQL.requeue.types, $)} AS r(id, token, lost, due_ms) ON r.token = g.token
  RETURNING id)`,
    unmoved: ($) => notIn("requeue", $(0), "requeued"),
  },
  cancel: {
    types: ["uuid", "smallint", "smallint", "text", "float8", "text"],
    sql: (lane, $) => `
cancel_gone AS (
  DELETE FROM job_pending_${lane} WHERE id = ANY(${$(0)}::uuid[]) AND EXISTS (SELECT 1 FROM own)
  RETURNING id, workspace_id, script_id, tag, attempt),
cancelled AS (
  INSERT INTO job_done (workspace_id, id, script_id, tag, outcome, exit_reason, exit_code, exit_message, attempt, done_at, result)
  SELECT g.workspace_id, g.id, g.script_id, g.tag, x.outcome, x.reason, 0, x.message, g.attempt, to_timestamp(x.done_ms / 1000), x.result
  FROM cancel_gone g JOIN ${unnest(SQL.cancel.types, $)} AS x(id, outcome, reason, message, done_ms, result) ON x.id = g.id
  RETURNING id)`,
    unmoved: ($) => notIn("cancel", $(0), "cancelled"),
  },
};

/** Types of a family's parameters, in order: one array each. */
export function parameterTypes(family: Family): readonly string[] {
  return SQL[family].types;
}

/**
 * Text of the statement for a lane and the families that it has, in the order of FAMILIES. $1 replica, $2 epoch, $3 connection, $4 number
 * of the flush, then the families' arrays. Returns one row, or none when the lease is lost.
 */
export function flushStatement(lane: number, families: readonly Family[]): string {
  const parts: string[] = [];
  const unmoved: string[] = [];
  let next = 5;
  for (const family of families) {
    const first = next;
    const { types, sql, unmoved: expression } = SQL[family];
    const at = (position: number): string => `$${first + position}`;
    parts.push(sql(lane, at));
    if (expression !== undefined) unmoved.push(expression(at));
    next += types.length;
  }
  return `WITH own AS MATERIALIZED (SELECT 1 FROM replica_lease WHERE replica_id = $1 AND epoch = $2 FOR SHARE),${parts.join(",")}
UPDATE flush_progress SET seq = $4, gone = ${unmoved.length === 0 ? "'{}'::text[]" : unmoved.join(" || ")}
WHERE epoch = $2 AND connection = $3 AND EXISTS (SELECT 1 FROM own) RETURNING gone`;
}

/** Settings of the hot connections; see flushStatement. */
export const HOT_SETTINGS =
  "-c enable_nestloop=off -c enable_mergejoin=off -c enable_seqscan=off -c plan_cache_mode=force_generic_plan -c jit=off -c lock_timeout=2s -c statement_timeout=10s -c idle_in_transaction_session_timeout=10s";

const WAITING_COLUMNS = `id::text, workspace_id::text, shard, tag, language, prio, (extract(epoch FROM due_at) * 1000)::float8 AS due_ms, attempt, lost,
  script_id::text, timeout_ms`;

/**
 * Heads of one queue from a cursor on, in queue order. Plan: job_pending_order, without a sort: the columns of ORDER BY are the table's and
 * not those of the result, which are text. $1 workspace, $2 tag, $3 language, $4 prio, $5 due_ms, $6 id, $7 limit
 */
export function refillStatement(lane: number): string {
  return `SELECT ${WAITING_COLUMNS} FROM job_pending_${lane} p
WHERE workspace_id = $1 AND tag = $2 AND language = $3 AND (prio, due_at, id) >= ($4::smallint, to_timestamp($5::float8 / 1000), $6::uuid)
ORDER BY p.workspace_id, p.tag, p.language, p.prio, p.due_at, p.id LIMIT $7`;
}

/** Queues of shards of a lane, for their new owner. One scan of the lane. $1 shards */
export function pendingGroupsStatement(lane: number): string {
  return `SELECT workspace_id::text, tag, language, count(*)::int AS count FROM job_pending_${lane} WHERE shard = ANY($1::smallint[]) GROUP BY 1, 2, 3`;
}

/** Running rows of shards of a lane, for their new owner. $1 shards */
export function runningStatement(lane: number): string {
  return `SELECT id::text, workspace_id::text, shard, tag, language, prio, attempt, lost, token::text, agent_key::text, script_id::text, timeout_ms,
  (extract(epoch FROM now() - claimed_at) * 1000)::float8 AS age_ms FROM job_running_${lane} WHERE shard = ANY($1::smallint[])`;
}

/** The row in which a hot connection leaves its progress. $1 epoch, $2 connection */
export const OPEN_PROGRESS = "INSERT INTO flush_progress (epoch, connection, seq, gone) VALUES ($1, $2, 0, '{}') ON CONFLICT DO NOTHING";
export const READ_PROGRESS = "SELECT seq::float8 AS seq, gone FROM flush_progress WHERE epoch = $1 AND connection = $2";

/**
 * Payloads of jobs that are about to be sent and are no longer in memory. Two conditions and not pairs: so the ids are constants of a custom
 * plan, which opens only their partitions. $1 workspace ids, $2 ids
 */
export const PAYLOADS = `SELECT workspace_id::text, id::text, kind, script_hash, args, code, created_by FROM job
WHERE workspace_id = ANY($1::bigint[]) AND id = ANY($2::uuid[])`;

/**
 * The token under which an agent finished a job, to tell a resent result from a stale one, and whether the lease was ours when we looked:
 * only the owner may call a result stale. An agent names only the job. $1 id, $2 agent, $3 replica, $4 epoch
 */
export const DONE_TOKEN_BY_ID = `SELECT (SELECT l.epoch = $4 FROM replica_lease l WHERE l.replica_id = $3) AS ours,
  (SELECT d.token::text FROM job_done d WHERE d.id = $1 AND d.agent_key = $2 AND d.workspace_id IN (SELECT id FROM workspace)) AS token`;
