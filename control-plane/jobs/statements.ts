import { type FamilySql, type Form, type RowsSql, rowsSql } from "./family-sql.ts";
import { FLOW_FAMILIES, FLOW_SQL } from "./flow-statements.ts";

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
const JOB_FAMILIES = [
  "direct",
  "limited_direct",
  "special_direct",
  "pending",
  "limited_pending",
  "special_pending",
  "refuse",
  "claim",
  "window",
  "finish",
  "requeue",
  "retry",
  "cancel",
] as const;
/** Those of flows, and notes for whoever wants to be told, come last: the text of a flush without them knows nothing of them. */
export const FAMILIES = [...JOB_FAMILIES, ...FLOW_FAMILIES, "note"] as const;
export type Family = (typeof FAMILIES)[number];

const JOB_COLUMNS = "workspace_id, id, kind, script_id, script_hash, language, tag, prio, timeout_ms, created_by, args, code";
const JOB_TYPES = ["bigint", "uuid", "smallint", "bigint", "text", "text", "text", "smallint", "int", "text", "text", "text", "smallint"];
const RUNNING_COLUMNS = "id, workspace_id, shard, tag, language, prio, ckey, attempt, lost, token, agent_key, script_id, timeout_ms, claimed_at";
const LIMIT_TYPES = ["bigint", "text"];
const WINDOW_COLUMNS = "workspace_id, id, starts, window_ms, ages_ms, tat_in_ms, token";
const DONE_COLUMNS = `workspace_id, id, script_id, tag, outcome, exit_reason, exit_code, exit_signal, exit_message, attempt, token, agent_key,
  started_at, done_at, run_us, result, log_chunks, log_bytes, log_dropped_bytes`;

/** Of the ten priorities, 0 goes first. */
const LOWEST_PRIO = 9;
/** What an insert of the special families has on top: policy, scheduled for, expires at, key, hash of the body, end of the key. */
const SPECIAL_COLUMNS = "policy, scheduled_ms, expires_ms, key, body, key_ms";
const SPECIAL_TYPES = ["text", "float8", "float8", "uuid", "uuid", "float8"];
const notIn = (family: Family, rows: RowsSql, moved: string): string => `ARRAY(SELECT '${family}/' || i FROM (${rows.missingIn(moved)}) AS x(i))`;

/** What a family of new jobs has columns for: only the few jobs that need them pay for them. Special ones may have limits, too. */
type Extra = "none" | "limited" | "special";
const EXTRA_TYPES: Readonly<Record<Extra, readonly string[]>> = { none: [], limited: LIMIT_TYPES, special: [...SPECIAL_TYPES, ...LIMIT_TYPES] };
const EXTRA_COLUMNS: Readonly<Record<Extra, string>> = { none: "", limited: ", ckey, limits", special: `, ${SPECIAL_COLUMNS}, ckey, limits` };
/** Those that a job carries from row to row from the beginning. */
const CARRIED: Readonly<Record<Extra, string>> = { none: "", limited: ", limits", special: ", limits, policy" };

/** Inserts the payload, and of special jobs also the key. */
function insertPayload(name: string, special: boolean): string {
  if (!special) return `${name}_job AS (INSERT INTO job (${JOB_COLUMNS}) SELECT ${JOB_COLUMNS} FROM ${name}),`;
  return `${name}_job AS (
  INSERT INTO job (${JOB_COLUMNS}, policy, scheduled_for) SELECT ${JOB_COLUMNS}, policy, to_timestamp(scheduled_ms / 1000) FROM ${name}),
${name}_key AS (
  INSERT INTO job_key (workspace_id, key, id, body, expires_at) SELECT workspace_id, key, id, body, to_timestamp(key_ms / 1000) FROM ${name} WHERE key IS NOT NULL),`;
}

