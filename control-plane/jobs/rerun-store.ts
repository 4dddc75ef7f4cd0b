import type { JobId, WorkspaceId } from "../../kernel/ids.ts";
import type { Queryable } from "../db/transaction.ts";
import { JOB_KINDS, type JobKind, kindOf } from "./model.ts";

/** What a job was asked to do. */
export interface StoredJob {
  readonly kind: JobKind;
  readonly scriptHash: string | undefined;
  readonly language: string;
  /** Inline code, or the document of a flow that is not deployed. */
  readonly code: string | undefined;
  /** JSON text. */
  readonly args: string;
  readonly tag: string;
  readonly prio: number;
  readonly timeoutMs: number | undefined;
  readonly policyText: string | undefined;
}

export async function readStoredJob(client: Queryable, workspace: WorkspaceId, id: JobId): Promise<StoredJob | undefined> {
  const { rows } = await client.query<{
    kind: number;
    script_hash: string | null;
    language: string;
    code: string | null;
    args: string;
    tag: string;
    prio: number;
    timeout_ms: number | null;
    policy: string | null;
  }>("SELECT kind, script_hash, language, code, args, tag, prio, timeout_ms, policy FROM job WHERE workspace_id = $1 AND id = $2", [workspace, id]);
  return rows.map((row) => ({
    kind: kindOf(row.kind),
    scriptHash: row.script_hash ?? undefined,
    language: row.language,
    code: row.code ?? undefined,
    args: row.args,
    tag: row.tag,
    prio: row.prio,
    timeoutMs: row.timeout_ms ?? undefined,
    policyText: row.policy ?? undefined,
  }))[0];
}

const OF_THEIR_OWN = (["script", "inline", "flow"] satisfies JobKind[]).map((kind) => JOB_KINDS.indexOf(kind));

/** Those of the jobs that somebody asked for: no steps of flows, and nothing that finds out what a script depends on. */
export async function ownRuns(client: Queryable, workspace: WorkspaceId, ids: readonly JobId[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const { rows } = await client.query<{ id: string }>(
    "SELECT id::text FROM job WHERE workspace_id = $1 AND id = ANY($2::uuid[]) AND kind = ANY($3::smallint[])",
    [workspace, ids, OF_THEIR_OWN],
  );
  return new Set(rows.map((row) => row.id));
}
