import type { AccountId, WorkspaceId } from "../../kernel/ids.ts";
import type { Queryable } from "../db/transaction.ts";
import { type RoleName, role } from "./contract.ts";

// Reads what control-plane/access/ writes: memberships seen from the side of the account.

export async function findRole(on: Queryable, workspace: WorkspaceId, account: AccountId): Promise<RoleName | undefined> {
  const { rows } = await on.query<{ role: string }>("SELECT role FROM workspace_member WHERE workspace_id = $1 AND account_id = $2", [workspace, account]);
  return rows[0] === undefined ? undefined : role.parse(rows[0].role);
}

export async function findWorkspaces(on: Queryable, account: AccountId): Promise<{ name: string; role: RoleName }[]> {
  const { rows } = await on.query<{ name: string; role: string }>(
    "SELECT w.name, m.role FROM workspace_member m JOIN workspace w ON w.id = m.workspace_id WHERE m.account_id = $1 ORDER BY w.name",
    [account],
  );
  return rows.map((row) => ({ name: row.name, role: role.parse(row.role) }));
}
