import type { JobId, Token } from "../../../kernel/ids.ts";
import type { Lease, ReplicaView } from "../lease-store.ts";
import type { LocalOwner } from "./local-owner.ts";

/** A cancellation that is under way at an agent: its note may come into the table after the next owner has read it. */
export interface PendingCancel {
  readonly id: JobId;
  readonly token: Token;
  readonly reason: string;
}

/** The other replicas, as ownership sees them. */
export interface Peers {
  /** Links are kept to those that live; `self` is how this replica is known to them. */
  meet(self: Lease, others: readonly ReplicaView[]): void;
  /** True when that replica answers us. Shards are given only to one that does. */
  isLinked(replicaId: string): boolean;
  /** True when that replica keeps a link to us, by which it tells of its agents. */
  isHeard(replicaId: string): boolean;
  /** The owner that peers may speak to; undefined while there is none. */
  serve(local: LocalOwner | undefined): void;
  /** Tells everybody which shards are ready here. */
  announce(shards: readonly number[]): void;
  /** Tells a replica that the map now gives it these shards. */
  handOver(replicaId: string, shards: readonly number[], cancels: readonly PendingCancel[]): void;
}

export interface ClusterMetrics {
  /** Milliseconds from the freeze of shards until the map gave them to another. */
  handedOver(shards: number, tookMs: number): void;
  /** Milliseconds to load shards. */
  gained(shards: number, tookMs: number): void;
  /** Shards of dead replicas that were taken over. */
  tookOver(shards: number): void;
}
