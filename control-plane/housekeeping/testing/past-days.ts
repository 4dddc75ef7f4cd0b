import type { JobId, WorkspaceId } from "../../../kernel/ids.ts";
import { asJobId } from "../../../kernel/ids.ts";
import type { Pool } from "../../db/pools.ts";
import { shardOf } from "../../jobs/model.ts";

/** The `n`-th id of a moment. */
export function idAt(ms: number, n: number): JobId {
  const time = ms.toString(16).padStart(12, "0");
  return asJobId(`${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${n.toString(16).padStart(12, "0")}`);
}

export interface PastJob {
  readonly workspace: WorkspaceId;
  readonly id: JobId;
  /** When it ended; undefined: it still waits (`token` undefined) or runs. */
  readonly doneAtMs?: number;
  readonly token?: string;
  readonly chunks?: number;
}

/** Puts a job of the past where it would be by now, with its payload and its output. */
export async function insertPastJob(pool: Pool, job: PastJob): Promise<void> {
  const { workspace, id } = job;
  await pool.query(
    `INSERT INTO job (workspace_id, id, kind, script_id, language, tag, prio, created_by, args) VALUES ($1, $2, 0, 7, 'bash', 'default', 4, 'test', $3)`,
    [workspace, id, JSON.stringify({ of: id })],
  );
  for (let seq = 0; seq < (job.chunks ?? 0); seq++) {
    const text = `${id} ${seq}\n`;
    await pool.query(
      `INSERT INTO job_log (workspace_id, job_id, attempt, seq, at, offset_bytes, size_bytes, lines, encoding, segments, data)
       VALUES ($1, $2, 1, $3, now(), $3::int * 100, $4, 1, 1, ARRAY[$4::int * 4], $5)`,
      [workspace, id, seq, text.length, Buffer.from(text)],
    );
  }
  if (job.doneAtMs !== undefined) {
    await pool.query(
      `INSERT INTO job_done (workspace_id, id, script_id, tag, outcome, exit_reason, exit_code, attempt, token, done_at, result, log_chunks)
       VALUES ($1, $2, 7, 'default', 0, 0, 0, 1, 9007199254740993, to_timestamp($3::float8 / 1000), '{"n":1}', $4)`,
      [workspace, id, job.doneAtMs, job.chunks ?? 0],
    );
  } else if (job.token !== undefined) {
    await pool.query(
      `INSERT INTO job_running (id, workspace_id, shard, tag, language, prio, ckey, attempt, lost, token, agent_key, script_id, claimed_at)
       VALUES ($1, $2, $3, 'default', 'bash', 4, 0, 1, 0, $4, 1, 7, now())`,
      [id, workspace, shardOf(workspace), job.token],
    );
  } else {
    await pool.query(
      `INSERT INTO job_pending (id, workspace_id, shard, tag, language, prio, due_at, script_id) VALUES ($1, $2, $3, 'default', 'bash', 4, now() + interval '1 year', 7)`,
      [id, workspace, shardOf(workspace)],
    );
  }
}
