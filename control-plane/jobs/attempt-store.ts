import { EXIT_REASONS, type ExitReason } from "../../kernel/exit.ts";
import type { JobId, WorkspaceId } from "../../kernel/ids.ts";
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
