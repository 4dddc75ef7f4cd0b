import type { WorkspaceId } from "../../kernel/ids.ts";
import { boundsValues, type PathBounds, withinBounds } from "../db/path-bounds.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";
import { type Archived, type ArchivedRow, archivedOf } from "../scripts/archived.ts";
import { type ExpectedVersion, expectedColumns } from "../scripts/expected-version.ts";
import type { Move } from "../scripts/path-changes.ts";

/** What is known of a version without its document. */
export interface FlowOutline {
  readonly hash: string;
  /** Stays the same over all versions of a path. */
  readonly flowId: string;
  readonly path: string;
  readonly summary: string;
  readonly createdAtMs: number;
  readonly createdBy: string;
}

/** One version of a flow; immutable. */
export interface FlowVersion extends FlowOutline {
  /** JSON text, as it was deployed. */
  readonly document: string;
  /** The text that it was deployed as, when that was YAML. */
  readonly yaml: string | undefined;
}

interface OutlineRow {
  hash: string;
  flow_id: string;
  path: string;
  summary: string;
  created_at: Date;
  created_by: string;
}

interface VersionRow extends OutlineRow {
  document: string;
  yaml: string | null;
}

const OUTLINE = "v.hash, v.flow_id::text, v.path, v.summary, v.created_at, v.created_by";

/**
 * Stores a version and makes it the current one of its path, which is in use from then on; deploying the same version again changes nothing but
 * that. A version that a flow had before it moved away belongs to the flow that has its path now.
 * @returns `before`: the version that was in use; undefined when the path is not as expected
 */
export async function insertFlowVersion(
  client: Queryable,
  workspace: WorkspaceId,
  version: Omit<FlowVersion, "flowId" | "createdAtMs">,
  expected: ExpectedVersion = { kind: "any" },
): Promise<{ created: boolean; before: string | undefined } | undefined> {
  const { rows } = await client.query<{ deployed: boolean; created: boolean; before: string | null }>(
    `WITH f AS (
       INSERT INTO flow (workspace_id, path, hash)
       SELECT $1, $2, $3 WHERE $9::text IS NULL OR EXISTS (SELECT FROM flow WHERE workspace_id = $1 AND path = $2)
       ON CONFLICT (workspace_id, path) DO UPDATE SET hash = excluded.hash, updated_at = now(), archived_at = NULL, archived_by = NULL
       WHERE (NOT $8::boolean OR flow.archived_at IS NOT NULL) AND ($9::text IS NULL OR (flow.hash = $9 AND flow.archived_at IS NULL))
       RETURNING id),
     v AS (
       INSERT INTO flow_version (workspace_id, hash, flow_id, path, summary, document, yaml, created_by)
       SELECT $1, $3, f.id, $2, $4, $5, $6, $7 FROM f
       ON CONFLICT (workspace_id, hash) DO UPDATE SET flow_id = excluded.flow_id WHERE flow_version.flow_id <> excluded.flow_id
       RETURNING xmax = 0 AS is_new)
     SELECT EXISTS (SELECT FROM f) AS deployed, EXISTS (SELECT FROM v WHERE is_new) AS created,
       (SELECT hash FROM flow WHERE workspace_id = $1 AND path = $2 AND archived_at IS NULL) AS before`,
    [workspace, version.path, version.hash, version.summary, version.document, version.yaml ?? null, version.createdBy, ...expectedColumns(expected)],
  );
  const [row] = rows;
  return row?.deployed === true ? { created: row.created, before: row.before ?? undefined } : undefined;
}

export async function findFlowVersion(pool: Pool, workspace: WorkspaceId, hash: string): Promise<FlowVersion | undefined> {
  const { rows } = await pool.query<VersionRow>(`SELECT ${OUTLINE}, v.document, v.yaml FROM flow_version v WHERE v.workspace_id = $1 AND v.hash = $2`, [
    workspace,
    hash,
  ]);
  const row = rows[0];
  return row === undefined ? undefined : { ...outline(row), document: row.document, yaml: row.yaml ?? undefined };
}

