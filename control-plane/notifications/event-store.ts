import type { PoolClient } from "pg";
import { asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { EventKind } from "./contract.ts";

/** Something that has happened and is not yet in deliveries. Those of jobs name the job; what is to be said of them is looked up. */
export interface EventNoteRow {
  readonly workspace: WorkspaceId;
  readonly kind: string;
  readonly id: string;
  readonly data: string | null;
}

export interface NewDelivery {
  readonly workspace: WorkspaceId;
  readonly hook: string;
  /** The same for the same event: it is delivered to a hook once. */
  readonly event: string;
  readonly kind: string;
  readonly payload: string;
}

/** What other domains tell: when their transaction commits, it is known. */
export interface ToldEvent {
  readonly workspace: WorkspaceId;
  readonly kind: Extract<EventKind, "schedule.missed">;
  /** Visible ASCII; the same when the same is told again. */
  readonly id: string;
  /** Of what it is about, for the prefix of hooks. */
  readonly path: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Tells of events, in the caller's transaction. Writes nothing for workspaces that have no hook for them. */
export async function tellEvents(client: Pick<PoolClient, "query">, events: readonly ToldEvent[]): Promise<void> {
  if (events.length === 0) return;
  await client.query(
    `INSERT INTO event_note (workspace_id, kind, id, data)
     SELECT n.workspace_id, n.kind, n.id, n.data FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS n(workspace_id, kind, id, data)
     WHERE EXISTS (SELECT 1 FROM notification_hook h WHERE h.workspace_id = n.workspace_id AND n.kind = ANY(h.events) AND NOT h.paused)`,
    [
      events.map(({ workspace }) => workspace),
      events.map(({ kind }) => kind),
      events.map(({ id }) => id),
      events.map(({ path, data }) => JSON.stringify({ path, data })),
    ],
  );
}

/** SQL: whether there are notes. */
export const HAS_NOTES = "EXISTS (SELECT 1 FROM event_note)";

/**
 * Takes the oldest notes and puts what becomes of them in their place, in one transaction: a crash leaves the notes. Several replicas share the work.
 * @returns how many notes were taken
 */
export async function takeNotes(
  pool: Pool,
  limit: number,
  most: number,
  nowMs: number,
  deliveriesOf: (notes: readonly EventNoteRow[]) => Promise<readonly NewDelivery[]>,
): Promise<{ taken: number; dropped: number }> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const { rows } = await client.query<{ workspace_id: string; kind: string; id: string; data: string | null }>(
      `DELETE FROM event_note WHERE number IN (SELECT number FROM event_note ORDER BY number LIMIT $1 FOR UPDATE SKIP LOCKED)
       RETURNING workspace_id::text, kind, id, data`,
      [limit],
    );
    const deliveries = rows.length === 0 ? [] : await deliveriesOf(rows.map(({ workspace_id: id, ...row }) => ({ workspace: asWorkspaceId(id), ...row })));
    const dropped = deliveries.length === 0 ? 0 : await insertDeliveries(client, deliveries, most, nowMs);
    await client.query("COMMIT");
    return { taken: rows.length, dropped };
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

/** @param most of one hook may wait @returns how many there was no room for, or that were there already */
async function insertDeliveries(client: PoolClient, deliveries: readonly NewDelivery[], most: number, nowMs: number): Promise<number> {
  const { rows } = await client.query<{ full: number }>(
    `WITH n AS MATERIALIZED (
       SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[]) AS n(workspace_id, hook, event, kind, payload)),
     room AS MATERIALIZED (
       SELECT h.workspace_id, h.path, (SELECT count(*) FROM (
           SELECT 1 FROM hook_delivery d WHERE d.workspace_id = h.workspace_id AND d.hook = h.path AND d.due_at IS NOT NULL LIMIT $6) AS w) < $6 AS is_free
       FROM notification_hook h WHERE (h.workspace_id, h.path) IN (SELECT workspace_id, hook FROM n)),
     made AS (
       INSERT INTO hook_delivery (workspace_id, hook, event, kind, payload, status, due_at, created_at)
       SELECT n.workspace_id, n.hook, n.event, n.kind, n.payload, 'waiting', to_timestamp($7::float8 / 1000), to_timestamp($7::float8 / 1000)
       FROM n JOIN room r ON r.workspace_id = n.workspace_id AND r.path = n.hook WHERE r.is_free
       ON CONFLICT (workspace_id, hook, event) DO NOTHING)
     SELECT count(*)::int AS full FROM n JOIN room r ON r.workspace_id = n.workspace_id AND r.path = n.hook WHERE NOT r.is_free`,
    [
      deliveries.map(({ workspace }) => workspace),
      deliveries.map(({ hook }) => hook),
      deliveries.map(({ event }) => event),
      deliveries.map(({ kind }) => kind),
      deliveries.map(({ payload }) => payload),
      most,
      nowMs,
    ],
  );
  return rows[0]?.full ?? 0;
}
