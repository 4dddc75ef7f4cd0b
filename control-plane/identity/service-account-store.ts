import { type AccountId, asAccountId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Queryable } from "../db/transaction.ts";
import { IDENTITY_LIMITS } from "./contract.ts";

export interface ServiceAccount {
  readonly id: AccountId;
  readonly name: string;
  readonly createdBy: string;
  readonly createdAt: Date;
}

interface Row {
  id: string;
  name: string;
  created_by: string;
  created_at: Date;
}

const COLUMNS = "a.id::text, s.name, a.created_by, a.created_at";

/** In a transaction of its own. @returns taken: there is one of this name · full: the workspace has too many */
export async function insertServiceAccount(on: Queryable, workspace: WorkspaceId, name: string, by: string): Promise<ServiceAccount | "taken" | "full"> {
  const known = await on.query<{ count: number; taken: boolean | null }>(
    "SELECT count(*)::integer AS count, bool_or(name = $2) AS taken FROM service_account WHERE workspace_id = $1",
    [workspace, name],
  );
  const { count = 0, taken = false } = known.rows[0] ?? {};
  if (taken === true) return "taken";
  if (count >= IDENTITY_LIMITS.serviceAccounts) return "full";
  const account = await on.query<Row>("INSERT INTO account (name, created_by) VALUES ($1, $2) RETURNING id::text, name, created_by, created_at", [name, by]);
  const [row] = account.rows;
  if (row === undefined) throw new Error("the service account was not stored");
  const { rowCount } = await on.query("INSERT INTO service_account (workspace_id, account_id, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", [
    workspace,
    row.id,
    name,
  ]);
  return rowCount === 1 ? fromRow(row) : "taken";
}

/** By name. @param after the last name of the page before */
export async function listServiceAccounts(on: Queryable, workspace: WorkspaceId, after: string, limit: number): Promise<ServiceAccount[]> {
  const { rows } = await on.query<Row>(
    `SELECT ${COLUMNS} FROM service_account s JOIN account a ON a.id = s.account_id WHERE s.workspace_id = $1 AND s.name > $2 ORDER BY s.name LIMIT $3`,
    [workspace, after, limit],
  );
  return rows.map(fromRow);
}

export async function findServiceAccount(on: Queryable, workspace: WorkspaceId, name: string): Promise<AccountId | undefined> {
  const { rows } = await on.query<{ id: string }>("SELECT account_id::text AS id FROM service_account WHERE workspace_id = $1 AND name = $2", [
    workspace,
    name,
  ]);
  return rows[0] === undefined ? undefined : asAccountId(rows[0].id);
}

/** With its tokens and its membership. @returns false when there is none of this name */
export async function deleteServiceAccount(on: Queryable, workspace: WorkspaceId, name: string): Promise<boolean> {
  const { rowCount } = await on.query("DELETE FROM account WHERE id = (SELECT account_id FROM service_account WHERE workspace_id = $1 AND name = $2)", [
    workspace,
    name,
  ]);
  return rowCount === 1;
}

function fromRow(row: Row): ServiceAccount {
  return { id: asAccountId(row.id), name: row.name, createdBy: row.created_by, createdAt: row.created_at };
}
