import { EXIT_REASONS, type ExitReason } from "../../kernel/exit.ts";
import { asWorkspaceId, type JobId, type WorkspaceId } from "../../kernel/ids.ts";
import type { JobTokenClaims } from "../../kernel/job-token.ts";
import type { Pool } from "../db/pools.ts";

/** An attempt that ended without ending its job. */
export interface AttemptRecord {
  readonly attempt: number;
  readonly reason: ExitReason;
  readonly code: number;
  readonly signal: string | undefined;
  readonly message: string | undefined;
  readonly agentName: string | undefined;
  readonly startedAtMs: number | undefined;
  readonly doneAtMs: number;
  readonly runUs: number | undefined;
}

interface AttemptRow {
  attempt: number;
  exit_reason: number;
  exit_code: number;
  exit_signal: string | null;
  exit_message: string | null;
  agent_name: string | null;
  started_ms: number | null;
  done_ms: number;
  run_us: string | null;
}

/** The workspace of an attempt that runs now, on this agent. */
export async function workspaceOfRunning(pool: Pool, { issuer, job, attempt }: JobTokenClaims): Promise<{ id: WorkspaceId; name: string } | undefined> {
  const { rows } = await pool.query<{ id: string; name: string }>(
    "SELECT w.id::text, w.name FROM job_running r JOIN workspace w ON w.id = r.workspace_id WHERE r.id = $1 AND r.token = $2 AND r.agent_key = $3",
    [job, attempt, issuer],
  );
  const [row] = rows;
  return row === undefined ? undefined : { id: asWorkspaceId(row.id), name: row.name };
}

/** Attempts of a job before its current or last one, in their order; those that never ran are not kept. */
export async function readAttempts(pool: Pool, workspace: WorkspaceId, id: JobId): Promise<AttemptRecord[]> {
  const { rows } = await pool.query<AttemptRow>(
    `SELECT t.attempt, t.exit_reason, t.exit_code, t.exit_signal, t.exit_message, a.name AS agent_name, t.run_us::text,
       (extract(epoch FROM t.started_at) * 1000)::float8 AS started_ms, (extract(epoch FROM t.done_at) * 1000)::float8 AS done_ms
     FROM job_attempt t LEFT JOIN agent a ON a.id = t.agent_key WHERE t.workspace_id = $1 AND t.id = $2 ORDER BY t.attempt`,
    [workspace, id],
  );
  return rows.map((row) => ({
    attempt: row.attempt,
    reason: EXIT_REASONS[row.exit_reason] ?? "exit_code",
    code: row.exit_code,
    signal: row.exit_signal ?? undefined,
    message: row.exit_message ?? undefined,
    agentName: row.agent_name ?? undefined,
    startedAtMs: row.started_ms ?? undefined,
    doneAtMs: row.done_ms,
    runUs: row.run_us === null ? undefined : Number(row.run_us),
  }));
}
