import type { JobId, WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { JobOrigin } from "../http/authorize.ts";
import { FLOW_LANGUAGE } from "../scheduler/core/flow-agent.ts";
import { rootOfStep } from "./job-reach.ts";
import { kindOf } from "./model.ts";

/**
 * Who started a job, and where its code is from; undefined when there is none of that id, or none any more. A version is from where it was deployed:
 * one of before a move was put there by others than those who decide about the new place.
 */
export async function readOrigin(pool: Pool, workspace: WorkspaceId, job: JobId): Promise<JobOrigin | undefined> {
  const { rows } = await pool.query<{ created_by: string; kind: number; policy: string | null; script: string | null; flow: string | null }>(
    `SELECT j.created_by, j.kind, j.policy, s.path AS script, f.path AS flow FROM job j
       LEFT JOIN script_version s ON s.workspace_id = j.workspace_id AND s.hash = j.script_hash AND j.script_id IS NOT NULL
       LEFT JOIN flow_version f ON f.workspace_id = j.workspace_id AND f.hash = j.script_hash AND j.language = $3
     WHERE j.workspace_id = $1 AND j.id = $2`,
    [workspace, job, FLOW_LANGUAGE],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  const paths = [row.script, row.flow].filter((path) => path !== null);
  return { createdBy: row.created_by, paths, flow: rootOfStep({ kind: kindOf(row.kind), policyText: row.policy ?? undefined }) };
}
