import { asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction, type Queryable } from "../db/transaction.ts";

export interface NamedWorkspace {
  readonly id: WorkspaceId;
  readonly name: string;
  readonly formerNames: readonly string[];
  readonly createdAt: Date;
}

interface Row {
  id: string;
  name: string;
  former: string[];
  created_at: Date;
}

const COLUMNS =
  "w.id::text, w.name, w.created_at, ARRAY(SELECT f.name FROM workspace_former_name f WHERE f.workspace_id = w.id AND f.name <> w.name ORDER BY f.name) AS former";

/** Names are in two tables: whoever gives one out waits for others who do. Rare, and over in a moment. */
async function lockNames(on: Queryable): Promise<void> {
  await on.query("SELECT pg_advisory_xact_lock(hashtext('millrace.workspace_names'))");
}

/** @param more done in the same transaction @returns undefined when the name is, or was, another workspace's */
export async function insertWorkspace(
  pool: Pool,
  name: string,
  more?: (client: Queryable, workspace: WorkspaceId) => Promise<void>,
): Promise<NamedWorkspace | undefined> {
  return inTransaction(pool, async (client) => {
    await lockNames(client);
    const { rows } = await client.query<Row>(
      `INSERT INTO workspace AS w (name) SELECT $1::text WHERE NOT EXISTS (SELECT FROM workspace_former_name WHERE name = $1)
       ON CONFLICT DO NOTHING RETURNING w.id::text, w.name, w.created_at, '{}'::text[] AS former`,
      [name],
    );
    const [made] = rows.map(fromRow);
    if (made !== undefined) await more?.(client, made.id);
    return made;
  });
}

/** By name. @param after name of the last of the page before; empty for the first page */
export async function listWorkspaces(on: Queryable, after: string, limit: number): Promise<NamedWorkspace[]> {
  const { rows } = await on.query<Row>(`SELECT ${COLUMNS} FROM workspace w WHERE w.name > $1 ORDER BY w.name LIMIT $2`, [after, limit]);
  return rows.map(fromRow);
}

/** The former name goes on to lead there. @returns taken: another workspace has, or had, the new name */
export async function renameWorkspace(pool: Pool, workspace: WorkspaceId, name: string): Promise<NamedWorkspace | "taken" | undefined> {
  return inTransaction(pool, async (client) => {
    await lockNames(client);
    const others = await client.query(
      "SELECT FROM workspace WHERE name = $1 AND id <> $2 UNION ALL SELECT FROM workspace_former_name WHERE name = $1 AND workspace_id <> $2",
      [name, workspace],
    );
    if (others.rows.length > 0) return "taken";
    await client.query("INSERT INTO workspace_former_name (name, workspace_id) SELECT name, id FROM workspace WHERE id = $1 ON CONFLICT DO NOTHING", [
      workspace,
    ]);
    await client.query("UPDATE workspace SET name = $2 WHERE id = $1", [workspace, name]);
    const { rows } = await client.query<Row>(`SELECT ${COLUMNS} FROM workspace w WHERE w.id = $1`, [workspace]);
    return rows.map(fromRow)[0];
  });
}

function fromRow({ id, name, former, created_at }: Row): NamedWorkspace {
  return { id: asWorkspaceId(id), name, formerNames: former, createdAt: created_at };
}
