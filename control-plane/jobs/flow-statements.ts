import type { FamilySql } from "./family-sql.ts";

/**
 * What flows write in the flush of the jobs that they begin and end; see statements.ts. All rows of a flow are written by the owner of its
 * shard alone, one transition after the other.
 */
export const FLOW_FAMILIES = ["flow_event", "flow_item", "flow_next", "flow_over", "flow_approved", "flow_cached", "flow_used"] as const;
export type FlowFamily = (typeof FLOW_FAMILIES)[number];

const EVENT_TYPES = ["bigint", "uuid", "int", "float8", "text", "text"];
const ITEM_TYPES = ["bigint", "uuid", "text", "smallint", "int", "text"];
const CACHED_TYPES = ["bigint", "text", "float8", "text"];
const USED_TYPES = ["bigint", "uuid", "smallint"];
const NEXT_TYPES = ["uuid", "bigint", "smallint", "float8", "boolean"];

export const FLOW_SQL: Readonly<Record<FlowFamily, FamilySql>> = {
  flow_event: {
    types: EVENT_TYPES,
    sql: (_lane, rows) => `
flow_events AS (
  INSERT INTO flow_event (workspace_id, id, seq, at, events, state)
  SELECT workspace_id, id, seq, to_timestamp(at_ms / 1000), events, state
  FROM ${rows.table} AS e(workspace_id, id, seq, at_ms, events, state) WHERE EXISTS (SELECT 1 FROM own))`,
  },
  // A loop that is tried again as a whole writes the same places again.
  flow_item: {
    types: ITEM_TYPES,
    sql: (_lane, rows) => `
flow_items AS (
  INSERT INTO flow_item (workspace_id, id, place, part, index, value)
  SELECT workspace_id, id, place, part, index, value
  FROM ${rows.table} AS i(workspace_id, id, place, part, index, value) WHERE EXISTS (SELECT 1 FROM own)
  ON CONFLICT (workspace_id, id, place, part, index) DO UPDATE SET value = excluded.value)`,
  },
  flow_next: {
    types: NEXT_TYPES,
    sql: (_lane, rows) => `
flow_nexts AS (
  INSERT INTO flow_live (id, workspace_id, shard, due_at, awake)
  SELECT id, workspace_id, shard, to_timestamp(due_ms / 1000), awake
  FROM ${rows.table} AS n(id, workspace_id, shard, due_ms, awake) WHERE EXISTS (SELECT 1 FROM own)
  ON CONFLICT (id, workspace_id) DO UPDATE SET due_at = excluded.due_at, awake = excluded.awake)`,
  },
  flow_over: {
    types: ["uuid"],
    sql: (_lane, rows) => `
flows_over AS (DELETE FROM flow_live WHERE id ${rows.equal(0)} AND EXISTS (SELECT 1 FROM own))`,
  },
  flow_approved: {
    types: ["bigint"],
    sql: (_lane, rows) => `
flows_approved AS (DELETE FROM flow_approval WHERE number ${rows.equal(0)} AND EXISTS (SELECT 1 FROM own))`,
  },
  // A row once, and in one order everywhere: iterations of a loop may bring the same one at the same time.
  flow_cached: {
    types: CACHED_TYPES,
    sql: (_lane, rows) => `
flows_cached AS (
  INSERT INTO flow_cache (workspace_id, key, expires_at, result)
  SELECT DISTINCT ON (workspace_id, key) workspace_id, key, to_timestamp(expires_ms / 1000), result
  FROM ${rows.table} AS c(workspace_id, key, expires_ms, result) WHERE EXISTS (SELECT 1 FROM own)
  ORDER BY workspace_id, key
  ON CONFLICT (workspace_id, key) DO UPDATE SET expires_at = excluded.expires_at, result = excluded.result)`,
  },
  flow_used: {
    types: USED_TYPES,
    sql: (_lane, rows) => `
flows_used AS (
  INSERT INTO flow_used (workspace_id, id, shard)
  SELECT workspace_id, id, shard FROM ${rows.table} AS u(workspace_id, id, shard) WHERE EXISTS (SELECT 1 FROM own)
  ON CONFLICT DO NOTHING)`,
  },
};

/** Flows of shards to which something happens by itself, soonest first, after a place in that order. $1 ms, $2 id, $3 until ms, $4 limit, $5 shards */
export const DUE_FLOWS = `SELECT id::text, workspace_id::text, shard, (extract(epoch FROM due_at) * 1000)::float8 AS at_ms FROM flow_live
WHERE due_at IS NOT NULL AND (due_at, id) > (to_timestamp($1::float8 / 1000), $2::uuid) AND due_at <= to_timestamp($3::float8 / 1000)
  AND shard = ANY($5::smallint[])
ORDER BY due_at, id LIMIT $4`;
