import type { JobId, WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { JobOrigin } from "../http/authorize.ts";
import { FLOW_LANGUAGE } from "../scheduler/core/flow-agent.ts";
import { homeOf } from "../scripts/home-of.ts";
import { rootOfStep } from "./job-reach.ts";
import { kindOf } from "./model.ts";

interface OriginRow {
  created_by: string;
  kind: number;
  policy: string | null;
  /** Where the version was deployed. */
  deployed: string | null;
  /** Where its script or flow is now. */
  now: string | null;
}

/** Who started a job, and where its code is at home; undefined when there is none of that id, or none any more. */
export async function readOrigin(pool: Pool, workspace: WorkspaceId, job: JobId): Promise<JobOrigin | undefined> {
  const { rows } = await pool.query<OriginRow>(
    `SELECT j.created_by, j.kind, j.policy, coalesce(v.path, w.path) AS deployed, coalesce(s.path, f.path) AS now FROM job j
       LEFT JOIN script_version v ON v.workspace_id = j.workspace_id AND v.hash = j.script_hash AND j.script_id IS NOT NULL
       LEFT JOIN script s ON s.workspace_id = v.workspace_id AND s.id = v.script_id
       LEFT JOIN flow_version w ON w.workspace_id = j.workspace_id AND w.hash = j.script_hash AND j.language = $3
       LEFT JOIN flow f ON f.workspace_id = w.workspace_id AND f.id = w.flow_id
     WHERE j.workspace_id = $1 AND j.id = $2`,
    [workspace, job, FLOW_LANGUAGE],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  const home = homeOf(row.deployed ?? undefined, row.now ?? undefined);
  const paths = home === undefined ? [] : [home];
  return { createdBy: row.created_by, paths, flow: rootOfStep({ kind: kindOf(row.kind), policyText: row.policy ?? undefined }) };
}
