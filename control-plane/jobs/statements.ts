/**
 * The hot statement: everything a flush does, in one round trip and one commit. Plan: index scans on the primary keys of
 * the lane's children and hash joins with the arrays; the hot connections switch nested loops, merge joins and sequential
 * scans off and force generic plans, because statistics of these tables are always wrong (they are empty or full within
 * seconds). Ids and tokens are matched by `= ANY($n)` and not by a join, since the planner may otherwise walk the table
 * (shared/reference/prototype.md measured 370 µs a job for that plan and 60 µs for this one).
 * Every part is fenced: with a lost lease `own` is empty and nothing happens.
 */
export function flushStatement(lane: number): string {
  const pending = `job_pending_${lane}`;
  const running = `job_running_${lane}`;
  return `
WITH own AS MATERIALIZED (SELECT 1 FROM replica_lease WHERE replica_id = $1 AND epoch = $2 FOR SHARE),
new AS MATERIALIZED (
  SELECT * FROM unnest($3::bigint[], $4::uuid[], $5::smallint[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::smallint[], $11::int[],
                       $12::text[], $13::text[], $14::text[], $15::smallint[], $16::float8[], $17::bigint[], $18::bigint[])
         AS n(workspace_id, id, kind, script_id, script_hash, language, tag, prio, timeout_ms, created_by, args, code, shard, due_ms, token, agent_key)
  WHERE EXISTS (SELECT 1 FROM own)),
new_payload AS (
  INSERT INTO job (workspace_id, id, kind, script_id, script_hash, language, tag, prio, timeout_ms, created_by, args, code)
  SELECT workspace_id, id, kind, script_id, script_hash, language, tag, prio, timeout_ms, created_by, args, code FROM new),
new_running AS (
  INSERT INTO ${running} (id, workspace_id, shard, tag, language, prio, ckey, attempt, lost, token, agent_key, script_id, timeout_ms, claimed_at)
  SELECT id, workspace_id, shard, tag, language, prio, 0, 1, 0, token, agent_key, script_id, timeout_ms, now() FROM new WHERE token IS NOT NULL),
new_pending AS (
  INSERT INTO ${pending} (id, workspace_id, shard, tag, language, prio, due_at, script_id, timeout_ms)
  SELECT id, workspace_id, shard, tag, language, prio, to_timestamp(due_ms / 1000), script_id, timeout_ms FROM new WHERE token IS NULL),
claim_gone AS (
  DELETE FROM ${pending} WHERE id = ANY($19::uuid[]) AND EXISTS (SELECT 1 FROM own)
  RETURNING id, workspace_id, shard, tag, language, prio, ckey, attempt, lost, script_id, timeout_ms),
claimed AS (
  INSERT INTO ${running} (id, workspace_id, shard, tag, language, prio, ckey, attempt, lost, token, agent_key, script_id, timeout_ms, claimed_at)
  SELECT g.id, g.workspace_id, g.shard, g.tag, g.language, g.prio, g.ckey, g.attempt + 1, g.lost, c.token, c.agent_key, g.script_id, g.timeout_ms, now()
  FROM claim_gone g JOIN unnest($19::uuid[], $20::bigint[], $21::bigint[]) AS c(id, token, agent_key) ON c.id = g.id
  RETURNING id),
finish_gone AS (
  DELETE FROM ${running} WHERE id = ANY($22::uuid[]) AND token = ANY($23::bigint[]) AND EXISTS (SELECT 1 FROM own)
  RETURNING id, workspace_id, script_id, tag, attempt, token, agent_key),
finished AS (
  INSERT INTO job_done (workspace_id, id, script_id, tag, outcome, exit_reason, exit_code, exit_signal, exit_message, attempt, token, agent_key,
                        started_at, done_at, run_us, result, log_chunks, log_bytes, log_dropped_bytes)
  SELECT g.workspace_id, g.id, g.script_id, g.tag, f.outcome, f.reason, f.code, f.signal, f.message, g.attempt, g.token, g.agent_key,
         to_timestamp(f.started_ms / 1000), to_timestamp(f.done_ms / 1000), f.run_us, f.result, f.log_chunks, f.log_bytes, f.log_dropped
  FROM finish_gone g
  JOIN unnest($23::bigint[], $24::smallint[], $25::smallint[], $26::int[], $27::text[], $28::text[], $29::float8[], $30::float8[], $31::bigint[],
              $32::text[], $33::int[], $34::bigint[], $35::bigint[])
       AS f(token, outcome, reason, code, signal, message, started_ms, done_ms, run_us, result, log_chunks, log_bytes, log_dropped) ON f.token = g.token
  RETURNING id),
requeue_gone AS (
  DELETE FROM ${running} WHERE id = ANY($36::uuid[]) AND token = ANY($37::bigint[]) AND EXISTS (SELECT 1 FROM own)
  RETURNING id, workspace_id, shard, tag, language, prio, ckey, attempt, script_id, timeout_ms, token),
requeued AS (
  INSERT INTO ${pending} (id, workspace_id, shard, tag, language, prio, due_at, ckey, attempt, lost, script_id, timeout_ms)
  SELECT g.id, g.workspace_id, g.shard, g.tag, g.language, g.prio, to_timestamp(r.due_ms / 1000), g.ckey, g.attempt, r.lost, g.script_id, g.timeout_ms
  FROM requeue_gone g JOIN unnest($37::bigint[], $38::smallint[], $39::float8[]) AS r(token, lost, due_ms) ON r.token = g.token
  RETURNING id),
cancel_gone AS (
  DELETE FROM ${pending} WHERE id = ANY($40::uuid[]) AND EXISTS (SELECT 1 FROM own)
  RETURNING id, workspace_id, script_id, tag, attempt),
cancelled AS (
  INSERT INTO job_done (workspace_id, id, script_id, tag, outcome, exit_reason, exit_code, exit_message, attempt, done_at, result)
  SELECT g.workspace_id, g.id, g.script_id, g.tag, x.outcome, x.reason, 0, x.message, g.attempt, to_timestamp(x.done_ms / 1000), x.result
  FROM cancel_gone g JOIN unnest($40::uuid[], $41::smallint[], $42::smallint[], $43::text[], $44::float8[], $45::text[])
       AS x(id, outcome, reason, message, done_ms, result) ON x.id = g.id
  RETURNING id)
SELECT EXISTS (SELECT 1 FROM own) AS own,
  ARRAY(SELECT unnest($19::uuid[]) EXCEPT SELECT id FROM claimed)::text[] AS unclaimed,
  ARRAY(SELECT unnest($22::uuid[]) EXCEPT SELECT id FROM finished)::text[] AS unfinished,
  ARRAY(SELECT unnest($36::uuid[]) EXCEPT SELECT id FROM requeued)::text[] AS unrequeued,
  ARRAY(SELECT unnest($40::uuid[]) EXCEPT SELECT id FROM cancelled)::text[] AS uncancelled`;
}