/** Jobs that are assigned at once. */
function direct(name: Family, extra: Extra): FamilySql {
  const types = [...JOB_TYPES, "bigint", "bigint", ...EXTRA_TYPES[extra]];
  return {
    types,
    sql: (lane, rows) => `
${name} AS ${rows.kept} (
  SELECT * FROM ${rows.table} AS n(${JOB_COLUMNS}, shard, token, agent_key${EXTRA_COLUMNS[extra]}) WHERE EXISTS (SELECT 1 FROM own)),
${insertPayload(name, extra === "special")}
${name}_running AS (
  INSERT INTO job_running_${lane} (${RUNNING_COLUMNS}${CARRIED[extra]})
  SELECT id, workspace_id, shard, tag, language, prio, ${extra === "none" ? "0" : "ckey"}, 1, 0, token, agent_key, script_id, timeout_ms, now()${CARRIED[extra]}
  FROM ${name})`,
  };
}

/** Jobs that wait: for an agent or a permit, special ones also for a moment. */
function pending(name: Family, extra: Extra): FamilySql {
  const types = [...JOB_TYPES, "float8", ...EXTRA_TYPES[extra]];
  const special = extra === "special";
  const group = extra === "none" ? "" : ", ckey";
  return {
    types,
    sql: (lane, rows) => `
${name} AS ${rows.kept} (
  SELECT * FROM ${rows.table} AS n(${JOB_COLUMNS}, shard, due_ms${EXTRA_COLUMNS[extra]}) WHERE EXISTS (SELECT 1 FROM own)),
${insertPayload(name, special)}
${name}_row AS (
  INSERT INTO job_pending_${lane} (id, workspace_id, shard, tag, language, prio, due_at, script_id, timeout_ms${group}${CARRIED[extra]}${
    special ? ", deferred, expires_at" : ""
  })
  SELECT id, workspace_id, shard, tag, language, prio, to_timestamp(due_ms / 1000), script_id, timeout_ms${group}${CARRIED[extra]}${
    special ? ", scheduled_ms IS NOT NULL, to_timestamp(expires_ms / 1000)" : ""
  } FROM ${name})`,
  };
}

const NOTE_TYPES = ["bigint", "text", "text", "text"];
const REFUSE_TYPES = [...JOB_TYPES, "smallint", "smallint", "text", "float8", "text", ...SPECIAL_TYPES];
const WINDOW_TYPES = ["bigint", "bigint", "int", "float8", "text", "float8", "bigint", "float8"];

/** Attempts whose job goes back to those that wait; the end of the attempt is kept when it says something. */
const RETRY_TYPES = [
  "uuid",
  "bigint",
  "smallint",
  "smallint",
  "float8",
  "boolean",
  "smallint",
  "int",
  "text",
  "text",
  "float8",
  "float8",
  "bigint",
  "int",
  "bigint",
  "bigint",
];
const RETRY_COLUMNS =
  "id, token, lost, failed, due_ms, deferred, reason, code, signal, message, started_ms, done_ms, run_us, log_chunks, log_bytes, log_dropped";

