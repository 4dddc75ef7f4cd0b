import type { WorkspaceId } from "../../kernel/ids.ts";
import { madeOf } from "../db/made-row.ts";
import { boundsValues, type PathBounds, withinBounds } from "../db/path-bounds.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";
import type { Sealed } from "../secrets/key-ring.ts";
import { THING_LIMITS } from "./contract.ts";

/** Who changed a thing and when; the revision grows with each change. */
export interface Changes {
  readonly revision: number;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly updatedAt: Date;
  readonly updatedBy: string;
}

export type StoredValue = { readonly kind: "plain"; readonly value: string } | { readonly kind: "secret"; readonly sealed: Sealed };

export interface StoredVariable extends Changes {
  readonly path: string;
  readonly description: string;
  readonly value: StoredValue;
}

/** One of a list, without its value. */
export interface ListedVariable extends Changes {
  readonly path: string;
  readonly description: string;
  readonly isSecret: boolean;
}

export interface ChangeRow {
  revision: string;
  created_at: Date;
  created_by: string;
  updated_at: Date;
  updated_by: string;
}

interface VariableRow extends ChangeRow {
  path: string;
  description: string;
  value: string | null;
  sealed: Buffer | null;
  key_version: number | null;
}

export const CHANGE_COLUMNS = "revision::text, created_at, created_by, updated_at, updated_by";
const COLUMNS = `path, description, value, sealed, key_version, ${CHANGE_COLUMNS}`;

export interface Page {
  readonly prefix: string;
  /** The last path of the page before. */
  readonly after: string;
  readonly limit: number;
  /** Of the caller; undefined: all paths. */
  readonly bounds?: PathBounds | undefined;
}

/** A page of those that are looked for. */
export interface ThingPage extends Page {
  /** The one path. */
  readonly path?: string | undefined;
  /** What the description contains, in small letters or capitals. */
  readonly about?: string | undefined;
}

/** A condition with two parameters from the given number on: `lookedForValues`. */
export function lookedFor(first: number): string {
  return `coalesce(path = $${first}, true) AND coalesce(strpos(lower(description), lower($${first + 1})) > 0, true)`;
}

export function lookedForValues({ path, about }: ThingPage): [string | null, string | null] {
  return [path ?? null, about ?? null];
}

export async function listVariables(pool: Pool, workspace: WorkspaceId, page: ThingPage): Promise<ListedVariable[]> {
  const { rows } = await pool.query<ChangeRow & { path: string; description: string; is_secret: boolean }>(
    `SELECT path, description, sealed IS NOT NULL AS is_secret, ${CHANGE_COLUMNS} FROM variable
     WHERE workspace_id = $1 AND path > $2 AND starts_with(path, $3) AND ${withinBounds("path", 5)} AND ${lookedFor(7)} ORDER BY path LIMIT $4`,
    [workspace, page.after, page.prefix, page.limit, ...boundsValues(page.bounds), ...lookedForValues(page)],
  );
  return rows.map((row) => ({ path: row.path, description: row.description, isSecret: row.is_secret, ...changesOf(row) }));
}

/** Those of the paths that there are. */
export async function findVariables(pool: Pool, workspace: WorkspaceId, paths: readonly string[]): Promise<StoredVariable[]> {
  const { rows } = await pool.query<VariableRow>(`SELECT ${COLUMNS} FROM variable WHERE workspace_id = $1 AND path = ANY($2::text[])`, [workspace, paths]);
  return rows.map(storedVariable);
}

export interface NewVariable {
  readonly path: string;
  readonly description: string;
  readonly value: StoredValue;
  readonly by: string;
}

