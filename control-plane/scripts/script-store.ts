import type { WorkspaceId } from "../../kernel/ids.ts";
import { boundsValues, type PathBounds, withinBounds } from "../db/path-bounds.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";
import type { LimitSettings } from "../jobs/limits-contract.ts";
import { policyOf, policyRequestOf } from "../jobs/policy-codec.ts";
import type { PolicyRequest } from "../jobs/policy-contract.ts";
import type { Requirements } from "../scheduler/core/requirements.ts";
import { type Archived, type ArchivedRow, archivedOf } from "./archived.ts";
import { type ExpectedVersion, expectedColumns } from "./expected-version.ts";
import { LOCK_COLUMNS, LOCK_STATES, type LockRow, type NewLock, type VersionLock, versionLock } from "./lock-store.ts";

/** One version of a script; immutable but for its lock, which is found out after the deploy. */
export interface ScriptVersion {
  readonly hash: string;
  /** Stays the same over all versions of a path. */
  readonly scriptId: string;
  readonly path: string;
  readonly language: string;
  readonly content: string;
  readonly codeHash: string;
  readonly summary: string;
  readonly tag: string;
  readonly timeoutMs: number | undefined;
  readonly limits: LimitSettings | undefined;
  readonly priority?: number | undefined;
  /** What its runs do after a failure and about time, unless they ask for something else. */
  readonly policy?: PolicyRequest | undefined;
  readonly requirements: Requirements | undefined;
  readonly lock: VersionLock;
  readonly schema: Record<string, unknown>;
  readonly createdAtMs: number;
  readonly createdBy: string;
}

export interface VersionRow extends LockRow {
  hash: string;
  script_id: string;
  path: string;
  language: string;
  content: string;
  code_hash: string;
  summary: string;
  tag: string;
  timeout_ms: number | null;
  limits: LimitSettings | null;
  priority: number | null;
  policy: string | null;
  requirements: Requirements | null;
  schema: Record<string, unknown>;
  created_at: Date;
  created_by: string;
}

export const VERSION_COLUMNS =
  "v.hash, v.script_id::text, v.path, v.language, v.content, v.code_hash, v.summary, v.tag, v.timeout_ms, v.priority, v.policy, v.limits, v.schema, v.created_at, v.created_by, v.requirements, " +
  LOCK_COLUMNS;
export const LOCK_JOIN = "LEFT JOIN script_lock l ON l.workspace_id = v.workspace_id AND l.hash = v.hash";

/**
 * Stores a version and makes it the current one of its path, which is in use from then on; deploying the same version again changes nothing but
 * that. A lock that is to be found out is taken over from an earlier version of the path with the same code, if one is ready. A version that a
 * script had before it moved away belongs to the script that has its path now.
 * @returns `before`: the version that was in use; undefined when the path is not as expected
 */
export async function insertVersion(
  client: Queryable,
  workspace: WorkspaceId,
  version: Omit<ScriptVersion, "scriptId" | "createdAtMs" | "lock">,
  lock: NewLock,
  expected: ExpectedVersion,
): Promise<{ created: boolean; before: string | undefined } | undefined> {
  const { rows } = await client.query<{ deployed: boolean; created: boolean; before: string | null }>(
    `WITH s AS (
       INSERT INTO script (workspace_id, path, hash)
       SELECT $1, $2, $3 WHERE $21::text IS NULL OR EXISTS (SELECT FROM script WHERE workspace_id = $1 AND path = $2)
       ON CONFLICT (workspace_id, path) DO UPDATE SET hash = excluded.hash, updated_at = now(), archived_at = NULL, archived_by = NULL
       WHERE (NOT $20::boolean OR script.archived_at IS NOT NULL) AND ($21::text IS NULL OR (script.hash = $21 AND script.archived_at IS NULL))
       RETURNING id),
     v AS (
       INSERT INTO script_version (workspace_id, hash, script_id, path, language, content, code_hash, summary, tag, timeout_ms, schema, created_by, priority, policy, limits, requirements)
       SELECT $1, $3, s.id, $2, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15::jsonb FROM s
       ON CONFLICT (workspace_id, hash) DO UPDATE SET script_id = excluded.script_id WHERE script_version.script_id <> excluded.script_id
       RETURNING hash, xmax = 0 AS is_new),
     known AS (
       SELECT l.lock FROM s JOIN script_version e ON e.workspace_id = $1 AND e.script_id = s.id AND e.code_hash = $6
         JOIN script_lock l ON l.workspace_id = $1 AND l.hash = e.hash AND l.state = 1
       WHERE $16::text = 'pending' ORDER BY e.created_at DESC LIMIT 1),
     l AS (
       INSERT INTO script_lock (workspace_id, hash, state, lock)
       SELECT $1, v.hash, CASE WHEN $16::text = 'given' OR known.lock IS NOT NULL THEN $18::smallint ELSE $19::smallint END, coalesce($17::text, known.lock)
       FROM v LEFT JOIN known ON true WHERE $16::text <> 'none' ON CONFLICT DO NOTHING)
     SELECT EXISTS (SELECT FROM s) AS deployed, EXISTS (SELECT FROM v WHERE is_new) AS created,
       (SELECT hash FROM script WHERE workspace_id = $1 AND path = $2 AND archived_at IS NULL) AS before`,
    [
      workspace,
      version.path,
      version.hash,
      version.language,
      version.content,
      version.codeHash,
      version.summary,
      version.tag,
      version.timeoutMs ?? null,
      JSON.stringify(version.schema),
      version.createdBy,
      version.priority ?? null,
      policyOf({}, version.policy)?.text ?? null,
      version.limits === undefined ? null : JSON.stringify(version.limits),
      version.requirements === undefined ? null : JSON.stringify(version.requirements),
      lock.kind,
      lock.kind === "given" ? lock.lock : null,
      LOCK_STATES.indexOf("ready"),
      LOCK_STATES.indexOf("pending"),
      ...expectedColumns(expected),
    ],
  );
  const [row] = rows;
  return row?.deployed === true ? { created: row.created, before: row.before ?? undefined } : undefined;
}

