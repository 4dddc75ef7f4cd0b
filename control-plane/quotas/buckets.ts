import type { Clock } from "../../kernel/clock.ts";
import { LruMap } from "../../kernel/lru-map.ts";
import { type Bucket, fullBucket, type Rate, shareOf, type Taken, takeFrom } from "./token-bucket-core.ts";

/** Beyond these the ones that were used longest ago begin anew, full. */
const MAX_BUCKETS = 50_000;

/** Buckets by name. The limit of each is given with each use: it may change at any time. */
export class Buckets {
  readonly #buckets = new LruMap<string, Bucket>(MAX_BUCKETS);
  readonly #clock: Clock;
  readonly #replicas: () => number;

  /** @param replicas that live now, this one included: each has its share */
  constructor(clock: Clock, replicas: () => number) {
    this.#clock = clock;
    this.#replicas = replicas;
  }

  /** @param cost 0: only looks */
  take(name: string, whole: Rate, cost: number): Taken {
    const rate = shareOf(whole, this.#replicas());
    const nowMs = this.#clock.monotonicMs();
    const taken = takeFrom(this.#buckets.get(name) ?? fullBucket(rate, nowMs), rate, cost, nowMs);
    this.#buckets.set(name, taken.bucket);
    return taken;
  }
}
