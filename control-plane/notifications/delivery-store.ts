import { asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";
import { type DELIVERY_STATUSES, type DeliveryAttempt, HOOK_LIMITS } from "./contract.ts";

export interface StoredDelivery {
  readonly id: string;
  readonly hook: string;
  readonly event: string;
  readonly kind: string;
  readonly payload: string;
  readonly status: (typeof DELIVERY_STATUSES)[number];
  readonly attempts: readonly DeliveryAttempt[];
  readonly dueAt: Date | undefined;
  readonly createdAt: Date;
  readonly endedAt: Date | undefined;
}

/** One that is this replica's to send, until it is due again. */
export interface ClaimedDelivery {
  readonly workspace: WorkspaceId;
  readonly id: string;
  readonly hook: string;
  readonly url: string;
  readonly event: string;
  readonly kind: string;
  readonly payload: string;
  /** This attempt included. */
  readonly tries: number;
}

interface DeliveryRow {
  id: string;
  hook: string;
  event: string;
  kind: string;
  payload: string;
  status: StoredDelivery["status"];
  attempts: DeliveryAttempt[];
  due_at: Date | null;
  created_at: Date;
  ended_at: Date | null;
}

interface ClaimedRow {
  workspace_id: string;
  id: string;
  hook: string;
  url: string;
  event: string;
  kind: string;
  payload: string;
  tries: number;
}

const COLUMNS = "id::text, hook, event, kind, payload, status, attempts, due_at, created_at, ended_at";
const CLAIMED = "d.workspace_id::text, d.id::text, d.hook, h.url, d.event, d.kind, d.payload, d.tries";

/** SQL: whether any delivery is due. Plan: as claimDeliveries. */
export const HAS_DUE_DELIVERIES = `EXISTS (SELECT 1 FROM notification_hook h CROSS JOIN LATERAL (
  SELECT 1 FROM hook_delivery d WHERE d.workspace_id = h.workspace_id AND d.hook = h.path AND d.due_at <= clock_timestamp() ORDER BY d.due_at LIMIT 1) AS w
  WHERE NOT h.paused)`;

/**
 * Takes deliveries that are due, some of each hook, the longest due first. They are due again after the claim: if nobody says by then what became
 * of one, it is sent once more. Plan: an index probe for each hook that is not paused.
 * @param busy `workspace/path` of hooks with as much under way as they may have
 */
export async function claimDeliveries(
  pool: Pool,
  nowMs: number,
  untilMs: number,
  most: { readonly all: number; readonly each: number },
  busy: readonly string[],
): Promise<ClaimedDelivery[]> {
  const { rows } = await pool.query<ClaimedRow>(
    `WITH due AS MATERIALIZED (
       SELECT w.workspace_id, w.id FROM notification_hook h CROSS JOIN LATERAL (
         SELECT d.workspace_id, d.id, d.due_at FROM hook_delivery d
         WHERE d.workspace_id = h.workspace_id AND d.hook = h.path AND d.due_at <= to_timestamp($1::float8 / 1000) ORDER BY d.due_at LIMIT $4) AS w
       WHERE NOT h.paused AND h.workspace_id::text || '/' || h.path <> ALL($5::text[]) ORDER BY w.due_at LIMIT $3),
     picked AS (
       SELECT d.workspace_id, d.id FROM hook_delivery d JOIN due USING (workspace_id, id)
       WHERE d.due_at <= to_timestamp($1::float8 / 1000) FOR UPDATE OF d SKIP LOCKED)
     UPDATE hook_delivery d SET due_at = to_timestamp($2::float8 / 1000), tries = d.tries + 1
     FROM picked p, notification_hook h
     WHERE d.workspace_id = p.workspace_id AND d.id = p.id AND h.workspace_id = d.workspace_id AND h.path = d.hook RETURNING ${CLAIMED}`,
    [nowMs, untilMs, most.all, most.each, busy],
  );
  return rows.map(claimedDelivery);
}

/** Takes one, whenever it is due; undefined when it does not wait. */
export async function claimDelivery(pool: Pool, workspace: WorkspaceId, id: string, untilMs: number): Promise<ClaimedDelivery | undefined> {
  const { rows } = await pool.query<ClaimedRow>(
    `UPDATE hook_delivery d SET due_at = to_timestamp($3::float8 / 1000), tries = d.tries + 1 FROM notification_hook h
     WHERE d.workspace_id = $1 AND d.id = $2 AND d.status = 'waiting' AND h.workspace_id = d.workspace_id AND h.path = d.hook RETURNING ${CLAIMED}`,
    [workspace, id, untilMs],
  );
  return rows.map(claimedDelivery)[0];
}

export type DeliveryFate = { readonly kind: "delivered" | "dead" } | { readonly kind: "waiting"; readonly dueAtMs: number };

/** What became of an attempt. Nothing happens when somebody else has taken it since. */
export async function markDelivery(pool: Pool, claimed: ClaimedDelivery, fate: DeliveryFate, attempt: DeliveryAttempt, nowMs: number): Promise<void> {
  await pool.query(
    `UPDATE hook_delivery SET status = $4, due_at = to_timestamp($5::float8 / 1000), ended_at = to_timestamp($6::float8 / 1000),
       attempts = CASE WHEN jsonb_array_length(attempts) >= ${HOOK_LIMITS.attempts} THEN attempts - 0 ELSE attempts END || $7::jsonb
     WHERE workspace_id = $1 AND id = $2 AND tries = $3 AND status = 'waiting'`,
    [
      claimed.workspace,
      claimed.id,
      claimed.tries,
      fate.kind,
      fate.kind === "waiting" ? fate.dueAtMs : null,
      fate.kind === "waiting" ? null : nowMs,
      JSON.stringify([attempt]),
    ],
  );
}

/** It was not sent after all: no attempt. */
export async function putBackDelivery(pool: Pool, claimed: ClaimedDelivery, dueAtMs: number): Promise<void> {
  await pool.query(
    `UPDATE hook_delivery SET due_at = to_timestamp($4::float8 / 1000), tries = tries - 1
     WHERE workspace_id = $1 AND id = $2 AND tries = $3 AND status = 'waiting'`,
    [claimed.workspace, claimed.id, claimed.tries, dueAtMs],
  );
}

/** Of a hook, newest first. @param before the last id of the page before */
export async function listDeliveries(
  pool: Pool,
  workspace: WorkspaceId,
  hook: string,
  page: { readonly status: string | undefined; readonly before: string | undefined; readonly limit: number },
): Promise<StoredDelivery[]> {
  const { rows } = await pool.query<DeliveryRow>(
    `SELECT ${COLUMNS} FROM hook_delivery WHERE workspace_id = $1 AND hook = $2 AND ($3::text IS NULL OR status = $3)
       AND ($4::bigint IS NULL OR id < $4) ORDER BY id DESC LIMIT $5`,
    [workspace, hook, page.status ?? null, page.before ?? null, page.limit],
  );
  return rows.map(storedDelivery);
}

export async function findDelivery(pool: Pool, workspace: WorkspaceId, id: string): Promise<StoredDelivery | undefined> {
  const { rows } = await pool.query<DeliveryRow>(`SELECT ${COLUMNS} FROM hook_delivery WHERE workspace_id = $1 AND id = $2`, [workspace, id]);
  return rows.map(storedDelivery)[0];
}

/** It is sent again, from the beginning of its attempts. @returns undefined when there is none */
export async function sendAgain(pool: Queryable, workspace: WorkspaceId, id: string, nowMs: number): Promise<StoredDelivery | undefined> {
  const { rows } = await pool.query<DeliveryRow>(
    `UPDATE hook_delivery SET status = 'waiting', due_at = to_timestamp($3::float8 / 1000), tries = 0, ended_at = NULL
     WHERE workspace_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
    [workspace, id, nowMs],
  );
  return rows.map(storedDelivery)[0];
}

/** @returns its id */
export async function insertDelivery(
  pool: Queryable,
  workspace: WorkspaceId,
  delivery: Pick<StoredDelivery, "hook" | "event" | "kind" | "payload">,
  nowMs: number,
): Promise<string> {
  const { rows } = await pool.query<{ id: string }>(
    `INSERT INTO hook_delivery (workspace_id, hook, event, kind, payload, status, due_at, created_at)
     VALUES ($1, $2, $3, $4, $5, 'waiting', to_timestamp($6::float8 / 1000), to_timestamp($6::float8 / 1000)) RETURNING id::text`,
    [workspace, delivery.hook, delivery.event, delivery.kind, delivery.payload, nowMs],
  );
  return rows[0]?.id ?? "";
}

/** Lets go of what ended before a moment, some at a time. @returns how many */
export async function dropOldDeliveries(pool: Pool, beforeMs: number, limit: number): Promise<number> {
  const { rowCount } = await pool.query(
    `DELETE FROM hook_delivery WHERE (workspace_id, id) IN (
       SELECT workspace_id, id FROM hook_delivery WHERE ended_at < to_timestamp($1::float8 / 1000) ORDER BY ended_at LIMIT $2)`,
    [beforeMs, limit],
  );
  return rowCount ?? 0;
}

function claimedDelivery({ workspace_id: workspace, ...rest }: ClaimedRow): ClaimedDelivery {
  return { workspace: asWorkspaceId(workspace), ...rest };
}

function storedDelivery({ due_at: dueAt, created_at: createdAt, ended_at: endedAt, ...rest }: DeliveryRow): StoredDelivery {
  return { ...rest, dueAt: dueAt ?? undefined, createdAt, endedAt: endedAt ?? undefined };
}
