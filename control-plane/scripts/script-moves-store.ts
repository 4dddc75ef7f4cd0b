import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";
import type { Move } from "./path-changes.ts";
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
