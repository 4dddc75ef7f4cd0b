import type { Pool } from "../db/pools.ts";
import { inTransaction, type Queryable } from "../db/transaction.ts";

/** How many failures of a key are free, and how long it is blocked after each later one: doubling, up to a longest. */
export interface Backoff {
  readonly free: number;
  readonly firstS: number;
  readonly longestS: number;
}

export interface AttemptKey {
  readonly key: string;
  readonly backoff: Backoff;
}

/** Failures are forgotten when there was none for this long. */
const FORGET_S = 3600;
const SWEPT_AT_ONCE = 20;

/** How often each key has failed, this attempt included. */
export type Counted = readonly { readonly key: string; readonly failures: number }[];

/**
 * Counts an attempt as failed for all keys before it is made: those that come together cannot all be let in. `forgiveAttempt` takes it back.
 * When one of the keys is blocked nothing is counted. Locks keys in the order in which they are given.
 */
export async function beginAttempt(pool: Pool, keys: readonly AttemptKey[]): Promise<{ kind: "begun"; counted: Counted } | { kind: "blocked"; waitS: number }> {
  try {
    const counted = await inTransaction(pool, async (client) => {
      const all: { key: string; failures: number }[] = [];
      for (const { key, backoff } of keys) all.push({ key, failures: await count(client, key, backoff) });
      return all;
    });
    return { kind: "begun", counted };
  } catch (error) {
    if (!(error instanceof Blocked)) throw error;
    const names = keys.map(({ key }) => key);
    return { kind: "blocked", waitS: await waitOf(pool, names) };
  }
}

/** Rolls back what was counted for the keys before the one that is blocked. */
class Blocked extends Error {}

/** Errors: Blocked. */
async function count(on: Queryable, key: string, { free, firstS, longestS }: Backoff): Promise<number> {
  const { rows } = await on.query<{ failures: number }>(
    `WITH old AS (DELETE FROM login_attempt WHERE key IN (
         SELECT key FROM login_attempt WHERE last_at < clock_timestamp() - make_interval(secs => $5) AND key <> $1 ORDER BY last_at LIMIT ${SWEPT_AT_ONCE} FOR UPDATE SKIP LOCKED))
     INSERT INTO login_attempt AS a (key, failures) VALUES ($1, 1)
     ON CONFLICT (key) DO UPDATE SET
       failures = CASE WHEN a.last_at < clock_timestamp() - make_interval(secs => $5) THEN 1 ELSE least(a.failures + 1, 1000000) END,
       blocked_until = CASE
         WHEN a.last_at < clock_timestamp() - make_interval(secs => $5) OR a.failures + 1 <= $2 THEN clock_timestamp()
         ELSE clock_timestamp() + make_interval(secs => least($4, $3 * 2.0 ^ least(a.failures - $2, 30))) END,
       last_at = clock_timestamp()
     WHERE a.blocked_until <= clock_timestamp() RETURNING failures`,
    [key, free, firstS, longestS, FORGET_S],
  );
  const [row] = rows;
  if (row === undefined) throw new Blocked();
  return row.failures;
}

async function waitOf(on: Queryable, keys: readonly string[]): Promise<number> {
  const { rows } = await on.query<{ wait_s: number | null }>(
    "SELECT ceil(extract(epoch FROM max(blocked_until) - clock_timestamp()))::integer AS wait_s FROM login_attempt WHERE key = ANY($1::text[])",
    [keys],
  );
  return Math.max(1, rows[0]?.wait_s ?? 1);
}

/**
 * The attempt was no failure: takes back what was counted for it. A block that a later failure has set stays: nobody ends his own by
 * logging in to an account that is his.
 */
export async function forgiveAttempt(on: Queryable, counted: Counted): Promise<void> {
  await on.query(
    `UPDATE login_attempt a SET failures = greatest(a.failures - 1, 0), blocked_until = CASE WHEN a.failures = c.failures THEN clock_timestamp() ELSE a.blocked_until END
     FROM unnest($1::text[], $2::integer[]) AS c (key, failures) WHERE a.key = c.key`,
    [counted.map(({ key }) => key), counted.map(({ failures }) => failures)],
  );
}

/** All failures of a key are forgotten. */
export async function forgetAttempts(on: Queryable, key: string): Promise<void> {
  await on.query("DELETE FROM login_attempt WHERE key = $1", [key]);
}
