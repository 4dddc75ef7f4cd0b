import type { JobId, Token, WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { isUniqueViolation } from "../db/violations.ts";
import { shardOf } from "../jobs/model.ts";
import { CHECKPOINT_KINDS, type CheckpointKind, WORKFLOW_LIMITS } from "./contract.ts";

/** What is to be remembered. */
export interface NewCheckpoint {
  readonly kind: CheckpointKind;
  readonly name: string;
  /** JSON text. */
  readonly value: string;
}

export interface Checkpoint extends NewCheckpoint {
  readonly seq: number;
  readonly attempt: number;
  readonly atMs: number;
}

/**
 * written: they are there, from now on or from before · stale: the attempt does not run any more, nothing was written · full: there would be too
 * much of them · busy: others of the job were always faster · taken: something else has this name
 */
export type Written = { readonly kind: "written" | "stale" | "full" | "busy" } | { readonly kind: "taken"; readonly name: string };

/** Only requests of one job that cross each other meet. Its client sends one at a time. */
const TRIES = 5;
const PAGE_ROWS = 1000;
const PAGE_BYTES = 4 * 1024 * 1024;

/**
 * Numbers and sizes go on from the newest row: nothing is counted. What is there already is left out, and when it is something else nothing is written. A sleep
 * counts from the first time that it was asked for.
 */
const INSERT = `WITH asked AS (SELECT * FROM unnest($5::smallint[], $6::text[], $7::text[]) WITH ORDINALITY AS g(kind, name, value, place)),
  there AS (SELECT kind, name, value FROM job_checkpoint WHERE workspace_id = $1 AND id = $2 AND name = ANY($6::text[])),
  given AS (
    SELECT kind, name, value, row_number() OVER (ORDER BY place) AS n, sum(octet_length(value)) OVER (ORDER BY place) AS bytes
    FROM asked WHERE NOT EXISTS (SELECT 1 FROM there WHERE there.name = asked.name)),
  newest AS (SELECT seq, total_bytes FROM job_checkpoint WHERE workspace_id = $1 AND id = $2 ORDER BY seq DESC LIMIT 1),
  size AS (SELECT coalesce((SELECT seq FROM newest), 0) AS seq, coalesce((SELECT total_bytes FROM newest), 0) AS bytes)
  INSERT INTO job_checkpoint (workspace_id, id, seq, attempt, kind, name, value, total_bytes)
  SELECT r.workspace_id, r.id, s.seq + g.n, r.attempt, g.kind, g.name, g.value, s.bytes + g.bytes
  FROM job_running r CROSS JOIN size s CROSS JOIN given g
  WHERE r.workspace_id = $1 AND r.id = $2 AND r.shard = $3 AND r.token = $4
    AND NOT EXISTS (SELECT 1 FROM there t JOIN asked a USING (name) WHERE t.kind <> a.kind OR (a.kind <> ${CHECKPOINT_KINDS.indexOf("sleep")} AND t.value <> a.value))
    AND s.seq + (SELECT max(n) FROM given) <= ${WORKFLOW_LIMITS.checkpoints} AND s.bytes + (SELECT max(bytes) FROM given) <= ${WORKFLOW_LIMITS.totalBytes}`;

/**
 * Writes down what an attempt has done: all of it or nothing, and only while the attempt runs, which the statement itself checks. Names are different from each
 * other. What is there already with the same value is fine: an answer may have been lost.
 */
export async function writeCheckpoints(pool: Pool, workspace: WorkspaceId, id: JobId, attempt: Token, wanted: readonly NewCheckpoint[]): Promise<Written> {
  const values = [wanted.map(({ kind }) => CHECKPOINT_KINDS.indexOf(kind)), wanted.map(({ name }) => name), wanted.map(({ value }) => value)];
  for (let tried = 1; ; tried++) {
    try {
      const { rowCount } = await pool.query(INSERT, [workspace, id, shardOf(workspace), attempt, ...values]);
      return rowCount === wanted.length ? { kind: "written" } : await whyNot(pool, workspace, id, attempt, wanted);
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      if (tried >= TRIES) return { kind: "busy" };
    }
  }
}

async function whyNot(pool: Pool, workspace: WorkspaceId, id: JobId, attempt: Token, wanted: readonly NewCheckpoint[]): Promise<Written> {
  const { rowCount } = await pool.query("SELECT 1 FROM job_running WHERE workspace_id = $1 AND id = $2 AND shard = $3 AND token = $4", [
    workspace,
    id,
    shardOf(workspace),
    attempt,
  ]);
  if (rowCount === 0) return { kind: "stale" };
  const names = wanted.map(({ name }) => name);
  const there = new Map((await findCheckpoints(pool, workspace, id, names)).map((one) => [one.name, one]));
  const other = wanted.find(({ kind, name, value }) => {
    const before = there.get(name);
    return before !== undefined && (before.kind !== kind || (kind !== "sleep" && before.value !== value));
  });
  if (other !== undefined) return { kind: "taken", name: other.name };
  return names.every((name) => there.has(name)) ? { kind: "written" } : { kind: "full" };
}

/** Those with certain names. */
export async function findCheckpoints(pool: Pool, workspace: WorkspaceId, id: JobId, names: readonly string[]): Promise<Checkpoint[]> {
  const { rows } = await pool.query<CheckpointRow>(`SELECT ${COLUMNS} FROM job_checkpoint WHERE workspace_id = $1 AND id = $2 AND name = ANY($3)`, [
    workspace,
    id,
    names,
  ]);
  return rows.map(checkpointOf);
}

/** A page in their order: at most 1,000, and some megabytes of values. `more` when others may follow. */
export async function listCheckpoints(
  pool: Pool,
  workspace: WorkspaceId,
  id: JobId,
  after: number,
): Promise<{ readonly checkpoints: Checkpoint[]; readonly more: boolean }> {
  const { rows } = await pool.query<CheckpointRow>(
    `SELECT ${COLUMNS} FROM job_checkpoint WHERE workspace_id = $1 AND id = $2 AND seq > $3
       AND total_bytes <= $4 + coalesce((SELECT total_bytes FROM job_checkpoint WHERE workspace_id = $1 AND id = $2 AND seq = $3), 0)
     ORDER BY seq LIMIT ${PAGE_ROWS + 1}`,
    [workspace, id, after, PAGE_BYTES],
  );
  const checkpoints = rows.slice(0, PAGE_ROWS).map(checkpointOf);
  const last = checkpoints.at(-1);
  if (last === undefined || rows.length > PAGE_ROWS) return { checkpoints, more: last !== undefined };
  const { rowCount } = await pool.query("SELECT 1 FROM job_checkpoint WHERE workspace_id = $1 AND id = $2 AND seq = $3", [workspace, id, last.seq + 1]);
  return { checkpoints, more: rowCount === 1 };
}

const COLUMNS = "seq, attempt, kind, name, value, (extract(epoch FROM at) * 1000)::float8 AS at_ms";

interface CheckpointRow {
  seq: number;
  attempt: number;
  kind: number;
  name: string;
  value: string;
  at_ms: number;
}

function checkpointOf({ at_ms: atMs, kind, ...row }: CheckpointRow): Checkpoint {
  return { ...row, kind: CHECKPOINT_KINDS[kind] ?? "step", atMs };
}
