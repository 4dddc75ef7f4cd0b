import type { Pool } from "../db/pools.ts";
import { EXACT_STARTS, type StoredWindow } from "./core/rate-core.ts";

/** A window as an earlier owner left it, its times as milliseconds before the moment of the read. */
export interface LoadedWindow {
  readonly id: string;
  readonly starts: number;
  readonly windowMs: number;
  readonly agesMs: readonly number[];
  /** GCRA: until the bucket is full again; may be negative. */
  readonly tatInMs: number | undefined;
}

/** All windows in which a start still counts, for a new owner. */
export async function loadWindows(pool: Pool): Promise<LoadedWindow[]> {
  const { rows } = await pool.query<{ id: string; starts: number; window_ms: number; ages_ms: string; tat_in_ms: number | null; since_ms: number }>(
    `SELECT id::text, starts, window_ms, ages_ms, tat_in_ms, (extract(epoch FROM clock_timestamp() - stored_at) * 1000)::float8 AS since_ms
     FROM rate_window WHERE expires_at > now()`,
  );
  return rows.map(({ id, starts, window_ms, ages_ms, tat_in_ms, since_ms }) => ({
    id,
    starts,
    windowMs: window_ms,
    agesMs: ages_ms === "" ? [] : ages_ms.split(",").map((age) => Number(age) + since_ms),
    tatInMs: tat_in_ms === null ? undefined : tat_in_ms - since_ms,
  }));
}

/** Removes windows in which no start counts any more. */
export async function dropOldWindows(pool: Pool): Promise<void> {
  await pool.query("DELETE FROM rate_window WHERE expires_at < now() - interval '1 minute'");
}

/**
 * A loaded window by the owner's clock. @param readAtMs monotonic, when the answer had come: later than the read itself, so that a start is
 * taken to be younger than it is and never older
 */
export function storedWindow(loaded: LoadedWindow, readAtMs: number): StoredWindow {
  const { starts, windowMs, agesMs, tatInMs } = loaded;
  return {
    size: { starts, windowMs },
    times: agesMs.map((age) => readAtMs - age),
    tatMs: starts > EXACT_STARTS && tatInMs !== undefined ? readAtMs + tatInMs : undefined,
  };
}