const SQL: Readonly<Record<Family, FamilySql>> = {
  direct: direct("direct", "none"),
  limited_direct: direct("limited_direct", "limited"),
  special_direct: direct("special_direct", "special"),
  pending: pending("pending", "none"),
  limited_pending: pending("limited_pending", "limited"),
  special_pending: pending("special_pending", "special"),
  refuse: {
    types: REFUSE_TYPES,
    sql: (_lane, rows) => `
refused AS ${rows.kept} (
  SELECT * FROM ${rows.table} AS n(${JOB_COLUMNS}, shard, outcome, reason, message, done_ms, result, ${SPECIAL_COLUMNS})
  WHERE EXISTS (SELECT 1 FROM own)),
${insertPayload("refused", true)}
refused_done AS (
  INSERT INTO job_done (workspace_id, id, script_id, tag, outcome, exit_reason, exit_code, exit_message, attempt, done_at, result)
  SELECT workspace_id, id, script_id, tag, outcome, reason, 0, message, 0, to_timestamp(done_ms / 1000), result FROM refused)`,
  },
  claim: {
    types: ["uuid", "bigint", "bigint"],
    sql: (lane, rows) => `
claim_gone AS (
  DELETE FROM job_pending_${lane} WHERE id ${rows.equal(0)} AND EXISTS (SELECT 1 FROM own)
  RETURNING id, workspace_id, shard, tag, language, prio, ckey, attempt, lost, script_id, timeout_ms, limits, failed, policy),
claimed AS (
  INSERT INTO job_running_${lane} (${RUNNING_COLUMNS}, limits, failed, policy)
  SELECT g.id, g.workspace_id, g.shard, g.tag, g.language, g.prio, g.ckey, g.attempt + 1, g.lost, c.token, c.agent_key, g.script_id, g.timeout_ms, now(),
    g.limits, g.failed, g.policy
  FROM claim_gone g JOIN ${rows.table} AS c(id, token, agent_key) ON c.id = g.id
  RETURNING id)`,
    unmoved: (rows) => notIn("claim", rows, "claimed"),
  },
  // Times are relative to the moment of the statement, which is later than that of the claims: what a new owner makes of them is never earlier.
  window: {
    types: WINDOW_TYPES,
    sql: (_lane, rows) => `
windows AS (
  INSERT INTO rate_window (${WINDOW_COLUMNS}, stored_at, expires_at)
  SELECT ${WINDOW_COLUMNS}, now(), now() + make_interval(secs => keep_ms / 1000)
  FROM ${rows.table} AS w(${WINDOW_COLUMNS}, keep_ms) WHERE EXISTS (SELECT 1 FROM own)
  ON CONFLICT (workspace_id, id) DO UPDATE SET starts = excluded.starts, window_ms = excluded.window_ms, ages_ms = excluded.ages_ms,
    tat_in_ms = excluded.tat_in_ms, token = excluded.token, stored_at = excluded.stored_at, expires_at = excluded.expires_at
  WHERE rate_window.token < excluded.token)`,
  },
  finish: {
    types: ["uuid", "bigint", "smallint", "smallint", "int", "text", "text", "float8", "float8", "bigint", "text", "int", "bigint", "bigint"],
    sql: (lane, rows) => `
finish_gone AS (
  DELETE FROM job_running_${lane} WHERE id ${rows.equal(0)} AND token ${rows.equal(1)} AND EXISTS (SELECT 1 FROM own)
  RETURNING id, workspace_id, script_id, tag, attempt, token, agent_key),
finished AS (
  INSERT INTO job_done (${DONE_COLUMNS})
  SELECT g.workspace_id, g.id, g.script_id, g.tag, f.outcome, f.reason, f.code, f.signal, f.message, g.attempt, g.token, g.agent_key,
    to_timestamp(f.started_ms / 1000), to_timestamp(f.done_ms / 1000), f.run_us, f.result, f.log_chunks, f.log_bytes, f.log_dropped
  FROM finish_gone g JOIN ${rows.table}
    AS f(id, token, outcome, reason, code, signal, message, started_ms, done_ms, run_us, result, log_chunks, log_bytes, log_dropped) ON f.token = g.token
  RETURNING id)`,
    unmoved: (rows) => notIn("finish", rows, "finished"),
  },
  requeue: {
    types: ["uuid", "bigint", "smallint", "float8", "float8"],
    sql: (lane, rows) => `
requeue_gone AS (
  DELETE FROM job_running_${lane} WHERE id ${rows.equal(0)} AND token ${rows.equal(1)} AND EXISTS (SELECT 1 FROM own)
  RETURNING id, workspace_id, shard, tag, language, prio, ckey, attempt, script_id, timeout_ms, token, limits, failed, policy),
requeued AS (
  INSERT INTO job_pending_${lane} (id, workspace_id, shard, tag, language, prio, due_at, ckey, attempt, lost, script_id, timeout_ms, limits, failed, policy,
    expires_at)
  SELECT g.id, g.workspace_id, g.shard, g.tag, g.language, g.prio, to_timestamp(r.due_ms / 1000), g.ckey, g.attempt, r.lost, g.script_id, g.timeout_ms,
    g.limits, g.failed, g.policy, to_timestamp(r.expires_ms / 1000)
  FROM requeue_gone g JOIN ${rows.table} AS r(id, token, lost, due_ms, expires_ms) ON r.token = g.token
  RETURNING id)`,
    unmoved: (rows) => notIn("requeue", rows, "requeued"),
  },
  retry: {
    types: RETRY_TYPES,
    sql: (lane, rows) => `
retry_gone AS (
  DELETE FROM job_running_${lane} WHERE id ${rows.equal(0)} AND token ${rows.equal(1)} AND EXISTS (SELECT 1 FROM own)
  RETURNING id, workspace_id, shard, tag, language, prio, ckey, attempt, script_id, timeout_ms, token, agent_key, limits, policy),
retry_end AS MATERIALIZED (
  SELECT g.*, r.lost, r.failed, r.due_ms, r.deferred, r.reason, r.code, r.signal, r.message, r.started_ms, r.done_ms, r.run_us, r.log_chunks, r.log_bytes,
    r.log_dropped
  FROM retry_gone g JOIN ${rows.table} AS r(${RETRY_COLUMNS}) ON r.token = g.token),
retry_kept AS (
  INSERT INTO job_attempt (workspace_id, id, attempt, token, agent_key, exit_reason, exit_code, exit_signal, exit_message, started_at, done_at, run_us,
    log_chunks, log_bytes, log_dropped_bytes)
  SELECT workspace_id, id, attempt, token, agent_key, reason, code, signal, message, to_timestamp(started_ms / 1000), to_timestamp(done_ms / 1000), run_us,
    log_chunks, log_bytes, log_dropped FROM retry_end),
retried AS (
  INSERT INTO job_pending_${lane} (id, workspace_id, shard, tag, language, prio, due_at, deferred, ckey, attempt, lost, script_id, timeout_ms, limits,
    failed, policy)
  SELECT id, workspace_id, shard, tag, language, prio, to_timestamp(due_ms / 1000), deferred, ckey, attempt, lost, script_id, timeout_ms, limits,
    failed, policy
  FROM retry_end RETURNING id)`,
    unmoved: (rows) => notIn("retry", rows, "retried"),
  },
  cancel: {
    types: ["uuid", "smallint", "smallint", "text", "float8", "text"],
    sql: (lane, rows) => `
cancel_gone AS (
  DELETE FROM job_pending_${lane} WHERE id ${rows.equal(0)} AND EXISTS (SELECT 1 FROM own)
  RETURNING id, workspace_id, script_id, tag, attempt),
cancelled AS (
  INSERT INTO job_done (workspace_id, id, script_id, tag, outcome, exit_reason, exit_code, exit_message, attempt, done_at, result)
  SELECT g.workspace_id, g.id, g.script_id, g.tag, x.outcome, x.reason, 0, x.message, g.attempt, to_timestamp(x.done_ms / 1000), x.result
  FROM cancel_gone g JOIN ${rows.table} AS x(id, outcome, reason, message, done_ms, result) ON x.id = g.id
  RETURNING id)`,
    unmoved: (rows) => notIn("cancel", rows, "cancelled"),
  },
  ...FLOW_SQL,
  note: {
    types: NOTE_TYPES,
    sql: (_lane, rows) => `
notes AS (
  INSERT INTO event_note (workspace_id, kind, id, data)
  SELECT workspace_id, kind, id, data FROM ${rows.table} AS n(workspace_id, kind, id, data) WHERE EXISTS (SELECT 1 FROM own))`,
  },
};

