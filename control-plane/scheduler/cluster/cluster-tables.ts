import type { Pool } from "../../db/pools.ts";
import type { ClusterView, Lease, ReplicaIdentity } from "../lease-store.ts";
import * as leases from "../lease-store.ts";
import type { OwnerStore } from "../owner-deps.ts";
import { createOwnerStore, type LoadedShards } from "../owner-store.ts";

/** Reads of an owner, with the one that takes shards over. */
export type ShardStore = OwnerStore & { load(shards: readonly number[], withinMs: number): Promise<LoadedShards & { databaseMs: number }> };

/** What ownership reads and writes; the functions of lease-store.ts say what each of them means. Errors: those of the database. */
export interface ClusterTables {
  join(replica: ReplicaIdentity): Promise<Lease>;
  renew(lease: Lease, goneInMs: number): Promise<ClusterView>;
  read(lease: Lease): Promise<ClusterView>;
  takeOver(lease: Lease, reachable: readonly string[]): Promise<number>;
  move(from: Lease, to: Lease, shards: readonly number[]): Promise<number[]>;
  drawEpoch(): Promise<number>;
  announceLeaving(lease: Lease): Promise<void>;
  release(lease: Lease): Promise<void>;
  shardStore(lease: Lease): ShardStore;
}

/** @param leasePool lease renewals must not queue behind anything else */
export function createClusterTables(pool: Pool, leasePool: Pool): ClusterTables {
  return {
    join: (replica) => leases.joinCluster(leasePool, replica),
    renew: (lease, goneInMs) => leases.renewLease(leasePool, lease, goneInMs),
    read: (lease) => leases.readCluster(leasePool, lease),
    takeOver: (lease, reachable) => leases.takeOverShards(leasePool, lease, reachable),
    move: (from, to, shards) => leases.moveShards(leasePool, from, to, shards),
    drawEpoch: () => leases.drawEpoch(leasePool),
    announceLeaving: (lease) => leases.announceLeaving(leasePool, lease),
    release: (lease) => leases.releaseLease(leasePool, lease),
    shardStore: (lease) => createOwnerStore(pool, lease),
  };
}
