import { randomUUID } from "node:crypto";
import type { Pool } from "../db/pools.ts";
import { assignOrphans, type ShardMap } from "./cluster/rebalance.ts";

/** The right to schedule, as a row: its epoch fences every claim, its expiry lets others take over. Only Postgres' clock decides. */
export interface Lease {
  readonly replicaId: string;
  readonly epoch: number;
}

/** Another replica, as its row shows it. */
export interface ReplicaView extends Lease {
  readonly name: string;
  /** host:port where its peers reach it. */
  readonly address: string;
  readonly leaving: boolean;
  /** Until its lease expires; 0 or less when it has. */
  readonly leftMs: number;
}

/** What one look at the tables shows, in one snapshot. */
export interface ClusterView {
  /** False when the lease is no longer ours. */
  readonly ours: boolean;
  /** Those whose rows are not older than an hour, in the order of their ids; ours is among them. */
  readonly replicas: readonly ReplicaView[];
  /** Replica of each shard; undefined while nobody has it. */
  readonly map: ShardMap;
  /** Per shard: for how long yet its attempts must not be given away without a word of their agents. */
  readonly goneInMs: readonly number[];
}

export interface ReplicaIdentity {
  readonly name: string;
  readonly address: string;
  readonly version: string;
}

export const LEASE_TTL_S = 10;
export const LEASE_RENEW_MS = 2000;

/**
 * Makes or renews this replica's row, with a new epoch: that voids whatever is left of a former self under the same name, and waits for
 * its claim in flight. It holds the shards that the map gives to it, which are none for a new name.
 */
export async function joinCluster(pool: Pool, replica: ReplicaIdentity): Promise<Lease> {
  const { rows } = await pool.query<{ replica_id: string; epoch: string }>(
    `INSERT INTO replica_lease (name, boot_id, epoch, address, version, expires_at)
     VALUES ($1, $2, nextval('owner_epoch'), $3, $4, clock_timestamp() + make_interval(secs => ${LEASE_TTL_S}))
     ON CONFLICT (name) DO UPDATE SET boot_id = excluded.boot_id, epoch = excluded.epoch, address = excluded.address, version = excluded.version,
       expires_at = excluded.expires_at, leaving = false
     RETURNING replica_id::text, epoch::text`,
    [replica.name, randomUUID(), replica.address, replica.version],
  );
  const row = rows[0];
  if (row === undefined) throw new Error("the lease row was not returned");
  await pool.query("DELETE FROM flush_progress WHERE epoch < $1::bigint - 100 AND epoch NOT IN (SELECT epoch FROM replica_lease)", [row.epoch]);
  await pool.query(
    `DELETE FROM replica_lease WHERE expires_at < now() - interval '1 day'
       AND NOT EXISTS (SELECT 1 FROM shard_map s WHERE s.replica_id = replica_lease.replica_id)`,
  );
  return { replicaId: row.replica_id, epoch: Number(row.epoch) };
}

interface ViewRow {
  ours: boolean;
  replicas: { id: string; epoch: number; name: string; address: string; leaving: boolean; left_ms: number }[] | null;
  owners: (string | null)[];
  gone: number[];
}

const VIEW = `(SELECT json_agg(json_build_object('id', replica_id::text, 'epoch', epoch, 'name', name, 'address', address, 'leaving', leaving,
      'left_ms', CASE WHEN expires_at = '-infinity' THEN 0 ELSE extract(epoch FROM expires_at - clock_timestamp()) * 1000 END) ORDER BY replica_id)
    FROM replica_lease WHERE expires_at = '-infinity' OR expires_at > now() - interval '1 hour') AS replicas,
  (SELECT array_agg(replica_id::text ORDER BY shard) FROM shard_map) AS owners,
  (SELECT array_agg(CASE WHEN gone_by = '-infinity' THEN 0 ELSE greatest(0, extract(epoch FROM gone_by - clock_timestamp()) * 1000) END::float8 ORDER BY shard)
    FROM shard_map) AS gone`;

/** Extends the lease and looks around. @param goneInMs the promise of `gone_by`, from now */
export async function renewLease(pool: Pool, lease: Lease, goneInMs: number): Promise<ClusterView> {
  const { rows } = await pool.query<ViewRow>(
    `WITH mine AS (
       UPDATE replica_lease SET expires_at = clock_timestamp() + make_interval(secs => ${LEASE_TTL_S}), gone_by = clock_timestamp() + make_interval(secs => $3)
       WHERE replica_id = $1 AND epoch = $2 RETURNING 1)
     SELECT EXISTS (SELECT 1 FROM mine) AS ours, ${VIEW}`,
    [lease.replicaId, lease.epoch, goneInMs / 1000],
  );
  return viewOf(rows[0]);
}

/** Looks around without extending anything. */
export async function readCluster(pool: Pool, lease: Lease): Promise<ClusterView> {
  const { rows } = await pool.query<ViewRow>(`SELECT EXISTS (SELECT 1 FROM replica_lease WHERE replica_id = $1 AND epoch = $2) AS ours, ${VIEW}`, [
    lease.replicaId,
    lease.epoch,
  ]);
  return viewOf(rows[0]);
}

