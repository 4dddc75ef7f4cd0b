import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { recordAudit } from "../audit/audit-store.ts";
import { boundsValues, withinBounds } from "../db/path-bounds.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction, type Queryable } from "../db/transaction.ts";
import type { Level } from "../http/authorize.ts";
import { type Condition, checkCondition } from "../variables/revision.ts";
import { CHANGE_COLUMNS, type ChangeRow, type Changes, changesOf, type Page } from "../variables/variable-store.ts";
import { checkRoom, raiseVersion } from "./access-store.ts";
import type { PutFolder } from "./contract.ts";
import { differenceOf } from "./difference-core.ts";
import { accountsOf } from "./member-store.ts";

/** To a member, to a group, or (neither) to all members. */
interface Grant {
  readonly user?: string | undefined;
  readonly group?: string | undefined;
  readonly level: Level;
}

export interface StoredFolder extends Changes {
  readonly path: string;
  readonly description: string;
  readonly grants: readonly Grant[];
}

interface FolderRow extends ChangeRow {
  path: string;
  description: string;
  grants: { user: string | null; group: string | null; level: Level }[] | null;
}

const COLUMNS = `path, description, ${CHANGE_COLUMNS},
  (SELECT json_agg(json_build_object('user', m.name, 'group', g.group_name, 'level', g.level) ORDER BY m.name, g.group_name)
   FROM folder_grant g LEFT JOIN workspace_member m ON m.workspace_id = g.workspace_id AND m.account_id = g.account_id
   WHERE g.workspace_id = folder.workspace_id AND g.path = folder.path) AS grants`;

/** By path. */
export async function listFolders(pool: Pool, workspace: WorkspaceId, page: Omit<Page, "prefix">): Promise<StoredFolder[]> {
  const { rows } = await pool.query<FolderRow>(
    `SELECT ${COLUMNS} FROM folder WHERE workspace_id = $1 AND path > $2 AND ${withinBounds("path", 4)} ORDER BY path LIMIT $3`,
    [workspace, page.after, page.limit, ...boundsValues(page.bounds)],
  );
  return rows.map(storedFolder);
}

export async function findFolder(pool: Queryable, workspace: WorkspaceId, path: string): Promise<StoredFolder | undefined> {
  const { rows } = await pool.query<FolderRow>(`SELECT ${COLUMNS} FROM folder WHERE workspace_id = $1 AND path = $2`, [workspace, path]);
  return rows.map(storedFolder)[0];
}

/** Makes or changes a folder; its grants are those given. Errors: aborted, failed_precondition, invalid_argument, resource_exhausted. */
export async function putFolder(
  pool: Pool,
  workspace: WorkspaceId,
  path: string,
  change: PutFolder,
  by: string,
  condition: Condition,
): Promise<{ created: boolean; stored: StoredFolder }> {
  return inTransaction(pool, async (client) => {
    await raiseVersion(client, workspace);
    const before = await findFolder(client, workspace, path);
    checkCondition(condition, `folder ${path}`, before?.revision);
    if (before === undefined) await checkRoom(client, workspace, "folders");
    await client.query(
      `INSERT INTO folder (workspace_id, path, description, created_by, updated_by) VALUES ($1, $2, $3, $4, $4)
       ON CONFLICT (workspace_id, path) DO UPDATE SET description = excluded.description, updated_by = excluded.updated_by, updated_at = now(),
         revision = folder.revision + 1`,
      [workspace, path, change.description ?? before?.description ?? "", by],
    );
    await writeGrants(client, workspace, path, change.grants);
    const stored = await findFolder(client, workspace, path);
    if (stored === undefined) throw new AppError("internal", "the folder is not there after it was stored");
    const detail = { ...differenceOf(grantTexts(before), grantTexts(stored)), is_new: before === undefined };
    await recordAudit(client, { workspace, actor: by, action: "folders:write", target: `folder ${path}`, detail });
    return { created: before === undefined, stored };
  });
}

async function writeGrants(client: Queryable, workspace: WorkspaceId, path: string, grants: readonly Grant[]): Promise<void> {
  const accounts = await accountsOf(
    client,
    workspace,
    grants.flatMap(({ user }) => user ?? []),
    "/grants",
  );
  await checkGroups(
    client,
    workspace,
    grants.flatMap(({ group }) => group ?? []),
  );
  const rows = grants.map(({ user, group, level }) => ({ account: user === undefined ? null : (accounts.get(user) ?? null), group: group ?? null, level }));
  const grantees = new Set(rows.map(({ account, group }) => `${account ?? ""}/${group ?? ""}`));
  if (grantees.size < rows.length)
    throw new AppError("invalid_argument", "somebody is granted twice", { fields: [{ pointer: "/grants", message: "must name each once" }] });
  await client.query("DELETE FROM folder_grant WHERE workspace_id = $1 AND path = $2", [workspace, path]);
  await client.query(
    `INSERT INTO folder_grant (workspace_id, path, account_id, group_name, level)
     SELECT $1, $2, account_id, group_name, level FROM unnest($3::bigint[], $4::text[], $5::text[]) AS g (account_id, group_name, level)`,
    [workspace, path, rows.map((row) => row.account), rows.map((row) => row.group), rows.map((row) => row.level)],
  );
}

async function checkGroups(client: Queryable, workspace: WorkspaceId, names: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ name: string }>("SELECT name FROM member_group WHERE workspace_id = $1 AND name = ANY ($2::text[])", [
    workspace,
    names,
  ]);
  const known = new Set(rows.map(({ name }) => name));
  const missing = names.find((name) => !known.has(name));
  if (missing !== undefined)
    throw new AppError("invalid_argument", `there is no group ${missing}`, { fields: [{ pointer: "/grants", message: `${missing} is no group` }] });
}

/** What is in the folder stays, for administrators. Errors: not_found, aborted. */
export async function removeFolder(pool: Pool, workspace: WorkspaceId, path: string, by: string, condition: Condition): Promise<void> {
  await inTransaction(pool, async (client) => {
    await raiseVersion(client, workspace);
    const before = await findFolder(client, workspace, path);
    if (before === undefined) throw noFolder(path);
    checkCondition(condition, `folder ${path}`, before.revision);
    await client.query("DELETE FROM folder WHERE workspace_id = $1 AND path = $2", [workspace, path]);
    const detail = differenceOf(grantTexts(before), []);
    await recordAudit(client, { workspace, actor: by, action: "folders:delete", target: `folder ${path}`, detail });
  });
}

/** `read user ann`, `write group ops`, `read everybody`. */
function grantTexts(folder: StoredFolder | undefined): string[] {
  return (folder?.grants ?? []).map(({ user, group, level }) => {
    if (user !== undefined) return `${level} user ${user}`;
    return group === undefined ? `${level} everybody` : `${level} group ${group}`;
  });
}

export function noFolder(path: string): AppError {
  return new AppError("not_found", `there is no folder ${path}`);
}

function storedFolder(row: FolderRow): StoredFolder {
  const grants = (row.grants ?? []).map(({ user, group, level }) => ({ ...(user !== null && { user }), ...(group !== null && { group }), level }));
  return { path: row.path, description: row.description, grants, ...changesOf(row) };
}