/** Settings of the hot connections; see flushStatement. */
export const HOT_SETTINGS =
  "-c enable_nestloop=off -c enable_mergejoin=off -c enable_seqscan=off -c plan_cache_mode=force_generic_plan -c jit=off -c lock_timeout=2s -c statement_timeout=10s -c idle_in_transaction_session_timeout=10s";

const WAITING_COLUMNS = `id::text, workspace_id::text, shard, tag, language, prio, (extract(epoch FROM due_at) * 1000)::float8 AS due_ms, attempt, lost,
  script_id::text, timeout_ms`;

/** Heads of one queue from a cursor on, in queue order. Plan: job_pending_order. $1 workspace, $2 tag, $3 language, $4 prio, $5 due_ms, $6 id, $7 limit */
export function refillStatement(lane: number): string {
  return `SELECT ${WAITING_COLUMNS} FROM job_pending_${lane}
WHERE workspace_id = $1 AND tag = $2 AND language = $3 AND (prio, due_at, id) >= ($4::smallint, to_timestamp($5::float8 / 1000), $6::uuid)
ORDER BY workspace_id, tag, language, prio, due_at, id LIMIT $7`;
}

/** Queues of a lane, for a new owner. One scan of the lane. */
export function pendingGroupsStatement(lane: number): string {
  return `SELECT workspace_id::text, tag, language, count(*)::int AS count FROM job_pending_${lane} GROUP BY 1, 2, 3`;
}

/** Running rows of a lane, for a new owner. */
export function runningStatement(lane: number): string {
  return `SELECT id::text, workspace_id::text, shard, tag, language, prio, attempt, lost, token::text, agent_key::text, script_id::text, timeout_ms,
  (extract(epoch FROM claimed_at) * 1000)::float8 AS claimed_ms FROM job_running_${lane}`;
}

/** Whether a flush with an unknown outcome was committed: one witness row is enough, since a flush is one transaction. */
export const WITNESS = {
  insert: "SELECT 1 FROM job WHERE workspace_id = $1 AND id = $2",
  claim: "SELECT 1 FROM job_running WHERE id = $2 AND workspace_id = $1 AND token = $3",
  finish: "SELECT 1 FROM job_done WHERE workspace_id = $1 AND id = $2 AND token = $3",
  requeue: "SELECT 1 FROM job_pending WHERE id = $2 AND workspace_id = $1",
  cancel: "SELECT 1 FROM job_done WHERE workspace_id = $1 AND id = $2",
} as const;

/** Payloads of jobs that are about to be sent and are no longer in memory. $1 workspace ids, $2 ids */
export const PAYLOADS = `SELECT workspace_id::text, id::text, kind, script_hash, args, code, created_by FROM job
WHERE workspace_id = ANY($1::bigint[]) AND id = ANY($2::uuid[])`;

/** The token under which a job was finished, to tell a resent result from a stale one. Two statements: an agent names only the job. */
export const DONE_TOKEN_BY_ID = "SELECT d.token::text FROM job_done d WHERE d.id = $1 AND d.workspace_id IN (SELECT id FROM workspace)";
