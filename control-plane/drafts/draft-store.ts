import type { WorkspaceId } from "../../kernel/ids.ts";
import { madeOf } from "../db/made-row.ts";
import { boundsValues, type PathBounds, withinBounds } from "../db/path-bounds.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";
import { DRAFT_LIMITS, type DraftKind } from "./contract.ts";

/** Whose draft of what; there is one. */
export interface DraftKey {
  readonly kind: DraftKind;
  readonly path: string;
  readonly author: string;
}

export interface ListedDraft extends DraftKey {
  /** Grows with each change: its ETag. */
  readonly revision: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface StoredDraft extends ListedDraft {
  /** JSON text. */
  readonly value: string;
}

interface DraftRow {
  kind: DraftKind;
  path: string;
  author: string;
  revision: string;
  created_at: Date;
  updated_at: Date;
}

const LISTED = "kind, path, author, revision, created_at, updated_at";

export interface DraftFilter {
  readonly kind: DraftKind | undefined;
  readonly path: string | undefined;
  readonly author: string | undefined;
  readonly after: DraftKey | undefined;
  readonly limit: number;
  /** Undefined: the whole workspace. */
  readonly bounds: PathBounds | undefined;
}

/** Drafts without their values, by kind, path and author. */
export async function listDrafts(pool: Pool, workspace: WorkspaceId, { kind, path, author, after, limit, bounds }: DraftFilter): Promise<ListedDraft[]> {
  const { rows } = await pool.query<DraftRow>(
    `SELECT ${LISTED} FROM draft WHERE workspace_id = $1 AND ($2::text IS NULL OR kind = $2) AND ($3::text IS NULL OR path = $3)
       AND ($4::text IS NULL OR author = $4) AND ($5::text IS NULL OR (kind, path, author) > ($5, $6::text, $7::text))
       AND ${withinBounds("path", 9)}
     ORDER BY kind, path, author LIMIT $8`,
    [workspace, kind ?? null, path ?? null, author ?? null, after?.kind ?? null, after?.path ?? null, after?.author ?? null, limit, ...boundsValues(bounds)],
  );
  return rows.map(listedDraft);
}

export async function findDraft(pool: Pool, workspace: WorkspaceId, { kind, path, author }: DraftKey): Promise<StoredDraft | undefined> {
  const { rows } = await pool.query<DraftRow & { value: string }>(
    `SELECT ${LISTED}, value FROM draft WHERE workspace_id = $1 AND kind = $2 AND path = $3 AND author = $4`,
    [workspace, kind, path, author],
  );
  const row = rows[0];
  return row === undefined ? undefined : { ...listedDraft(row), value: row.value };
}

/** @returns what is stored; undefined when there is one already; "full" when its author has too many */
export async function insertDraft(pool: Queryable, workspace: WorkspaceId, key: DraftKey, value: string): Promise<ListedDraft | "full" | undefined> {
  const { rows } = await pool.query<DraftRow & { is_full: boolean }>(
    `WITH room AS (SELECT count(*) >= $6 AS is_full FROM draft WHERE workspace_id = $1 AND author = $4),
       made AS (
         INSERT INTO draft (workspace_id, kind, path, author, value)
         SELECT $1, $2, $3, $4, $5 FROM room WHERE NOT is_full ON CONFLICT DO NOTHING RETURNING ${LISTED})
     SELECT room.is_full, made.* FROM room LEFT JOIN made ON true`,
    [workspace, key.kind, key.path, key.author, value, DRAFT_LIMITS.perAuthor],
  );
  return madeOf(rows, listedDraft);
}

/** @returns what is stored; undefined when it has another revision by now, or is gone */
export async function updateDraft(pool: Queryable, workspace: WorkspaceId, key: DraftKey, value: string, revision: number): Promise<ListedDraft | undefined> {
  const { rows } = await pool.query<DraftRow>(
    `UPDATE draft SET value = $5, updated_at = now(), revision = revision + 1
     WHERE workspace_id = $1 AND kind = $2 AND path = $3 AND author = $4 AND revision = $6 RETURNING ${LISTED}`,
    [workspace, key.kind, key.path, key.author, value, revision],
  );
  return rows.map(listedDraft)[0];
}

/** @param revision undefined: whatever it is */
export async function deleteDraft(pool: Queryable, workspace: WorkspaceId, key: DraftKey, revision: number | undefined): Promise<boolean> {
  const { rowCount } = await pool.query(
    "DELETE FROM draft WHERE workspace_id = $1 AND kind = $2 AND path = $3 AND author = $4 AND ($5::bigint IS NULL OR revision = $5)",
    [workspace, key.kind, key.path, key.author, revision ?? null],
  );
  return rowCount === 1;
}

function listedDraft(row: DraftRow): ListedDraft {
  const { kind, path, author } = row;
  return { kind, path, author, revision: Number(row.revision), createdAt: row.created_at, updatedAt: row.updated_at };
}