/** Types of a family's rows, in order: a parameter each, which is an array of them unless there is one row. */
export function parameterTypes(family: Family): readonly string[] {
  return SQL[family].types;
}

/**
 * Text of the statement for a lane and the families that it has, in the order of FAMILIES. $1 replica, $2 epoch, $3 connection, $4 number
 * of the flush, then the families' arrays, or the values of their rows. Returns one row, or none when the lease is lost.
 */
export function flushStatement(lane: number, families: readonly Family[], form: Form): string {
  const parts: string[] = [];
  const unmoved: string[] = [];
  let next = 5;
  for (const family of families) {
    const first = next;
    const { types, sql, unmoved: expression } = SQL[family];
    const rows = rowsSql(form, types, (position) => `$${first + position}`);
    parts.push(sql(lane, rows));
    if (expression !== undefined) unmoved.push(expression(rows));
    next += types.length;
  }
  return `WITH own AS MATERIALIZED (SELECT 1 FROM replica_lease WHERE replica_id = $1 AND epoch = $2 FOR SHARE),${parts.join(",")}
UPDATE flush_progress SET seq = $4, gone = ${unmoved.length === 0 ? "'{}'::text[]" : unmoved.join(" || ")}
WHERE epoch = $2 AND connection = $3 AND EXISTS (SELECT 1 FROM own) RETURNING gone`;
}

