import { asJobId, asWorkspaceId } from "../../kernel/ids.ts";
import { decodeLimits } from "../jobs/limits-codec.ts";
import { readPolicy } from "../jobs/policy-codec.ts";
import type { WaitingJob } from "./core/model.ts";

/** A row of WAITING_COLUMNS. */
export interface WaitingRow {
  id: string;
  workspace_id: string;
  shard: number;
  tag: string;
  language: string;
  prio: number;
  due_ms: number;
  attempt: number;
  lost: number;
  script_id: string | null;
  timeout_ms: number | null;
  ckey: string;
  limits: string | null;
  failed: number | null;
  policy: string | null;
}

/** A job as it is stored while it waits. */
export function waitingJob(row: WaitingRow): WaitingJob {
  return {
    id: asJobId(row.id),
    workspace: asWorkspaceId(row.workspace_id),
    shard: row.shard,
    tag: row.tag,
    language: row.language,
    prio: row.prio,
    dueAtMs: row.due_ms,
    attempt: row.attempt,
    lost: row.lost,
    scriptId: row.script_id ?? undefined,
    timeoutMs: row.timeout_ms ?? undefined,
    limits: row.limits === null ? undefined : decodeLimits(row.ckey, row.limits),
    failed: row.failed ?? undefined,
    policy: row.policy === null ? undefined : readPolicy(row.policy),
  };
}
