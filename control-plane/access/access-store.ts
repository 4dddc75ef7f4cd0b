import { AppError } from "../../kernel/app-error.ts";
import type { AccountId, WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";
import { ACCESS_LIMITS } from "./contract.ts";
import type { AccessRows, GrantRow, MemberRow } from "./policy-core.ts";

/** Grows with each change of who may do what in a workspace; 0 before the first. */
export async function readVersion(pool: Pool, workspace: WorkspaceId): Promise<number> {
  const { rows } = await pool.query<{ version: string }>("SELECT version::text FROM access_version WHERE workspace_id = $1", [workspace]);
  return Number(rows[0]?.version ?? 0);
}

/**
 * To be called first in every transaction that changes who may do what: replicas see by it that they have to read again. Changes in one workspace
 * wait for each other here.
 */
export async function raiseVersion(client: Queryable, workspace: WorkspaceId): Promise<void> {
  await client.query(
    "INSERT INTO access_version (workspace_id, version) VALUES ($1, 1) ON CONFLICT (workspace_id) DO UPDATE SET version = access_version.version + 1",
    [workspace],
  );
}

const TABLES = { groups: "member_group", folders: "folder" } as const;

/** For another one. Errors: resource_exhausted. */
export async function checkRoom(client: Queryable, workspace: WorkspaceId, what: keyof typeof TABLES): Promise<void> {
  const { rows } = await client.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${TABLES[what]} WHERE workspace_id = $1`, [workspace]);
  if ((rows[0]?.count ?? 0) >= ACCESS_LIMITS[what]) throw new AppError("resource_exhausted", `the workspace has ${ACCESS_LIMITS[what]} ${what} already`);
}

/** All of it, as of one moment. */
export async function readAccess(pool: Pool, workspace: WorkspaceId): Promise<AccessRows> {
  const { rows } = await pool.query<{
    version: string | null;
    members: MemberRow[] | null;
    groups: { group: string; account: AccountId }[] | null;
    grants: GrantRow[] | null;
  }>(
    `SELECT (SELECT version::text FROM access_version WHERE workspace_id = $1) AS version,
       (SELECT json_agg(json_build_object('account', account_id::text, 'name', name, 'role', role)) FROM workspace_member WHERE workspace_id = $1) AS members,
       (SELECT json_agg(json_build_object('group', group_name, 'account', account_id::text)) FROM group_account WHERE workspace_id = $1) AS groups,
       (SELECT json_agg(json_build_object('path', path, 'account', account_id::text, 'group', group_name, 'level', level)) FROM folder_grant WHERE workspace_id = $1) AS grants`,
    [workspace],
  );
  const row = rows[0];
  return { version: Number(row?.version ?? 0), members: row?.members ?? [], groups: row?.groups ?? [], grants: row?.grants ?? [] };
}
