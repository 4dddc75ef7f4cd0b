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
export const FAMILIES = ["direct", "direct_limited", "pending", "pending_limited", "refuse", "claim", "window", "finish", "requeue", "cancel"] as const;
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
const RUNNING_COLUMNS = "id, workspace_id, shard, tag, language, prio, ckey, attempt, lost, token, agent_key, script_id, timeout_ms, claimed_at, limits";
const LIMIT_TYPES = ["bigint", "text"];
const WINDOW_COLUMNS = "workspace_id, id, starts, window_ms, ages_ms, tat_in_ms, token";
const DONE_COLUMNS = `workspace_id, id, script_id, tag, outcome, exit_reason, exit_code, exit_signal, exit_message, attempt, token, agent_key,
  started_at, done_at, run_us, result, log_chunks, log_bytes, log_dropped_bytes`;

const unnest = (types: readonly string[], $: (at: number) => string): string => `unnest(${types.map((type, at) => `${$(at)}::${type}[]`).join(", ")})`;
const notIn = (family: Family, ids: string, moved: string): string =>
  `ARRAY(SELECT '${family}/' || i FROM (SELECT unnest(${ids}::uuid[]) EXCEPT SELECT id FROM ${moved}) AS x(i))`;

/** New jobs. Those with limits have two columns more, in a family of their own: the others need not pay for them. */
function directFamily(name: Family, limited: boolean): FamilySql {
  const types = [...JOB_TYPES, "bigint", "bigint", ...(limited ? LIMIT_TYPES : [])];
  return {
    types,
    sql: (lane, $) => `
${name} AS MATERIALIZED (
  SELECT * FROM ${unnest(types, $)} AS n(${JOB_COLUMNS}, shard, token, agent_key${limited ? ", ckey, limits" : ""}) WHERE EXISTS (SELECT 1 FROM own)),
${name}_job AS (INSERT INTO job (${JOB_COLUMNS}) SELECT ${JOB_COLUMNS} FROM ${name}),
${name}_running AS (
  INSERT INTO job_running_${lane} (${RUNNING_COLUMNS})
  SELECT id, workspace_id, shard, tag, language, prio, ${limited ? "ckey" : "0"}, 1, 0, token, agent_key, script_id, timeout_ms, now(), ${limited ? "limits" : "NULL"}
  FROM ${name})`,
  };
}

function pendingFamily(name: Family, limited: boolean): FamilySql {
  const types = [...JOB_TYPES, "float8", ...(limited ? LIMIT_TYPES : [])];
  const more = limited ? ", ckey, limits" : "";
  return {
    types,
    sql: (lane, $) => `
${name} AS MATERIALIZED (
  SELECT * FROM ${unnest(types, $)} AS n(${JOB_COLUMNS}, shard, due_ms${more}) WHERE EXISTS (SELECT 1 FROM own)),
${name}_job AS (INSERT INTO job (${JOB_COLUMNS}) SELECT ${JOB_COLUMNS} FROM ${name}),
${name}_row AS (
  INSERT INTO job_pending_${lane} (id, workspace_id, shard, tag, language, prio, due_at, script_id, timeout_ms${more})
  SELECT id, workspace_id, shard, tag, language, prio, to_timestamp(due_ms / 1000), script_id, timeout_ms${more} FROM ${name})`,
  };
}

const REFUSE_TYPES = [...JOB_TYPES, "smallint", "smallint", "text", "float8", "text"];
const WINDOW_TYPES = ["bigint", "bigint", "int", "float8", "text", "float8", "bigint", "float8"];

