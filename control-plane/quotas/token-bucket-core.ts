/** What flows into a bucket, and how much it holds. */
export interface Rate {
  readonly perS: number;
  readonly size: number;
}

/** How full a bucket was at a moment; may be below zero. */
export interface Bucket {
  readonly level: number;
  readonly atMs: number;
}

export interface Taken {
  readonly bucket: Bucket;
  readonly ok: boolean;
  /** What could be taken at once after this, whole. */
  readonly left: number;
  /** Seconds until what was refused could be taken; of what was given, until the bucket is full. */
  readonly resetS: number;
}

export function fullBucket(rate: Rate, nowMs: number): Bucket {
  return { level: rate.size, atMs: nowMs };
}

/**
 * Takes from a bucket. More than it can hold is given out of a full one, and leaves it in debt: a large batch is let in when nothing was used lately, and
 * paid for afterwards, so that on average nobody gets more than the rate.
 */
export function takeFrom(bucket: Bucket, rate: Rate, cost: number, nowMs: number): Taken {
  const level = Math.min(rate.size, bucket.level + (Math.max(0, nowMs - bucket.atMs) / 1000) * rate.perS);
  const needed = Math.min(cost, rate.size);
  // What is refilled in fractions may miss a whole by a rounding.
  if (level + 1e-9 < needed) return { bucket: { level, atMs: nowMs }, ok: false, left: Math.max(0, Math.floor(level)), resetS: (needed - level) / rate.perS };
  const after = level - cost;
  return { bucket: { level: after, atMs: nowMs }, ok: true, left: Math.max(0, Math.floor(after)), resetS: (rate.size - after) / rate.perS };
}

/** The part of one replica of `replicas` that share a limit without talking to each other. At least one fits into its bucket. */
export function shareOf(rate: Rate, replicas: number): Rate {
  return replicas <= 1 ? rate : { perS: rate.perS / replicas, size: Math.max(1, rate.size / replicas) };
}