/** Current versions in the order of their paths: of flows in use, or of archived ones. @param after the last path of the page before */
export async function listFlows(
  pool: Pool,
  workspace: WorkspaceId,
  page: { prefix: string; after: string; limit: number; archived: boolean; bounds?: PathBounds | undefined },
): Promise<{ flow: FlowOutline; archived: Archived | undefined }[]> {
  const { rows } = await pool.query<OutlineRow & ArchivedRow>(
    `SELECT ${OUTLINE}, f.archived_at, f.archived_by FROM flow f JOIN flow_version v ON v.workspace_id = f.workspace_id AND v.hash = f.hash
     WHERE f.workspace_id = $1 AND f.path > $2 AND starts_with(f.path, $3) AND (f.archived_at IS NOT NULL) = $5 AND ${withinBounds("f.path", 6)}
     ORDER BY f.path LIMIT $4`,
    [workspace, page.after, page.prefix, page.limit, page.archived, ...boundsValues(page.bounds)],
  );
  return rows.map((row) => ({ flow: outline(row), archived: archivedOf(row) }));
}

/** All versions of a flow, the newest first. @param after hash of the last version of the page before; unknown ones give an empty page */
export async function listFlowVersions(
  pool: Pool,
  workspace: WorkspaceId,
  flowId: string,
  page: { after: string | undefined; limit: number },
): Promise<FlowOutline[]> {
  const { rows } = await pool.query<OutlineRow>(
    `SELECT ${OUTLINE} FROM flow_version v WHERE v.workspace_id = $1 AND v.flow_id = $2
       AND ($3::text IS NULL OR (v.created_at, v.hash) < (SELECT a.created_at, a.hash FROM flow_version a WHERE a.workspace_id = $1 AND a.hash = $3))
     ORDER BY v.created_at DESC, v.hash DESC LIMIT $4`,
    [workspace, flowId, page.after ?? null, page.limit],
  );
  return rows.map(outline);
}

/** Those of some paths that have a flow in use. */
export async function existingFlows(pool: Pool, workspace: WorkspaceId, paths: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await pool.query<{ path: string }>("SELECT path FROM flow WHERE workspace_id = $1 AND path = ANY ($2) AND archived_at IS NULL", [
    workspace,
    paths,
  ]);
  return new Set(rows.map((row) => row.path));
}

/**
 * Gives a flow another path; its current version is there a second time, with that path. The other path must be free: see `ifFree`.
 * @returns false when it is not at the old one with this version any more
 */
export async function moveFlow(client: Queryable, workspace: WorkspaceId, { from, to, hash, newHash, by }: Move): Promise<boolean> {
  const { rows } = await client.query<{ moved: boolean }>(
    `WITH f AS (
         UPDATE flow SET path = $3, hash = $5, updated_at = now() WHERE workspace_id = $1 AND path = $2 AND hash = $4 AND archived_at IS NULL RETURNING id),
       v AS (
         INSERT INTO flow_version (workspace_id, hash, flow_id, path, summary, document, yaml, created_by)
         SELECT $1, $5, f.id, $3, o.summary, o.document, o.yaml, $6 FROM f JOIN flow_version o ON o.workspace_id = $1 AND o.hash = $4
         ON CONFLICT (workspace_id, hash) DO UPDATE SET flow_id = excluded.flow_id RETURNING hash)
       SELECT EXISTS (SELECT FROM v) AS moved`,
    [workspace, from, to, hash, newHash, by],
  );
  return rows[0]?.moved === true;
}

function outline(row: OutlineRow): FlowOutline {
  return {
    hash: row.hash,
    flowId: row.flow_id,
    path: row.path,
    summary: row.summary,
    createdAtMs: row.created_at.getTime(),
    createdBy: row.created_by,
  };
}
