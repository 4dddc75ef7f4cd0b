import type { WorkspaceId } from "../../kernel/ids.ts";
import { afterNewestSql, newestCursorSql } from "../db/newest-first.ts";
import type { Queryable } from "../db/transaction.ts";

export type BulkKind = "cancel" | "rerun";
type BulkState = "running" | "done" | "stopped" | "failed";

export interface BulkTask {
  readonly id: string;
  readonly kind: BulkKind;
  /** JSON text. */
  readonly order: string;
  readonly position: string;
  readonly state: BulkState;
  readonly done: number;
  readonly skipped: number;
  readonly error: string | undefined;
  /** It says that it runs, and nobody has worked on it for a while. */
  readonly isLeft: boolean;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly finishedAt: Date | undefined;
  /** Where the next page goes on. */
  readonly cursor: string;
}

interface Row {
  id: string;
  kind: BulkKind;
  filter: string;
  position: string;
  state: BulkState;
  done: string;
  skipped: string;
  error: string | null;
  is_left: boolean;
  created_by: string;
  created_at: Date;
  finished_at: Date | null;
  cursor: string;
}

const COLUMNS = `id::text, kind, filter, position, state, done::text, skipped::text, error, state = 'running' AND worked_until < clock_timestamp() AS is_left,
  created_by, created_at, finished_at, ${newestCursorSql("created_at", "id::text")} AS cursor`;
/** Whoever works on a task says so at least this often. */
const WORKED_FOR = "interval '30 seconds'";

export async function insertBulkTask(
  client: Queryable,
  workspace: WorkspaceId,
  task: Pick<BulkTask, "id" | "kind" | "order" | "position" | "createdBy">,
): Promise<BulkTask> {
  const { rows } = await client.query<Row>(
    `INSERT INTO bulk_task (workspace_id, id, kind, filter, position, created_by, worked_until)
     VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() + ${WORKED_FOR}) RETURNING ${COLUMNS}`,
    [workspace, task.id, task.kind, task.order, task.position, task.createdBy],
  );
  const [made] = rows.map(fromRow);
  if (made === undefined) throw new Error("the task was not stored");
  return made;
}

export async function findBulkTask(client: Queryable, workspace: WorkspaceId, id: string): Promise<BulkTask | undefined> {
  const { rows } = await client.query<Row>(`SELECT ${COLUMNS} FROM bulk_task WHERE workspace_id = $1 AND id = $2`, [workspace, id]);
  return rows.map(fromRow)[0];
}

/** The newest first. @param after cursor of the last one of the page before */
export async function listBulkTasks(client: Queryable, workspace: WorkspaceId, after: string | undefined, limit: number): Promise<BulkTask[]> {
  const { rows } = await client.query<Row>(
    `SELECT ${COLUMNS} FROM bulk_task WHERE workspace_id = $1
       AND ${afterNewestSql("created_at", "id", "$2", "uuid")}
     ORDER BY created_at DESC, id DESC LIMIT $3`,
    [workspace, after ?? null, limit],
  );
  return rows.map(fromRow);
}

/** How many tasks of a workspace are being worked on. */
export async function countBulkTasks(client: Queryable, workspace: WorkspaceId): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM bulk_task WHERE workspace_id = $1 AND state = 'running' AND worked_until >= clock_timestamp()",
    [workspace],
  );
  return rows[0]?.count ?? 0;
}

export interface BulkProgress {
  readonly position: string;
  readonly done: number;
  readonly skipped: number;
  readonly error: string | undefined;
  readonly state: BulkState;
}

/** @returns false when the task was stopped, or somebody else has taken it over */
export async function saveProgress(client: Queryable, workspace: WorkspaceId, id: string, before: string, progress: BulkProgress): Promise<boolean> {
  const { position, done, skipped, error, state } = progress;
  const { rowCount } = await client.query(
    `UPDATE bulk_task SET position = $4, done = $5, skipped = $6, error = $7, state = $8, worked_until = clock_timestamp() + ${WORKED_FOR},
       finished_at = CASE WHEN $8 = 'running' THEN NULL ELSE clock_timestamp() END
     WHERE workspace_id = $1 AND id = $2 AND state = 'running' AND position = $3`,
    [workspace, id, before, position, done, skipped, error ?? null, state],
  );
  return rowCount === 1;
}

/** @returns false when it is over already */
export async function stopBulkTask(client: Queryable, workspace: WorkspaceId, id: string): Promise<boolean> {
  const { rowCount } = await client.query(
    "UPDATE bulk_task SET state = 'stopped', finished_at = clock_timestamp() WHERE workspace_id = $1 AND id = $2 AND state = 'running'",
    [workspace, id],
  );
  return rowCount === 1;
}

/** Takes over a task that was left or failed, or that somebody stopped. @returns undefined when there is nothing to take over */
export async function resumeBulkTask(client: Queryable, workspace: WorkspaceId, id: string): Promise<BulkTask | undefined> {
  const { rows } = await client.query<Row>(
    `UPDATE bulk_task SET state = 'running', finished_at = NULL, worked_until = clock_timestamp() + ${WORKED_FOR}
     WHERE workspace_id = $1 AND id = $2 AND (state IN ('failed', 'stopped') OR (state = 'running' AND worked_until < clock_timestamp())) RETURNING ${COLUMNS}`,
    [workspace, id],
  );
  return rows.map(fromRow)[0];
}

function fromRow(row: Row): BulkTask {
  return {
    id: row.id,
    kind: row.kind,
    order: row.filter,
    position: row.position,
    state: row.state,
    done: Number(row.done),
    skipped: Number(row.skipped),
    error: row.error ?? undefined,
    isLeft: row.is_left,
    createdBy: row.created_by,
    createdAt: row.created_at,
    finishedAt: row.finished_at ?? undefined,
    cursor: row.cursor,
  };
}
