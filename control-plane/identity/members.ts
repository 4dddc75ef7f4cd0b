import type { AccountId, WorkspaceId } from "../../kernel/ids.ts";
import { setMember } from "../access/member-store.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";
import type { RoleName } from "./contract.ts";
import { findRole, findWorkspaces } from "./membership-store.ts";

/** Who is a member of which workspace, and as what: kept by `access`. */
export interface Members {
  /** In the caller's transaction. @returns false when the account is a member already: its role stays */
  join(client: Queryable, workspace: WorkspaceId, account: AccountId, role: RoleName): Promise<boolean>;
  roleOf(workspace: WorkspaceId, account: AccountId): Promise<RoleName | undefined>;
  /** By name. */
  workspacesOf(account: AccountId): Promise<{ readonly name: string; readonly role: RoleName }[]>;
}

export function createMembers(pool: Pool): Members {
  return {
    async join(client, workspace, account, role) {
      if ((await findRole(client, workspace, account)) !== undefined) return false;
      await setMember(client, workspace, account, role);
      return true;
    },
    roleOf: (workspace, account) => findRole(pool, workspace, account),
    workspacesOf: (account) => findWorkspaces(pool, account),
  };
}
