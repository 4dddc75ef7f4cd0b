import type pg from "pg";
import type { Pool } from "./pools.ts";

/** What a statement needs: a pool, or the connection of a transaction. */
export type Queryable = Pick<pg.ClientBase, "query">;

/** Runs statements on one connection in one transaction; a thrown error rolls it back. */
export async function inTransaction<T>(pool: Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const result = await work(client);
    await client.query("COMMIT");
    return result;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}
