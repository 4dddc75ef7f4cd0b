import { randomUUID } from "node:crypto";
import type { Pool } from "../db/pools.ts";

/** The right to schedule, as a row: its epoch fences every claim, its expiry lets others take over. Only Postgres' clock decides. */
export interface Lease {
  readonly replicaId: string;
  readonly epoch: number;
}

/** acquired · busy: another living replica holds the shards (its name) */
export type AcquireResult = { readonly kind: "acquired"; readonly lease: Lease } | { readonly kind: "busy"; readonly holder: string };

export const LEASE_TTL_S = 10;
export const LEASE_RENEW_MS = 2000;

/**
 * Takes all shards, unless a living replica of another name holds some. A dead holder's epoch is raised first, which waits
 * for its claim in flight and voids every later one; a replica that restarts under its own name fences its former self the
 * same way and need not wait for the lease to expire.
 */
export async function acquireLease(pool: Pool, replica: { name: string; address: string; version: string }): Promise<AcquireResult> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await client.query("SELECT pg_advisory_xact_lock(hashtext('millrace.lease'))");
    const { rows: holders } = await client.query<{ name: string }>(
      `SELECT DISTINCT l.name FROM shard_map s JOIN replica_lease l USING (replica_id) WHERE l.name <> $1 AND l.expires_at > clock_timestamp()`,
      [replica.name],
    );
    const holder = holders[0];
    if (holder !== undefined) {
      await client.query(
        "INSERT INTO replica_presence (name, seen_at) VALUES ($1, clock_timestamp()) ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at",
        [replica.name],
      );
      await client.query("COMMIT");
      return { kind: "busy", holder: holder.name };
    }
    await client.query("UPDATE replica_lease SET epoch = nextval('owner_epoch') WHERE name <> $1 AND replica_id IN (SELECT replica_id FROM shard_map)", [
      replica.name,
    ]);
    const { rows } = await client.query<{ replica_id: string; epoch: string }>(
      `INSERT INTO replica_lease (name, boot_id, epoch, address, version, expires_at)
       VALUES ($1, $2, nextval('owner_epoch'), $3, $4, clock_timestamp() + make_interval(secs => ${LEASE_TTL_S}))
       ON CONFLICT (name) DO UPDATE SET boot_id = excluded.boot_id, epoch = excluded.epoch, address = excluded.address, version = excluded.version, expires_at = excluded.expires_at
       RETURNING replica_id::text, epoch::text`,
      [replica.name, randomUUID(), replica.address, replica.version],
    );
    const row = rows[0];
    if (row === undefined) throw new Error("the lease row was not returned");
    await client.query("DELETE FROM flush_progress WHERE epoch < $1::bigint - 100", [row.epoch]);
    await client.query("UPDATE shard_map SET replica_id = $1 WHERE replica_id IS DISTINCT FROM $1", [row.replica_id]);
    await client.query("COMMIT");
    return { kind: "acquired", lease: { replicaId: row.replica_id, epoch: Number(row.epoch) } };
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

export interface Renewal {
  /** False when the lease is no longer ours. */
  readonly ours: boolean;
  /** Another replica stands by, and would take over if this one fell silent. */
  readonly watched: boolean;
}

/** Extends the lease. */
export async function renewLease(pool: Pool, lease: Lease): Promise<Renewal> {
  const { rows } = await pool.query<{ watched: boolean }>(
    `UPDATE replica_lease l SET expires_at = clock_timestamp() + make_interval(secs => ${LEASE_TTL_S}) WHERE replica_id = $1 AND epoch = $2
     RETURNING EXISTS (SELECT 1 FROM replica_presence p WHERE p.name <> l.name AND p.seen_at > clock_timestamp() - interval '60 s') AS watched`,
    [lease.replicaId, lease.epoch],
  );
  return { ours: rows[0] !== undefined, watched: rows[0]?.watched === true };
}

/** Lets others take over at once. */
export async function releaseLease(pool: Pool, lease: Lease): Promise<void> {
  await pool.query("UPDATE replica_lease SET expires_at = '-infinity' WHERE replica_id = $1 AND epoch = $2", [lease.replicaId, lease.epoch]);
}
