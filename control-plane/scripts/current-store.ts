import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Queryable } from "../db/transaction.ts";
import { isUniqueViolation } from "../db/violations.ts";
import { type Archived, type ArchivedRow, archivedOf, type Standing } from "./archived.ts";
import { type ExpectedVersion, expectedColumns } from "./expected-version.ts";

/** Tables with a row for each path; those of scripts and flows are alike. */
export type Versioned = "script" | "flow";

/** What a path has, archived or not. */
export interface Current {
  /** Of the version that is current. */
  readonly hash: string;
  /** Stays the same over all versions. */
  readonly id: string;
  readonly archived: Archived | undefined;
}

interface CurrentRow extends ArchivedRow {
  hash: string;
  id: string;
}

const COLUMNS = "hash, id::text, archived_at, archived_by";

export async function findCurrent(on: Queryable, kind: Versioned, workspace: WorkspaceId, path: string): Promise<Current | undefined> {
  const { rows } = await on.query<CurrentRow>(`SELECT ${COLUMNS} FROM ${kind} WHERE workspace_id = $1 AND path = $2`, [workspace, path]);
  return rows.map(currentOf)[0];
}

/** Archives what is in use, or takes it back. @returns undefined when there is none like that, or not with the expected version */
export async function setArchived(
  on: Queryable,
  kind: Versioned,
  workspace: WorkspaceId,
  path: string,
  by: string | undefined,
  expected: ExpectedVersion,
): Promise<Current | undefined> {
  const [, hash] = expectedColumns(expected);
  const { rows } = await on.query<CurrentRow>(
    `UPDATE ${kind} SET archived_at = CASE WHEN $3::text IS NULL THEN NULL ELSE now() END, archived_by = $3, updated_at = now()
     WHERE workspace_id = $1 AND path = $2 AND (archived_at IS NULL) = ($3::text IS NOT NULL) AND ($4::text IS NULL OR hash = $4)
     RETURNING ${COLUMNS}`,
    [workspace, path, by ?? null, hash],
  );
  return rows.map(currentOf)[0];
}

/** Where a script or flow is now, by its number; undefined when there is none. */
export async function findStanding(on: Queryable, kind: Versioned, workspace: WorkspaceId, id: string): Promise<Standing | undefined> {
  const { rows } = await on.query<{ path: string; archived: boolean }>(
    `SELECT path, archived_at IS NOT NULL AS archived FROM ${kind} WHERE workspace_id = $1 AND id = $2`,
    [workspace, id],
  );
  return rows.map(({ path, archived }) => ({ path, isArchived: archived }))[0];
}

/** Paths that resemble one that does not exist, for the error message. */
export async function similarPaths(on: Queryable, kind: Versioned, workspace: WorkspaceId, path: string): Promise<string[]> {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const { rows } = await on.query<{ path: string }>(
    `SELECT path FROM ${kind} WHERE workspace_id = $1 AND archived_at IS NULL AND (path LIKE '%' || $2 || '%' OR $3 LIKE '%' || path || '%')
     ORDER BY path LIMIT 3`,
    [workspace, name.slice(0, 5).replaceAll(/[%_\\]/g, ""), path],
  );
  return rows.map((row) => row.path);
}

/** What a transaction with a move gives; `taken` when the other path was not free. */
export async function ifFree<Outcome>(move: Promise<Outcome>): Promise<Outcome | "taken"> {
  try {
    return await move;
  } catch (error) {
    if (isUniqueViolation(error)) return "taken";
    throw error;
  }
}

function currentOf(row: CurrentRow): Current {
  return { hash: row.hash, id: row.id, archived: archivedOf(row) };
}