export async function findVersion(pool: Pool, workspace: WorkspaceId, hash: string): Promise<ScriptVersion | undefined> {
  const { rows } = await pool.query<VersionRow>(`SELECT ${VERSION_COLUMNS} FROM script_version v ${LOCK_JOIN} WHERE v.workspace_id = $1 AND v.hash = $2`, [
    workspace,
    hash,
  ]);
  return rows[0] === undefined ? undefined : scriptVersion(rows[0]);
}

/** Current versions in the order of their paths: of scripts in use, or of archived ones. @param after the last path of the page before */
export async function listScripts(
  pool: Pool,
  workspace: WorkspaceId,
  page: { prefix: string; after: string; limit: number; archived: boolean; bounds?: PathBounds | undefined },
): Promise<{ version: ScriptVersion; archived: Archived | undefined }[]> {
  const { rows } = await pool.query<VersionRow & ArchivedRow>(
    `SELECT ${VERSION_COLUMNS}, s.archived_at, s.archived_by FROM script s JOIN script_version v ON v.workspace_id = s.workspace_id AND v.hash = s.hash ${LOCK_JOIN}
     WHERE s.workspace_id = $1 AND s.path > $2 AND starts_with(s.path, $3) AND (s.archived_at IS NOT NULL) = $5 AND ${withinBounds("s.path", 6)}
     ORDER BY s.path LIMIT $4`,
    [workspace, page.after, page.prefix, page.limit, page.archived, ...boundsValues(page.bounds)],
  );
  return rows.map((row) => ({ version: scriptVersion(row), archived: archivedOf(row) }));
}

/** Schemas of the current versions of some paths (these without a hash), and of some versions. */
export async function findSchemas(
  pool: Pool,
  workspace: WorkspaceId,
  paths: readonly string[],
  hashes: readonly string[],
): Promise<{ path: string; hash: string | undefined; schema: ScriptVersion["schema"] }[]> {
  const { rows } = await pool.query<{ path: string; hash: string | null; schema: ScriptVersion["schema"] }>(
    `SELECT v.path, NULL AS hash, v.schema FROM script s JOIN script_version v ON v.workspace_id = s.workspace_id AND v.hash = s.hash
     WHERE s.workspace_id = $1 AND s.path = ANY ($2) AND s.archived_at IS NULL
     UNION ALL SELECT path, hash, schema FROM script_version WHERE workspace_id = $1 AND hash = ANY ($3)`,
    [workspace, paths, hashes],
  );
  return rows.map(({ hash, ...row }) => ({ ...row, hash: hash ?? undefined }));
}

export function scriptVersion(row: VersionRow): ScriptVersion {
  return {
    hash: row.hash,
    scriptId: row.script_id,
    path: row.path,
    language: row.language,
    content: row.content,
    codeHash: row.code_hash,
    summary: row.summary,
    tag: row.tag,
    timeoutMs: row.timeout_ms ?? undefined,
    limits: row.limits ?? undefined,
    priority: row.priority ?? undefined,
    policy: row.policy === null ? undefined : policyRequestOf(row.policy),
    requirements: row.requirements ?? undefined,
    lock: versionLock(row),
    schema: row.schema,
    createdAtMs: row.created_at.getTime(),
    createdBy: row.created_by,
  };
}
