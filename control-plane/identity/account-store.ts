import { type AccountId, asAccountId } from "../../kernel/ids.ts";
import type { Queryable } from "../db/transaction.ts";

export interface Account {
  readonly id: AccountId;
  /** Undefined: a service account. */
  readonly email: string | undefined;
  readonly name: string;
  readonly hasPassword: boolean;
  readonly isEmailProven: boolean;
  readonly isInstanceAdmin: boolean;
  readonly disabledAt: Date | undefined;
  readonly createdAt: Date;
  readonly createdBy: string;
}

interface AccountRow {
  id: string;
  email: string | null;
  name: string;
  has_password: boolean;
  email_proven: boolean;
  is_instance_admin: boolean;
  disabled_at: Date | null;
  created_at: Date;
  created_by: string;
}

const COLUMNS = "id::text, email, name, password_hash IS NOT NULL AS has_password, email_proven, is_instance_admin, disabled_at, created_at, created_by";

export interface NewAccount {
  readonly email: string;
  readonly name: string;
  readonly passwordHash: string | undefined;
  readonly isEmailProven: boolean;
  readonly isInstanceAdmin: boolean;
  readonly createdBy: string;
}

/** @returns undefined when the address is taken */
export async function insertAccount(on: Queryable, account: NewAccount): Promise<Account | undefined> {
  const { rows } = await on.query<AccountRow>(
    `INSERT INTO account (email, name, password_hash, email_proven, is_instance_admin, created_by) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (lower(email)) DO NOTHING RETURNING ${COLUMNS}`,
    [account.email, account.name, account.passwordHash ?? null, account.isEmailProven, account.isInstanceAdmin, account.createdBy],
  );
  return rows.map(fromRow)[0];
}

export async function findAccount(on: Queryable, id: AccountId): Promise<Account | undefined> {
  const { rows } = await on.query<AccountRow>(`SELECT ${COLUMNS} FROM account WHERE id = $1`, [id]);
  return rows.map(fromRow)[0];
}

/** The same, for a change: others wait for its end. */
export async function lockAccount(on: Queryable, id: AccountId): Promise<Account | undefined> {
  const { rows } = await on.query<AccountRow>(`SELECT ${COLUMNS} FROM account WHERE id = $1 FOR NO KEY UPDATE`, [id]);
  return rows.map(fromRow)[0];
}

/** Administrators of the instance who can log in. To be called before an account is locked, where it may be one: changes of them wait for each other. */
export async function lockInstanceAdmins(on: Queryable): Promise<AccountId[]> {
  const { rows } = await on.query<{ id: string }>(
    "SELECT id::text FROM account WHERE is_instance_admin AND disabled_at IS NULL ORDER BY account.id FOR NO KEY UPDATE",
  );
  return rows.map(({ id }) => asAccountId(id));
}

/** With its sessions, tokens, identities and memberships. The names that it had in workspaces stay taken. */
export async function deleteAccount(on: Queryable, id: AccountId): Promise<void> {
  await on.query("DELETE FROM account WHERE id = $1", [id]);
}

/** With the hash of the password: for logins alone. */
export async function findByEmail(on: Queryable, email: string): Promise<(Account & { readonly passwordHash: string | undefined }) | undefined> {
  const { rows } = await on.query<AccountRow & { password_hash: string | null }>(
    `SELECT ${COLUMNS}, password_hash FROM account WHERE lower(email) = lower($1)`,
    [email],
  );
  return rows.map((row) => ({ ...fromRow(row), passwordHash: row.password_hash ?? undefined }))[0];
}

export async function findPasswordHash(on: Queryable, id: AccountId): Promise<string | undefined> {
  const { rows } = await on.query<{ password_hash: string | null }>("SELECT password_hash FROM account WHERE id = $1", [id]);
  return rows[0]?.password_hash ?? undefined;
}

export interface AccountPage {
  /** The id of the last account of the page before; "0" for the first page. */
  readonly after: string;
  readonly limit: number;
  /** What the address begins with. */
  readonly prefix: string;
}

/** People, not service accounts, in the order in which they came. */
export async function listAccounts(on: Queryable, { after, limit, prefix }: AccountPage): Promise<Account[]> {
  const { rows } = await on.query<AccountRow>(
    `SELECT ${COLUMNS} FROM account WHERE id > $1 AND email IS NOT NULL AND starts_with(lower(email), lower($3)) ORDER BY account.id LIMIT $2`,
    [after, limit, prefix],
  );
  return rows.map(fromRow);
}

/** What is left out stays as it is. */
export interface AccountChange {
  readonly name?: string | undefined;
  readonly isDisabled?: boolean | undefined;
  readonly isInstanceAdmin?: boolean | undefined;
  /** null takes it away. */
  readonly passwordHash?: string | null | undefined;
  readonly isEmailProven?: boolean | undefined;
}

/** @returns undefined when there is no such person */
export async function updateAccount(on: Queryable, id: AccountId, change: AccountChange): Promise<Account | undefined> {
  const { rows } = await on.query<AccountRow>(
    `UPDATE account SET
       name = coalesce($2, name),
       disabled_at = CASE WHEN $3::boolean IS NULL THEN disabled_at WHEN $3 THEN coalesce(disabled_at, now()) END,
       is_instance_admin = coalesce($4, is_instance_admin),
       password_hash = CASE WHEN $5 THEN $6 ELSE password_hash END,
       email_proven = coalesce($7, email_proven)
     WHERE id = $1 AND email IS NOT NULL RETURNING ${COLUMNS}`,
    [
      id,
      change.name ?? null,
      change.isDisabled ?? null,
      change.isInstanceAdmin ?? null,
      change.passwordHash !== undefined,
      change.passwordHash ?? null,
      change.isEmailProven ?? null,
    ],
  );
  return rows.map(fromRow)[0];
}

/** Who somebody is at an identity provider. */
export interface Identity {
  readonly issuer: string;
  readonly subject: string;
}

export async function findByIdentity(on: Queryable, { issuer, subject }: Identity): Promise<Account | undefined> {
  const { rows } = await on.query<AccountRow>(
    `SELECT ${COLUMNS} FROM account WHERE id = (SELECT account_id FROM account_identity WHERE issuer = $1 AND subject = $2)`,
    [issuer, subject],
  );
  return rows.map(fromRow)[0];
}

/** @returns false when the identity belongs to an account already */
export async function insertIdentity(on: Queryable, account: AccountId, { issuer, subject }: Identity): Promise<boolean> {
  const { rowCount } = await on.query("INSERT INTO account_identity (issuer, subject, account_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", [
    issuer,
    subject,
    account,
  ]);
  return rowCount === 1;
}

function fromRow(row: AccountRow): Account {
  return {
    id: asAccountId(row.id),
    email: row.email ?? undefined,
    name: row.name,
    hasPassword: row.has_password,
    isEmailProven: row.email_proven,
    isInstanceAdmin: row.is_instance_admin,
    disabledAt: row.disabled_at ?? undefined,
    createdAt: row.created_at,
    createdBy: row.created_by,
  };
}
