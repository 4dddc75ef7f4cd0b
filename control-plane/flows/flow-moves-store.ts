import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";
import { type ArchivedRow, archivedOf, type Standing } from "../scripts/archived.ts";
import { type ExpectedVersion, expectedColumns } from "../scripts/expected-version.ts";
import type { Move } from "../scripts/script-moves-store.ts";
import type { CurrentFlow } from "./flow-store.ts";

/** Archives a flow that is in use, or takes one back. @returns undefined when there is none like that, or not with the expected version */
export async function setFlowArchived(
  client: Queryable,
  workspace: WorkspaceId,
  path: string,
  by: string | undefined,
  expected: ExpectedVersion,
): Promise<CurrentFlow | undefined> {
  const [, hash] = expectedColumns(expected);
  const { rows } = await client.query<{ hash: string; id: string } & ArchivedRow>(
    `UPDATE flow SET archived_at = CASE WHEN $3::text IS NULL THEN NULL ELSE now() END, archived_by = $3, updated_at = now()
     WHERE workspace_id = $1 AND path = $2 AND (archived_at IS NULL) = ($3::text IS NOT NULL) AND ($4::text IS NULL OR hash = $4)
     RETURNING hash, id::text, archived_at, archived_by`,
    [workspace, path, by ?? null, hash],
  );
  const row = rows[0];
  return row === undefined ? undefined : { hash: row.hash, flowId: row.id, archived: archivedOf(row) };
}

/** Where a flow is now, by its number; undefined when there is none. */
export async function findFlowStanding(pool: Pool, workspace: WorkspaceId, flowId: string): Promise<Standing | undefined> {
  const { rows } = await pool.query<{ path: string; archived: boolean }>(
    "SELECT path, archived_at IS NOT NULL AS archived FROM flow WHERE workspace_id = $1 AND id = $2",
    [workspace, flowId],
  );
  return rows.map(({ path, archived }) => ({ path, isArchived: archived }))[0];
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
