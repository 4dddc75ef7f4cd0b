import type { PoolClient } from "pg";
import { asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { shardOf } from "../jobs/model.ts";
import { EXACT_STARTS, type StoredWindow } from "./core/rate-core.ts";

/** A window as an earlier owner left it, its times as milliseconds before the moment of the read. */
export interface LoadedWindow {
  readonly workspace: WorkspaceId;
  readonly id: string;
  readonly starts: number;
  readonly windowMs: number;
  readonly agesMs: readonly number[];
  /** GCRA: until the bucket is full again; may be negative. */
  readonly tatInMs: number | undefined;
}

/** All windows of the shards in which a start still counts, for their new owner. */
export async function loadWindows(db: Pick<PoolClient, "query">, shards: readonly number[]): Promise<LoadedWindow[]> {
  const { rows } = await db.query<{
    workspace_id: string;
    id: string;
    starts: number;
    window_ms: number;
    ages_ms: string;
    tat_in_ms: number | null;
    since_ms: number;
  }>(
    `SELECT workspace_id::text, id::text, starts, window_ms, ages_ms, tat_in_ms, (extract(epoch FROM clock_timestamp() - stored_at) * 1000)::float8 AS since_ms
     FROM rate_window WHERE expires_at > now()`,
  );
  const ours = rows.filter((row) => shards.includes(shardOf(asWorkspaceId(row.workspace_id))));
  return ours.map(({ workspace_id, id, starts, window_ms, ages_ms, tat_in_ms, since_ms }) => ({
    workspace: asWorkspaceId(workspace_id),
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
export function storedWindow(loaded: LoadedWindow, readAtMs: number): StoredWindow & { readonly workspace: WorkspaceId } {
  const { workspace, starts, windowMs, agesMs, tatInMs } = loaded;
  return {
    workspace,
    size: { starts, windowMs },
    times: agesMs.map((age) => readAtMs - age),
    tatMs: starts > EXACT_STARTS && tatInMs !== undefined ? readAtMs + tatInMs : undefined,
  };
}
