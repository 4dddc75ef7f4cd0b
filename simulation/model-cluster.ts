import { SHARDS } from "../control-plane/jobs/model.ts";
import { assignOrphans } from "../control-plane/scheduler/cluster/rebalance.ts";
import { type ClusterView, LEASE_TTL_S, type Lease, type ReplicaIdentity } from "../control-plane/scheduler/lease-store.ts";

const HOUR_MS = 3_600_000;

/** A row of replica_lease. */
interface ReplicaRow {
  readonly replicaId: string;
  readonly name: string;
  address: string;
  epoch: number;
  expiresAtMs: number;
  goneByMs: number;
  leaving: boolean;
}

/** The tables replica_lease and shard_map, with the meaning of the statements in lease-store.ts. One statement or transaction is one call. */
export class ModelCluster {
  readonly #nowMs: () => number;
  readonly #replicas = new Map<string, ReplicaRow>();
  readonly #map: (string | undefined)[] = Array.from({ length: SHARDS }, () => undefined);
  readonly #goneByMs: number[] = Array.from({ length: SHARDS }, () => Number.NEGATIVE_INFINITY);
  #epochs = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Whether writes under the lease take effect. */
  isHeld({ replicaId, epoch }: Lease): boolean {
    return this.#replicas.get(replicaId)?.epoch === epoch;
  }

  ownerOf(shard: number): string | undefined {
    return this.#map[shard];
  }

  drawEpoch(): number {
    this.#epochs += 1;
    return this.#epochs;
  }

  join({ name, address }: ReplicaIdentity): Lease {
    const known = [...this.#replicas.values()].find((row) => row.name === name);
    const row = known ?? {
      replicaId: String(this.#replicas.size + 1),
      name,
      address,
      epoch: 0,
      expiresAtMs: 0,
      goneByMs: Number.NEGATIVE_INFINITY,
      leaving: false,
    };
    row.address = address;
    row.epoch = this.drawEpoch();
    row.expiresAtMs = this.#nowMs() + LEASE_TTL_S * 1000;
    row.leaving = false;
    this.#replicas.set(row.replicaId, row);
    return { replicaId: row.replicaId, epoch: row.epoch };
  }

  renew(lease: Lease, goneInMs: number): ClusterView {
    // What the statement shows is older than what it writes.
    const view = this.read(lease);
    const row = this.#replicas.get(lease.replicaId);
    if (row !== undefined && view.ours) {
      row.expiresAtMs = this.#nowMs() + LEASE_TTL_S * 1000;
      row.goneByMs = this.#nowMs() + goneInMs;
    }
    return view;
  }

  read(lease: Lease): ClusterView {
    const nowMs = this.#nowMs();
    const rows = [...this.#replicas.values()].filter((row) => row.expiresAtMs === Number.NEGATIVE_INFINITY || row.expiresAtMs > nowMs - HOUR_MS);
    return {
      ours: this.isHeld(lease),
      replicas: rows.map(({ replicaId, epoch, name, address, leaving, expiresAtMs }) => {
        const leftMs = expiresAtMs === Number.NEGATIVE_INFINITY ? 0 : expiresAtMs - nowMs;
        return { replicaId, epoch, name, address, leaving, leftMs };
      }),
      map: [...this.#map],
      goneInMs: this.#goneByMs.map((goneByMs) => Math.max(0, goneByMs - nowMs)),
    };
  }

  takeOver(lease: Lease, reachable: readonly string[]): number {
    if (!this.isHeld(lease)) return 0;
    const isAlive = (replicaId: string | undefined): boolean => (this.#replicas.get(replicaId ?? "")?.expiresAtMs ?? 0) > this.#nowMs();
    for (const row of this.#replicas.values()) {
      if (!isAlive(row.replicaId) && this.#map.includes(row.replicaId)) row.epoch = this.drawEpoch();
    }
    const living = [...this.#replicas.values()].filter((row) => isAlive(row.replicaId) && !row.leaving && reachable.includes(row.replicaId));
    const given = assignOrphans(
      this.#map.map((owner) => (isAlive(owner) ? owner : undefined)),
      living.map((row) => row.replicaId),
    );
    for (const { shard, to } of given) {
      const before = this.#replicas.get(this.#map[shard] ?? "");
      this.#goneByMs[shard] = Math.max(this.#goneByMs[shard] ?? Number.NEGATIVE_INFINITY, before?.goneByMs ?? Number.NEGATIVE_INFINITY);
      this.#map[shard] = to;
    }
    return given.length;
  }

  move(from: Lease, to: Lease, shards: readonly number[]): number[] {
    if (!this.isHeld(from) || !this.isHeld(to) || (this.#replicas.get(to.replicaId)?.expiresAtMs ?? 0) <= this.#nowMs()) return [];
    const moved = shards.filter((shard) => this.#map[shard] === from.replicaId);
    for (const shard of moved) this.#map[shard] = to.replicaId;
    return moved;
  }

  /** Somebody changes the map by hand. */
  setOwner(shard: number, replicaId: string): void {
    this.#map[shard] = replicaId;
  }

  announceLeaving(lease: Lease): void {
    const row = this.#replicas.get(lease.replicaId);
    if (row?.epoch === lease.epoch) row.leaving = true;
  }

  release(lease: Lease): void {
    const row = this.#replicas.get(lease.replicaId);
    if (row?.epoch === lease.epoch) row.expiresAtMs = Number.NEGATIVE_INFINITY;
  }
}