const SQL: Readonly<Record<Family, FamilySql>> = {
  direct: directFamily("direct", false),
  direct_limited: directFamily("direct_limited", true),
  pending: pendingFamily("pending", false),
  pending_limited: pendingFamily("pending_limited", true),
  refuse: {
    types: REFUSE_TYPES,
    sql: (_lane, $) => `
refused AS MATERIALIZED (
  SELECT * FROM ${unnest(REFUSE_TYPES, $)} AS n(${JOB_COLUMNS}, shard, outcome, reason, message, done_ms, result) WHERE EXISTS (SELECT 1 FROM own)),
refused_job AS (INSERT INTO job (${JOB_COLUMNS}) SELECT ${JOB_COLUMNS} FROM refused),
refused_done AS (
  INSERT INTO job_done (workspace_id, id, script_id, tag, outcome, exit_reason, exit_code, exit_message, attempt, done_at, result)
  SELECT workspace_id, id, script_id, tag, outcome, reason, 0, message, 0, to_timestamp(done_ms / 1000), result FROM refused)`,
  },
  claim: {
    types: ["uuid", "bigint", "bigint"],
    sql: (lane, $) => `
claim_gone AS (
  DELETE FROM job_pending_${lane} WHERE id = ANY(${$(0)}::uuid[]) AND EXISTS (SELECT 1 FROM own)
  RETURNING id, workspace_id, shard, tag, language, prio, ckey, attempt, lost, script_id, timeout_ms, limits),
claimed AS (
  INSERT INTO job_running_${lane} (${RUNNING_COLUMNS})
  SELECT g.id, g.workspace_id, g.shard, g.tag, g.language, g.prio, g.ckey, g.attempt + 1, g.lost, c.token, c.agent_key, g.script_id, g.timeout_ms, now(), g.limits
  FROM claim_gone g JOIN ${unnest(["uuid", "bigint", "bigint"], $)} AS c(id, token, agent_key) ON c.id = g.id
  RETURNING id)`,
    unmoved: ($) => notIn("claim", $(0), "claimed"),
  },
  // Times are relative to the moment of the statement, which is later than that of the claims: what a new owner makes of them is never earlier.
  window: {
    types: WINDOW_TYPES,
    sql: (_lane, $) => `
windows AS (
  INSERT INTO rate_window (${WINDOW_COLUMNS}, stored_at, expires_at)
  SELECT ${WINDOW_COLUMNS}, now(), now() + make_interval(secs => keep_ms / 1000)
  FROM ${unnest(WINDOW_TYPES, $)} AS w(${WINDOW_COLUMNS}, keep_ms) WHERE EXISTS (SELECT 1 FROM own)
  ON CONFLICT (workspace_id, id) DO UPDATE SET starts = excluded.starts, window_ms = excluded.window_ms, ages_ms = excluded.ages_ms,
    tat_in_ms = excluded.tat_in_ms, token = excluded.token, stored_at = excluded.stored_at, expires_at = excluded.expires_at
  WHERE rate_window.token < excluded.token)`,
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
  RETURNING id, workspace_id, shard, tag, language, prio, ckey, attempt, script_id, timeout_ms, limits, token),
requeued AS (
  INSERT INTO job_pending_${lane} (id, workspace_id, shard, tag, language, prio, due_at, ckey, attempt, lost, script_id, timeout_ms, limits)
  SELECT g.id, g.workspace_id, g.shard, g.tag, g.language, g.prio, to_timestamp(r.due_ms / 1000), g.ckey, g.attempt, r.lost, g.script_id, g.timeout_ms, g.limits
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

const WAITING_COLUMNS = `p.id::text, p.workspace_id::text, p.shard, p.tag, p.language, p.prio, (extract(epoch FROM p.due_at) * 1000)::float8 AS due_ms,
  p.attempt, p.lost, p.script_id::text, p.timeout_ms, p.ckey::text, p.limits`;

/**
 * Heads of one queue from a cursor on, in queue order. Plan: job_pending_order.
 * $1 workspace, $2 tag, $3 language, $4 prio, $5 due_ms, $6 id, $7 limit, $8 concurrency group
 */
export function refillStatement(lane: number): string {
  // The columns of the order carry the table's name: the bare ones would be the texts that are selected, and the index of no use.
  return `SELECT ${WAITING_COLUMNS} FROM job_pending_${lane} p
WHERE workspace_id = $1 AND tag = $2 AND language = $3 AND ckey = $8 AND (prio, due_at, id) >= ($4::smallint, to_timestamp($5::float8 / 1000), $6::uuid)
ORDER BY p.workspace_id, p.tag, p.language, p.ckey, p.prio, p.due_at, p.id LIMIT $7`;
}

/** Queues of a lane, for a new owner: how many wait, and of a group with limits the job that was created last. One scan of the lane. */
export function pendingGroupsStatement(lane: number): string {
  return `WITH g AS (
  SELECT workspace_id, tag, language, count(*)::int AS count, max(id::text) FILTER (WHERE ckey <> 0)::uuid AS newest
  FROM job_pending_${lane} GROUP BY workspace_id, tag, language, ckey)
SELECT g.workspace_id::text AS group_workspace, g.tag AS group_tag, g.language AS group_language, g.count, ${WAITING_COLUMNS}
FROM g LEFT JOIN job_pending_${lane} p ON p.id = g.newest`;
}

/** Running rows of a lane, for a new owner. */
export function runningStatement(lane: number): string {
  return `SELECT id::text, workspace_id::text, shard, tag, language, prio, attempt, lost, token::text, agent_key::text, script_id::text, timeout_ms,
  ckey::text, limits, (extract(epoch FROM now() - claimed_at) * 1000)::float8 AS age_ms FROM job_running_${lane}`;
}

/** The row in which a hot connection leaves its progress. $1 epoch, $2 connection */
export const OPEN_PROGRESS = "INSERT INTO flush_progress (epoch, connection, seq, gone) VALUES ($1, $2, 0, '{}') ON CONFLICT DO NOTHING";
export const READ_PROGRESS = "SELECT seq::float8 AS seq, gone FROM flush_progress WHERE epoch = $1 AND connection = $2";

/** Payloads of jobs that are about to be sent and are no longer in memory. $1 workspace ids, $2 ids */
export const PAYLOADS = `SELECT workspace_id::text, id::text, kind, script_hash, args, code, created_by FROM job
WHERE (workspace_id, id) IN (SELECT * FROM unnest($1::bigint[], $2::uuid[]))`;

/** The token under which an agent finished a job, to tell a resent result from a stale one. An agent names only the job. $1 id, $2 agent */
export const DONE_TOKEN_BY_ID = "SELECT d.token::text FROM job_done d WHERE d.id = $1 AND d.agent_key = $2 AND d.workspace_id IN (SELECT id FROM workspace)";
