import { randomUUID } from "node:crypto";
import type { Pool } from "../db/pools.ts";
import type { Session } from "../db/session.ts";
import type { BlobStore } from "./blob-store.ts";

/** An object whose content is the identity of the store: two folders of the same name on two machines are two stores. */
const IDENTITY_KEY = "millrace-store-id";

/** The store's identity; makes one in a store that has none. Two that make one at the same time agree at the next look. */
async function identityOf(store: BlobStore): Promise<string> {
  const found = await store.get(IDENTITY_KEY);
  if (found !== undefined) return found.toString().trim();
  await store.put(IDENTITY_KEY, Buffer.from(`${randomUUID()}\n`));
  return (await store.get(IDENTITY_KEY))?.toString().trim() ?? "";
}

/** Says which store this replica sees. Errors: unavailable when it cannot be reached or written. */
export async function noteView(pool: Pool, replica: string, store: BlobStore): Promise<void> {
  await pool.query(
    "INSERT INTO blob_view (replica, store_id, seen_at) VALUES ($1, $2, now()) ON CONFLICT (replica) DO UPDATE SET store_id = excluded.store_id, seen_at = excluded.seen_at",
    [replica, await identityOf(store)],
  );
}

/** True when every replica of the last day sees the same store as we do: only then may something move there that all of them read. */
export async function isShared(session: Session, store: BlobStore): Promise<boolean> {
  const { rows } = await session.query<{ store_id: string }>("SELECT DISTINCT store_id::text FROM blob_view WHERE seen_at > now() - interval '1 day'");
  const ours = await identityOf(store);
  return rows.every((row) => row.store_id === ours);
}
