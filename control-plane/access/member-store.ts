import { AppError } from "../../kernel/app-error.ts";
import { type AccountId, asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import { recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction, type Queryable } from "../db/transaction.ts";
import type { Role } from "../http/authorize.ts";
import { type Condition, checkCondition } from "../variables/revision.ts";
import { raiseVersion } from "./access-store.ts";
import { ACCESS_LIMITS } from "./contract.ts";
import { freeName, nameFor } from "./member-name-core.ts";

/** An account in a workspace. */
export interface StoredMember {
  readonly account: AccountId;
  readonly name: string;
  readonly email: string | undefined;
  readonly role: Role;
  readonly disabled: boolean;
  readonly revision: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

interface MemberRow {
  account: AccountId;
  name: string;
  email: string | null;
  role: Role;
  disabled: boolean;
  revision: string;
  created_at: Date;
  updated_at: Date;
}

const SELECT = `SELECT m.account_id::text AS account, m.name, a.email, m.role, a.disabled_at IS NOT NULL AS disabled, m.revision::text, m.created_at, m.updated_at
  FROM workspace_member m JOIN account a ON a.id = m.account_id`;

/**
 * Makes an account a member, or gives a member another role; to be called in the transaction of what is the reason for it.
 * A new one gets a name in paths, which stays the account's in this workspace, also when it is no member any more.
 * @returns that name. Errors: not_found for an account that there is not; resource_exhausted.
 */
export async function setMember(client: Queryable, workspace: WorkspaceId, account: AccountId, role: Role): Promise<string> {
  await raiseVersion(client, workspace);
  const { rows } = await client.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM workspace_member WHERE workspace_id = $1 AND account_id <> $2::bigint",
    [workspace, account],
  );
  if ((rows[0]?.count ?? 0) >= ACCESS_LIMITS.members) throw new AppError("resource_exhausted", `the workspace has ${ACCESS_LIMITS.members} members already`);
  const name = await nameOf(client, workspace, account);
  await client.query(
    `INSERT INTO workspace_member (workspace_id, account_id, name, role) VALUES ($1, $2::bigint, $3, $4)
     ON CONFLICT (workspace_id, account_id) DO UPDATE SET role = excluded.role, revision = workspace_member.revision + 1, updated_at = now()`,
    [workspace, account, name, role],
  );
  return name;
}

/** The name that the account has in the workspace, or has had, or gets now: made of its e-mail address. */
async function nameOf(client: Queryable, workspace: WorkspaceId, account: AccountId): Promise<string> {
  const { rows } = await client.query<{ called: string; name: string | null }>(
    `SELECT coalesce(a.email, a.name) AS called, n.name FROM account a LEFT JOIN member_name n ON n.workspace_id = $1 AND n.account_id = a.id WHERE a.id = $2::bigint`,
    [workspace, account],
  );
  const row = rows[0];
  if (row === undefined) throw new AppError("not_found", `there is no account ${account}`);
  if (row.name !== null) return row.name;
  const wanted = nameFor(row.called);
  const taken = await client.query<{ name: string }>("SELECT name FROM member_name WHERE workspace_id = $1 AND starts_with(name, $2)", [workspace, wanted]);
  const name = freeName(wanted, new Set(taken.rows.map((one) => one.name)));
  await client.query("INSERT INTO member_name (workspace_id, name, account_id) VALUES ($1, $2, $3::bigint)", [workspace, name, account]);
  return name;
}

/** In the order of names. @param after the last name of the page before */
export async function listMembers(pool: Pool, workspace: WorkspaceId, page: { after: string; limit: number }): Promise<StoredMember[]> {
  const { rows } = await pool.query<MemberRow>(`${SELECT} WHERE m.workspace_id = $1 AND m.name > $2 ORDER BY m.name LIMIT $3`, [
    workspace,
    page.after,
    page.limit,
  ]);
  return rows.map(storedMember);
}

export async function findMember(pool: Queryable, workspace: WorkspaceId, name: string): Promise<StoredMember | undefined> {
  const { rows } = await pool.query<MemberRow>(`${SELECT} WHERE m.workspace_id = $1 AND m.name = $2`, [workspace, name]);
  return rows.map(storedMember)[0];
}

/** Errors: not_found; aborted when the member is not as its changer knows it. */
export async function changeRole(pool: Pool, workspace: WorkspaceId, name: string, role: Role, by: string, condition: Condition): Promise<StoredMember> {
  return inTransaction(pool, async (client) => {
    await raiseVersion(client, workspace);
    const before = await wantedMember(client, workspace, name, condition);
    if (role !== "admin") await keepAdmin(client, workspace, before);
    await setMember(client, workspace, before.account, role);
    const stored = await wantedMember(client, workspace, name, {});
    const detail = { account: before.account, role, role_before: before.role };
    await recordAudit(client, { workspace, actor: by, action: "members:write", target: `member ${name}`, detail });
    return stored;
  });
}

/** What is under the member's name stays there; grants to the member go. Errors: those of changeRole. */
export async function removeMember(pool: Pool, workspace: WorkspaceId, name: string, by: string, condition: Condition): Promise<void> {
  await inTransaction(pool, async (client) => {
    await raiseVersion(client, workspace);
    const member = await wantedMember(client, workspace, name, condition);
    const { account, role } = member;
    await keepAdmin(client, workspace, member);
    await client.query("DELETE FROM workspace_member WHERE workspace_id = $1 AND account_id = $2::bigint", [workspace, account]);
    const detail = { account, role_before: role };
    await recordAudit(client, { workspace, actor: by, action: "members:delete", target: `member ${name}`, detail });
  });
}

/**
 * Takes an account out of all of its workspaces; to be called in the transaction that deletes it.
 * @returns what it was there. Errors: failed_precondition where nobody else administers one of them.
 */
export async function leaveWorkspaces(client: Queryable, account: AccountId): Promise<{ workspace: WorkspaceId; name: string; role: Role }[]> {
  const { rows } = await client.query<{ workspace: string }>(
    "SELECT workspace_id::text AS workspace FROM workspace_member WHERE account_id = $1::bigint ORDER BY workspace_id",
    [account],
  );
  const left: { workspace: WorkspaceId; name: string; role: Role }[] = [];
  for (const workspace of rows.map((row) => asWorkspaceId(row.workspace))) {
    await raiseVersion(client, workspace);
    const member = (await client.query<MemberRow>(`${SELECT} WHERE m.workspace_id = $1 AND m.account_id = $2::bigint`, [workspace, account])).rows[0];
    if (member === undefined) continue;
    await keepAdmin(client, workspace, storedMember(member));
    await client.query("DELETE FROM workspace_member WHERE workspace_id = $1 AND account_id = $2::bigint", [workspace, account]);
    left.push({ workspace, name: member.name, role: member.role });
  }
  return left;
}

/**
 * A workspace that has a person as administrator keeps one: who only has a token of the workspace, or nothing, cannot make members. Changes wait for
 * each other at raiseVersion, so that two who go at once are not both let go. Errors: failed_precondition.
 */
async function keepAdmin(client: Queryable, workspace: WorkspaceId, { account, email, role, disabled }: StoredMember): Promise<void> {
  if (role !== "admin" || disabled || email === undefined) return;
  const { rows } = await client.query<{ workspace: string; others: number }>(
    `SELECT w.name AS workspace, (SELECT count(*)::int FROM workspace_member m JOIN account a ON a.id = m.account_id
       WHERE m.workspace_id = w.id AND m.role = 'admin' AND a.email IS NOT NULL AND a.disabled_at IS NULL AND m.account_id <> $2::bigint) AS others
     FROM workspace w WHERE w.id = $1`,
    [workspace, account],
  );
  const [row] = rows;
  if (row === undefined || row.others > 0) return;
  throw new AppError("failed_precondition", `${email} is the last administrator of the workspace ${row.workspace}`, {
    hint: "make another member administrator first",
  });
}

async function wantedMember(client: Queryable, workspace: WorkspaceId, name: string, condition: Condition): Promise<StoredMember> {
  const member = await findMember(client, workspace, name);
  if (member === undefined) throw noMember(name);
  checkCondition(condition, `member ${name}`, member.revision);
  return member;
}

/** The account that principals call by this label: its e-mail address, or `service:` and the name of a service account of the workspace. None that is disabled. */
export async function accountCalled(pool: Pool, workspace: WorkspaceId, label: string): Promise<AccountId | undefined> {
  const { rows } = await pool.query<{ account: AccountId }>(
    `SELECT id::text AS account FROM account WHERE lower(email) = lower($2) AND disabled_at IS NULL
     UNION ALL SELECT account_id::text FROM service_account WHERE workspace_id = $1 AND 'service:' || name = $2`,
    [workspace, label],
  );
  return rows[0]?.account;
}

/** Accounts of members by their names. Errors: invalid_argument naming those who are no members. @param pointer of the names in the request */
export async function accountsOf(
  client: Queryable,
  workspace: WorkspaceId,
  names: readonly string[],
  pointer: string,
): Promise<ReadonlyMap<string, AccountId>> {
  const { rows } = await client.query<{ name: string; account: AccountId }>(
    "SELECT name, account_id::text AS account FROM workspace_member WHERE workspace_id = $1 AND name = ANY ($2::text[])",
    [workspace, names],
  );
  const accounts = new Map(rows.map((row) => [row.name, row.account]));
  const missing = names.find((name) => !accounts.has(name));
  if (missing !== undefined)
    throw new AppError("invalid_argument", `${missing} is no member of the workspace`, { fields: [{ pointer, message: `${missing} is no member` }] });
  return accounts;
}

export function noMember(name: string): AppError {
  return new AppError("not_found", `there is no member ${name}`);
}

function storedMember(row: MemberRow): StoredMember {
  return {
    account: row.account,
    name: row.name,
    email: row.email ?? undefined,
    role: row.role,
    disabled: row.disabled,
    revision: Number(row.revision),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