function viewOf(row: ViewRow | undefined): ClusterView {
  if (row === undefined) throw new Error("the view of the cluster was not returned");
  const replicas = (row.replicas ?? []).map((entry) => ({
    replicaId: entry.id,
    epoch: entry.epoch,
    name: entry.name,
    address: entry.address,
    leaving: entry.leaving,
    leftMs: entry.left_ms,
  }));
  return { ours: row.ours, replicas, map: row.owners.map((owner) => owner ?? undefined), goneInMs: row.gone };
}

/** A shard that nobody has, or whose replica's lease has run out. */
export function hasDead(view: ClusterView): boolean {
  const living = new Set(view.replicas.filter((replica) => replica.leftMs > 0).map((replica) => replica.replicaId));
  return view.map.some((owner) => owner === undefined || !living.has(owner));
}

/**
 * Gives the shards that no living replica holds to the living. The epochs of their dead holders are raised first, which waits for a claim
 * in flight and voids every later one; a holder that came back to life meanwhile keeps what it has.
 * @param reachable replicas that may get some, ours among them: one that does not answer us would be of no use
 * @returns how many shards moved
 */
export async function takeOverShards(pool: Pool, lease: Lease, reachable: readonly string[]): Promise<number> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await client.query("SELECT pg_advisory_xact_lock(hashtext('millrace.lease'))");
    const { rows: mine } = await client.query("SELECT 1 FROM replica_lease WHERE replica_id = $1 AND epoch = $2 FOR SHARE", [lease.replicaId, lease.epoch]);
    if (mine.length === 0) {
      await client.query("ROLLBACK");
      return 0;
    }
    const { rows: dead } = await client.query<{ id: string }>(
      `UPDATE replica_lease SET epoch = nextval('owner_epoch') WHERE expires_at <= clock_timestamp()
         AND replica_id IN (SELECT replica_id FROM shard_map WHERE replica_id IS NOT NULL) RETURNING replica_id::text AS id`,
    );
    // Not by the clock again: one whose lease has run out since, while we waited for a claim of another, still has its epoch.
    const { rows: shards } = await client.query<{ owner: string | null }>(
      `SELECT l.replica_id::text AS owner FROM shard_map s LEFT JOIN replica_lease l ON l.replica_id = s.replica_id AND l.replica_id <> ALL($1::bigint[])
       ORDER BY s.shard FOR UPDATE OF s`,
      [dead.map((row) => row.id)],
    );
    const { rows: living } = await client.query<{ id: string }>(
      "SELECT replica_id::text AS id FROM replica_lease WHERE expires_at > clock_timestamp() AND NOT leaving AND replica_id = ANY($1::bigint[]) ORDER BY replica_id",
      [reachable],
    );
    const given = assignOrphans(
      shards.map((shard) => shard.owner ?? undefined),
      living.map((row) => row.id),
    );
    await client.query(
      `UPDATE shard_map s SET replica_id = n.replica_id, gone_by = greatest(s.gone_by, (SELECT l.gone_by FROM replica_lease l WHERE l.replica_id = s.replica_id))
       FROM unnest($1::smallint[], $2::bigint[]) AS n(shard, replica_id) WHERE s.shard = n.shard`,
      [given.map((entry) => entry.shard), given.map((entry) => entry.to)],
    );
    await client.query("COMMIT");
    return given.length;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

/** Moves shards to another living replica, if both epochs still hold. Nothing of them may be in flight here. @returns those that moved */
export async function moveShards(pool: Pool, from: Lease, to: Lease, shards: readonly number[]): Promise<number[]> {
  const { rows } = await pool.query<{ shard: number }>(
    `WITH giver AS MATERIALIZED (SELECT 1 FROM replica_lease WHERE replica_id = $1 AND epoch = $2 FOR SHARE),
       taker AS MATERIALIZED (SELECT 1 FROM replica_lease WHERE replica_id = $3 AND epoch = $4 AND expires_at > clock_timestamp() FOR SHARE)
     UPDATE shard_map SET replica_id = $3 WHERE shard = ANY($5::smallint[]) AND replica_id = $1
       AND EXISTS (SELECT 1 FROM giver) AND EXISTS (SELECT 1 FROM taker) RETURNING shard`,
    [from.replicaId, from.epoch, to.replicaId, to.epoch, shards],
  );
  return rows.map((row) => row.shard);
}

/** A number for the tokens of shards that have just been gained: tokens of one job grow, whoever issues them. */
export async function drawEpoch(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ epoch: string }>("SELECT nextval('owner_epoch')::text AS epoch");
  return Number(rows[0]?.epoch);
}

/** Says that this replica is about to end: it gets no more shards. */
export async function announceLeaving(pool: Pool, lease: Lease): Promise<void> {
  await pool.query("UPDATE replica_lease SET leaving = true WHERE replica_id = $1 AND epoch = $2", [lease.replicaId, lease.epoch]);
}

/** Lets others take over at once. */
export async function releaseLease(pool: Pool, lease: Lease): Promise<void> {
  await pool.query("UPDATE replica_lease SET expires_at = '-infinity' WHERE replica_id = $1 AND epoch = $2", [lease.replicaId, lease.epoch]);
}

/** The secret by which replicas of this database know each other. */
export async function readClusterSecret(pool: Pool): Promise<Buffer> {
  const { rows } = await pool.query<{ secret: Buffer }>("SELECT secret FROM cluster_secret");
  const row = rows[0];
  if (row === undefined) throw new Error("the cluster has no secret");
  return row.secret;
}
