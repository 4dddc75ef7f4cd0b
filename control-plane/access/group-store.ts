import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction, type Queryable } from "../db/transaction.ts";
import { type Condition, checkCondition } from "../variables/revision.ts";
import { CHANGE_COLUMNS, type ChangeRow, type Changes, changesOf } from "../variables/variable-store.ts";
import { checkRoom, raiseVersion } from "./access-store.ts";
import type { PutGroup } from "./contract.ts";
import { differenceOf } from "./difference-core.ts";
import { accountsOf } from "./member-store.ts";

export interface StoredGroup extends Changes {
  readonly name: string;
  readonly description: string;
  /** Their names, in order. */
  readonly members: readonly string[];
}

interface GroupRow extends ChangeRow {
  name: string;
  description: string;
  members: string[];
}

const COLUMNS = `name, description, ${CHANGE_COLUMNS},
  ARRAY(SELECT m.name FROM group_account g JOIN workspace_member m ON m.workspace_id = g.workspace_id AND m.account_id = g.account_id
        WHERE g.workspace_id = member_group.workspace_id AND g.group_name = member_group.name ORDER BY m.name) AS members`;

/** By name. @param after the last name of the page before */
export async function listGroups(pool: Pool, workspace: WorkspaceId, after: string, limit: number): Promise<StoredGroup[]> {
  const { rows } = await pool.query<GroupRow>(`SELECT ${COLUMNS} FROM member_group WHERE workspace_id = $1 AND name > $2 ORDER BY name LIMIT $3`, [
    workspace,
    after,
    limit,
  ]);
  return rows.map(storedGroup);
}

export async function findGroup(pool: Queryable, workspace: WorkspaceId, name: string): Promise<StoredGroup | undefined> {
  const { rows } = await pool.query<GroupRow>(`SELECT ${COLUMNS} FROM member_group WHERE workspace_id = $1 AND name = $2`, [workspace, name]);
  return rows.map(storedGroup)[0];
}

/** Makes or changes a group; its members are those given. Errors: aborted, failed_precondition, invalid_argument, resource_exhausted. */
export async function putGroup(
  pool: Pool,
  workspace: WorkspaceId,
  name: string,
  change: PutGroup,
  by: string,
  condition: Condition,
): Promise<{ created: boolean; stored: StoredGroup }> {
  return inTransaction(pool, async (client) => {
    await raiseVersion(client, workspace);
    const before = await findGroup(client, workspace, name);
    checkCondition(condition, `group ${name}`, before?.revision);
    if (before === undefined) await checkRoom(client, workspace, "groups");
    const accounts = await accountsOf(client, workspace, change.members, "/members");
    await client.query(
      `INSERT INTO member_group (workspace_id, name, description, created_by, updated_by) VALUES ($1, $2, $3, $4, $4)
       ON CONFLICT (workspace_id, name) DO UPDATE SET description = excluded.description, updated_by = excluded.updated_by, updated_at = now(),
         revision = member_group.revision + 1`,
      [workspace, name, change.description ?? before?.description ?? "", by],
    );
    await client.query("DELETE FROM group_account WHERE workspace_id = $1 AND group_name = $2", [workspace, name]);
    await client.query("INSERT INTO group_account (workspace_id, group_name, account_id) SELECT $1, $2, unnest($3::bigint[])", [
      workspace,
      name,
      [...new Set(accounts.values())],
    ]);
    const stored = await findGroup(client, workspace, name);
    if (stored === undefined) throw new AppError("internal", "the group is not there after it was stored");
    const detail = { ...differenceOf(before?.members ?? [], stored.members), is_new: before === undefined };
    await recordAudit(client, { workspace, actor: by, action: "groups:write", target: `group ${name}`, detail });
    return { created: before === undefined, stored };
  });
}

/** Grants to the group go with it. Errors: not_found, aborted. */
export async function removeGroup(pool: Pool, workspace: WorkspaceId, name: string, by: string, condition: Condition): Promise<void> {
  await inTransaction(pool, async (client) => {
    await raiseVersion(client, workspace);
    const before = await findGroup(client, workspace, name);
    if (before === undefined) throw noGroup(name);
    checkCondition(condition, `group ${name}`, before.revision);
    await client.query("DELETE FROM member_group WHERE workspace_id = $1 AND name = $2", [workspace, name]);
    await recordAudit(client, { workspace, actor: by, action: "groups:delete", target: `group ${name}`, detail: differenceOf(before.members, []) });
  });
}

export function noGroup(name: string): AppError {
  return new AppError("not_found", `there is no group ${name}`);
}

function storedGroup(row: GroupRow): StoredGroup {
  return { name: row.name, description: row.description, members: row.members, ...changesOf(row) };
}
