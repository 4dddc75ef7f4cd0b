import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";
import { type Archived, type ArchivedRow, archivedOf, type Standing } from "./archived.ts";
import { type ExpectedVersion, expectedColumns } from "./expected-version.ts";
import { LOCK_JOIN, type ScriptVersion, scriptVersion, VERSION_COLUMNS, type VersionRow } from "./script-store.ts";

/** All versions of a script, the newest first. @param after hash of the last version of the page before; unknown ones give an empty page */
export async function listScriptVersions(
  pool: Pool,
  workspace: WorkspaceId,
  scriptId: string,
  page: { after: string | undefined; limit: number },
): Promise<ScriptVersion[]> {
  const { rows } = await pool.query<VersionRow>(
    `SELECT ${VERSION_COLUMNS} FROM script_version v ${LOCK_JOIN} WHERE v.workspace_id = $1 AND v.script_id = $2
       AND ($3::text IS NULL OR (v.created_at, v.hash) < (SELECT a.created_at, a.hash FROM script_version a WHERE a.workspace_id = $1 AND a.hash = $3))
     ORDER BY v.created_at DESC, v.hash DESC LIMIT $4`,
    [workspace, scriptId, page.after ?? null, page.limit],
  );
  return rows.map(scriptVersion);
}

/** Archives a script that is in use, or takes one back. @returns undefined when there is none like that, or not with the expected version */
export async function setArchived(
  client: Queryable,
  workspace: WorkspaceId,
  path: string,
  by: string | undefined,
  expected: ExpectedVersion,
): Promise<{ hash: string; scriptId: string; archived: Archived | undefined } | undefined> {
  const [, hash] = expectedColumns(expected);
  const { rows } = await client.query<{ hash: string; id: string } & ArchivedRow>(
    `UPDATE script SET archived_at = CASE WHEN $3::text IS NULL THEN NULL ELSE now() END, archived_by = $3, updated_at = now()
     WHERE workspace_id = $1 AND path = $2 AND (archived_at IS NULL) = ($3::text IS NOT NULL) AND ($4::text IS NULL OR hash = $4)
     RETURNING hash, id::text, archived_at, archived_by`,
    [workspace, path, by ?? null, hash],
  );
  const row = rows[0];
  return row === undefined ? undefined : { hash: row.hash, scriptId: row.id, archived: archivedOf(row) };
}

/** Where a script is now, by its number; undefined when there is none. */
export async function findStanding(pool: Pool, workspace: WorkspaceId, scriptId: string): Promise<Standing | undefined> {
  const { rows } = await pool.query<{ path: string; archived: boolean }>(
    "SELECT path, archived_at IS NOT NULL AS archived FROM script WHERE workspace_id = $1 AND id = $2",
    [workspace, scriptId],
  );
  return rows.map(({ path, archived }) => ({ path, isArchived: archived }))[0];
}

export interface Move {
  readonly from: string;
  readonly to: string;
  /** The version that is current. */
  readonly hash: string;
  /** The same under the new path. */
  readonly newHash: string;
  readonly by: string;
}

/**
 * Gives a script another path; its current version is there a second time, with that path. The other path must be free: see `ifFree`.
 * @returns false when it is not at the old one with this version any more
 */
export async function moveScript(client: Queryable, workspace: WorkspaceId, { from, to, hash, newHash, by }: Move): Promise<boolean> {
  const { rows } = await client.query<{ moved: boolean }>(
    `WITH s AS (
         UPDATE script SET path = $3, hash = $5, updated_at = now() WHERE workspace_id = $1 AND path = $2 AND hash = $4 AND archived_at IS NULL RETURNING id),
       v AS (
         INSERT INTO script_version (workspace_id, hash, script_id, path, language, content, code_hash, summary, tag, timeout_ms, schema, created_by, priority,
           policy, limits, requirements)
         SELECT $1, $5, s.id, $3, o.language, o.content, o.code_hash, o.summary, o.tag, o.timeout_ms, o.schema, $6, o.priority, o.policy, o.limits, o.requirements
         FROM s JOIN script_version o ON o.workspace_id = $1 AND o.hash = $4
         ON CONFLICT (workspace_id, hash) DO UPDATE SET script_id = excluded.script_id RETURNING hash),
       l AS (
         INSERT INTO script_lock (workspace_id, hash, state, lock, error)
         SELECT $1, v.hash, o.state, o.lock, o.error FROM v JOIN script_lock o ON o.workspace_id = $1 AND o.hash = $4 ON CONFLICT DO NOTHING)
       SELECT EXISTS (SELECT FROM v) AS moved`,
    [workspace, from, to, hash, newHash, by],
  );
  return rows[0]?.moved === true;
}

const UNIQUE_VIOLATION = "23505";

/** What a transaction with a move gives; `taken` when the other path was not free. */
export async function ifFree<Outcome>(move: Promise<Outcome>): Promise<Outcome | "taken"> {
  try {
    return await move;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === UNIQUE_VIOLATION) return "taken";
    throw error;
  }
}
