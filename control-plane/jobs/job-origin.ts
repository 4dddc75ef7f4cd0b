import type { JobId, WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { JobOrigin } from "../http/authorize.ts";
import { rootOfStep } from "./job-reach.ts";
import { readJob } from "./job-store.ts";

/** Who started a job, and where its code is from; undefined when there is none of that id, or none any more. */
export async function readOrigin(pool: Pool, workspace: WorkspaceId, job: JobId): Promise<JobOrigin | undefined> {
  const record = await readJob(pool, workspace, job);
  if (record === undefined) return undefined;
  const { createdBy, scriptPath, flowPath } = record;
  return { createdBy, paths: [scriptPath, flowPath].filter((path) => path !== undefined), flow: rootOfStep(record) };
}
