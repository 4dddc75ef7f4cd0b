import { type JobId, timeOfId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { findPacks } from "./log-pack-store.ts";
import { readChunks, type StoredChunk } from "./log-store.ts";
import type { PackReader } from "./pack-reader.ts";
import type { LogPosition } from "./tail.ts";

/** Stored chunks of a job after a position, in order, at most `limit`; wherever they are. */
export type ReadLog = (workspace: WorkspaceId, id: JobId, after: LogPosition, limit: number) => Promise<StoredChunk[]>;

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Reads the table first and the packs after it: chunks that are moved in between are seen twice, not never, and the position that
 * every chunk has makes one of the two. Days that are not over are never packed: most reads cost one statement.
 */
export function createLogReader(pool: Pool, packs: PackReader, nowMs: () => number): ReadLog {
  return async (workspace, id, after, limit) => {
    const rows = await readChunks(pool, workspace, id, after, limit);
    const dayMs = Math.floor(timeOfId(id) / DAY_MS) * DAY_MS;
    if (nowMs() < dayMs + DAY_MS) return rows;
    const found = new Map(rows.map((chunk) => [`${chunk.attempt}/${chunk.seq}`, chunk]));
    for (const place of await findPacks(pool, new Date(dayMs).toISOString().slice(0, 10), workspace, id))
      for (const chunk of await packs.read(place, workspace, id, after, limit)) found.set(`${chunk.attempt}/${chunk.seq}`, chunk);
    return [...found.values()].sort((a, b) => a.attempt - b.attempt || a.seq - b.seq).slice(0, limit);
  };
}