/** Settings of the hot connections; see flushStatement. */
export const HOT_SETTINGS =
  "-c enable_nestloop=off -c enable_mergejoin=off -c enable_seqscan=off -c plan_cache_mode=force_generic_plan -c jit=off -c lock_timeout=2s -c statement_timeout=10s -c idle_in_transaction_session_timeout=10s";

/** Columns of a job that waits, of a table that is called p; see WaitingRow in scheduler/waiting-row.ts. */
const WAITING_COLUMNS = `p.id::text, p.workspace_id::text, p.shard, p.tag, p.language, p.prio, (extract(epoch FROM p.due_at) * 1000)::float8 AS due_ms,
  p.attempt, p.lost, p.script_id::text, p.timeout_ms, p.ckey::text, p.limits, p.failed, p.policy`;

/**
 * Heads of one queue from a cursor on, in queue order: those that never waited for a moment, and those whose moment has come. The second
 * part is read one priority at a time, since rows whose time has not come stand between the priorities.
 * Plan: job_pending_order, job_pending_deferred. $1 workspace, $2 tag, $3 language, $4 prio, $5 due_ms, $6 id, $7 limit, $8 concurrency group,
 * $9 moments up to this one
 */
export function refillStatement(lane: number): string {
  const after = "($4::smallint, to_timestamp($5::float8 / 1000), $6::uuid)";
  const where = "workspace_id = $1 AND tag = $2 AND language = $3 AND ckey = $8";
  // The columns of the order carry the table's name: the bare ones would be the texts that are selected, and the index of no use.
  return `SELECT ${WAITING_COLUMNS} FROM (
  (SELECT * FROM job_pending_${lane} WHERE ${where} AND NOT deferred AND (prio, due_at, id) >= ${after}
   ORDER BY workspace_id, tag, language, ckey, prio, due_at, id LIMIT $7)
  UNION ALL
  (SELECT due.* FROM generate_series(greatest($4::int, 0), ${LOWEST_PRIO}) AS level,
     LATERAL (SELECT * FROM job_pending_${lane} WHERE ${where} AND deferred AND prio = level::smallint AND due_at <= to_timestamp($9::float8 / 1000)
       AND (prio, due_at, id) >= ${after} ORDER BY due_at, id LIMIT $7) AS due)) AS p
ORDER BY p.prio, p.due_at, p.id LIMIT $7`;
}

/**
 * Queues of shards of a lane, for their new owner: how many wait, and of a group with limits the job that was created last. Those that wait for
 * a moment are read by their timers. One scan of the lane. $1 shards
 */
