import { SHARDS } from "../../jobs/model.ts";
import type { OwnerPort } from "../owner-port.ts";

export interface DirectoryListener {
  ownerCame(port: OwnerPort): void;
  ownerGone(port: OwnerPort): void;
  /** Shards have moved between owners that are known. */
  shardsMoved(): void;
}

/**
 * Who owns which shard, as the owners themselves say: one is listed when it has loaded a shard, and until it says otherwise or cannot be
 * reached. Of two that claim the same the later one is right: a shard is given away before it is taken. News over a peer link may be late, though:
 * when the later one takes its claim back, the other one's still stands.
 */
export class OwnerDirectory {
  readonly #owners: (OwnerPort | undefined)[] = Array.from({ length: SHARDS }, () => undefined);
  readonly #ports = new Map<string, { port: OwnerPort; shards: ReadonlySet<number> }>();
  readonly #listeners: DirectoryListener[] = [];
  #waiters: (() => void)[] = [];

  listen(listener: DirectoryListener): void {
    this.#listeners.push(listener);
  }

  ownerOf(shard: number): OwnerPort | undefined {
    return this.#owners[shard];
  }

  portOf(replicaId: string): OwnerPort | undefined {
    return this.#ports.get(replicaId)?.port;
  }

  get ports(): OwnerPort[] {
    return [...this.#ports.values()].map((entry) => entry.port);
  }

  /** True when there is an owner beside the one of this replica. */
  get hasRemote(): boolean {
    for (const { port } of this.#ports.values()) if (!port.isLocal) return true;
    return false;
  }

  hasShards(port: OwnerPort): boolean {
    return (this.#ports.get(port.replicaId)?.shards.size ?? 0) > 0;
  }

  /** Shards that nobody is known to own. */
  get missing(): number {
    return this.#owners.reduce((sum, owner) => sum + (owner === undefined ? 1 : 0), 0);
  }

  /** An owner says what it has. */
  announce(port: OwnerPort, shards: readonly number[]): void {
    const known = this.#ports.get(port.replicaId);
    if (known !== undefined && known.port !== port) this.remove(known.port);
    const before = this.#ports.get(port.replicaId)?.shards ?? new Set<number>();
    const now = new Set(shards);
    this.#ports.set(port.replicaId, { port, shards: now });
    for (const shard of before) if (!now.has(shard) && this.#owners[shard] === port) this.#owners[shard] = this.#claimantOf(shard);
    for (const shard of now) if (!before.has(shard) || this.#owners[shard] === undefined) this.#owners[shard] = port;
    if (known?.port !== port) for (const listener of this.#listeners) listener.ownerCame(port);
    for (const listener of this.#listeners) listener.shardsMoved();
    this.#wake();
  }

  /** It cannot be reached any more, or is no longer an owner. */
  remove(port: OwnerPort): void {
    if (this.#ports.get(port.replicaId)?.port !== port) return;
    this.#ports.delete(port.replicaId);
    this.#owners.forEach((owner, shard) => {
      if (owner === port) this.#owners[shard] = this.#claimantOf(shard);
    });
    for (const listener of this.#listeners) listener.ownerGone(port);
    this.#wake();
  }

  /** Resolves when something has changed, after `ms` at the latest. */
  changed(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#waiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #claimantOf(shard: number): OwnerPort | undefined {
    for (const { port, shards } of this.#ports.values()) if (shards.has(shard)) return port;
    return undefined;
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}