/** @returns what is stored; undefined when there is one already. Errors: foreign_key when the key that sealed it is gone. */
export async function insertVariable(client: Queryable, workspace: WorkspaceId, variable: NewVariable): Promise<StoredVariable | "full" | undefined> {
  const { rows } = await client.query<VariableRow & { is_full: boolean }>(
    `WITH room AS (SELECT count(*) >= $8 AS is_full FROM variable WHERE workspace_id = $1),
       made AS (
         INSERT INTO variable (workspace_id, path, description, value, sealed, key_version, created_by, updated_by)
         SELECT $1, $2, $3, $4, $5, $6, $7, $7 FROM room WHERE NOT is_full ON CONFLICT DO NOTHING RETURNING ${COLUMNS})
     SELECT room.is_full, made.* FROM room LEFT JOIN made ON true`,
    [workspace, variable.path, variable.description, ...valueColumns(variable.value), variable.by, THING_LIMITS.variables],
  );
  return madeOf(rows, storedVariable);
}

/** @returns what is stored; undefined when it has another revision by now, or is gone */
export async function updateVariable(client: Queryable, workspace: WorkspaceId, variable: NewVariable, revision: number): Promise<StoredVariable | undefined> {
  const { rows } = await client.query<VariableRow>(
    `UPDATE variable SET description = $3, value = $4, sealed = $5, key_version = $6, updated_by = $7, updated_at = now(), revision = revision + 1
     WHERE workspace_id = $1 AND path = $2 AND revision = $8 RETURNING ${COLUMNS}`,
    [workspace, variable.path, variable.description, ...valueColumns(variable.value), variable.by, revision],
  );
  return rows.map(storedVariable)[0];
}

/** @param revision undefined: whatever it is */
export async function deleteVariable(client: Queryable, workspace: WorkspaceId, path: string, revision: number | undefined): Promise<boolean> {
  const { rowCount } = await client.query("DELETE FROM variable WHERE workspace_id = $1 AND path = $2 AND ($3::bigint IS NULL OR revision = $3)", [
    workspace,
    path,
    revision ?? null,
  ]);
  return rowCount === 1;
}

/** Secrets that are sealed with a key older than the newest. */
export async function sealedWithOldKeys(pool: Pool, workspace: WorkspaceId, limit: number): Promise<{ path: string; sealed: Sealed }[]> {
  const { rows } = await pool.query<{ path: string; sealed: Buffer; key_version: number }>(
    `SELECT path, sealed, key_version FROM variable
     WHERE workspace_id = $1 AND key_version < (SELECT max(version) FROM workspace_key WHERE workspace_id = $1) ORDER BY key_version, path LIMIT $2`,
    [workspace, limit],
  );
  return rows.map((row) => ({ path: row.path, sealed: { bytes: row.sealed, keyVersion: row.key_version } }));
}

/** The same secret under another key: no change that anybody sees. One that was changed meanwhile stays as it is. */
export async function replaceSealed(pool: Pool, workspace: WorkspaceId, path: string, before: Sealed, after: Sealed): Promise<void> {
  await pool.query("UPDATE variable SET sealed = $4, key_version = $5 WHERE workspace_id = $1 AND path = $2 AND sealed = $3", [
    workspace,
    path,
    before.bytes,
    after.bytes,
    after.keyVersion,
  ]);
}

export function changesOf(row: ChangeRow): Changes {
  return {
    revision: Number(row.revision),
    createdAt: row.created_at,
    createdBy: row.created_by,
    updatedAt: row.updated_at,
    updatedBy: row.updated_by,
  };
}

function storedVariable(row: VariableRow): StoredVariable {
  const value: StoredValue =
    row.sealed === null || row.key_version === null
      ? { kind: "plain", value: row.value ?? "" }
      : { kind: "secret", sealed: { bytes: row.sealed, keyVersion: row.key_version } };
  return { path: row.path, description: row.description, value, ...changesOf(row) };
}

function valueColumns(value: StoredValue): [string | null, Buffer | null, number | null] {
  return value.kind === "plain" ? [value.value, null, null] : [null, value.sealed.bytes, value.sealed.keyVersion];
}