export function pendingGroupsStatement(lane: number): string {
  return `WITH g AS (
  SELECT workspace_id, tag, language, count(*)::int AS count, max(id::text) FILTER (WHERE ckey <> 0)::uuid AS newest
  FROM job_pending_${lane} WHERE shard = ANY($1::smallint[]) AND NOT deferred GROUP BY workspace_id, tag, language, ckey)
SELECT g.workspace_id::text AS group_workspace, g.tag AS group_tag, g.language AS group_language, g.count, ${WAITING_COLUMNS}
FROM g LEFT JOIN job_pending_${lane} p ON p.id = g.newest`;
}

/** Running rows of shards of a lane, for their new owner. $1 shards */
export function runningStatement(lane: number): string {
  return `SELECT id::text, workspace_id::text, shard, tag, language, prio, attempt, lost, token::text, agent_key::text, script_id::text, timeout_ms, ckey::text, limits,
  failed, policy, cancel_reason, (extract(epoch FROM now() - claimed_at) * 1000)::float8 AS age_ms FROM job_running_${lane} WHERE shard = ANY($1::smallint[])`;
}

/**
 * Notes on a running attempt that it is to be cancelled, so that it still is when the owner that was asked dies. Its end takes the note away.
 * One row by its key, fenced by the token; and by the lease, since a new owner that has read the row does not look for a note again.
 * Returns whether the lease was ours. $1 id, $2 workspace, $3 shard, $4 token, $5 reason, $6 replica, $7 epoch
 */
export function markCancelledStatement(lane: number): string {
  return `WITH own AS MATERIALIZED (SELECT 1 FROM replica_lease WHERE replica_id = $6 AND epoch = $7 FOR SHARE),
noted AS (
  UPDATE job_running_${lane} SET cancel_reason = $5 WHERE id = $1 AND workspace_id = $2 AND shard = $3 AND token = $4 AND EXISTS (SELECT 1 FROM own))
SELECT EXISTS (SELECT 1 FROM own) AS ours`;
}

/** Jobs of shards that wait for a moment, soonest first, after a place in that order. Plan: job_pending_due. $1 ms, $2 id, $3 until ms, $4 limit, $5 shards */
export function deferredStatement(lane: number): string {
  return `SELECT ${WAITING_COLUMNS} FROM job_pending_${lane} p
WHERE deferred AND (due_at, id) > (to_timestamp($1::float8 / 1000), $2::uuid) AND due_at <= to_timestamp($3::float8 / 1000) AND shard = ANY($5::smallint[])
ORDER BY p.due_at, p.id LIMIT $4`;
}

/** Jobs of shards that end unless they begin, soonest first. Plan: job_pending_expiry. $1 ms, $2 id, $3 until ms, $4 limit, $5 shards */
export function expiringStatement(lane: number): string {
  return `SELECT id::text, workspace_id::text, shard, (extract(epoch FROM expires_at) * 1000)::float8 AS at_ms FROM job_pending_${lane} AS p
WHERE expires_at IS NOT NULL AND (expires_at, id) > (to_timestamp($1::float8 / 1000), $2::uuid) AND expires_at <= to_timestamp($3::float8 / 1000)
  AND shard = ANY($5::smallint[])
ORDER BY expires_at, p.id LIMIT $4`;
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
 * Whether an agent ended an attempt under a token, so that a resent result is told from a stale one, and whether the lease was ours when we
 * looked: only the owner may call a result stale. An attempt that was lost was not ended by its agent. An agent names only the job.
 * $1 id, $2 agent, $3 token, $4 replica, $5 epoch, $6 number of the exit reason "lost"
 */
export const IS_RECORDED = `SELECT (SELECT l.epoch = $5 FROM replica_lease l WHERE l.replica_id = $4) AS ours,
  EXISTS (SELECT 1 FROM job_done WHERE id = $1 AND agent_key = $2 AND token = $3 AND workspace_id IN (SELECT id FROM workspace))
  OR EXISTS (SELECT 1 FROM job_attempt WHERE id = $1 AND agent_key = $2 AND token = $3 AND exit_reason <> $6
    AND workspace_id IN (SELECT id FROM workspace)) AS recorded`;
