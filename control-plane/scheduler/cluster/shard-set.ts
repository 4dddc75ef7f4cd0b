import { SHARDS } from "../../jobs/model.ts";

/**
 * none: not ours · loading: ours by the map, not yet read · owned: we schedule it · leaving: nothing new, what is in flight is awaited ·
 * sealed: nothing is in flight and nothing may be written, the map is being changed
 */
export type ShardStatus = "none" | "loading" | "owned" | "leaving" | "sealed";

/** Which shards this replica schedules. */
export class ShardSet {
  readonly #status: ShardStatus[] = Array.from({ length: SHARDS }, () => "none");

  statusOf(shard: number): ShardStatus {
    return this.#status[shard] ?? "none";
  }

  /** True when its jobs may be taken, picked and judged here. */
  owns(shard: number): boolean {
    return this.#status[shard] === "owned";
  }

  /** True when its rows may be written: what is in flight of a leaving shard has to end. */
  mayWrite(shard: number): boolean {
    const status = this.#status[shard];
    return status === "owned" || status === "leaving";
  }

  set(shards: Iterable<number>, status: ShardStatus): void {
    for (const shard of shards) this.#status[shard] = status;
  }

  with(status: ShardStatus): number[] {
    return this.#status.flatMap((entry, shard) => (entry === status ? [shard] : []));
  }
}
