import { asJobId, asWorkspaceId } from "../../kernel/ids.ts";
import { HEALTHY } from "./handlers-core.ts";
import type { OpenRun, PlannedRun, Todo, Work } from "./model.ts";
import { readHandlers, readOverlap } from "./schedule-codec.ts";

/** Columns of a schedule `d` that a run needs. */
export const WORK_COLUMNS = "d.path, d.target_kind, d.target_path, d.args, d.settings, d.overlap, d.handlers";

/** The same columns where there is nothing to say. */
export const NO_WORK = "NULL AS path, NULL AS target_kind, NULL AS target_path, NULL AS args, NULL AS settings, NULL AS overlap, NULL AS handlers";

interface WorkRow {
  path: string;
  target_kind: string;
  target_path: string;
  args: string;
  settings: string;
  overlap: string;
  handlers: string | null;
}

export interface RunRow extends WorkRow {
  workspace_id: string;
  schedule_id: string;
  due_ms: number;
  asked_by: string | null;
}

export interface OpenRow extends RunRow {
  todo: Todo;
  job_id: string | null;
  note: string | null;
  handler: "error" | "recovery" | null;
  failures: number;
  todo_for_ms: number;
  claimed_for_ms: number;
}

function workOf(row: WorkRow): Work {
  return {
    path: row.path,
    target: { kind: row.target_kind === "flow" ? "flow" : "script", path: row.target_path },
    argsJson: row.args,
    settingsJson: row.settings,
    overlap: readOverlap(row.overlap),
    handlers: readHandlers(row.handlers),
  };
}

export function plannedRun(row: RunRow): PlannedRun {
  return {
    workspace: asWorkspaceId(row.workspace_id),
    id: row.schedule_id,
    dueMs: row.due_ms,
    askedBy: row.asked_by ?? undefined,
    work: workOf(row),
  };
}

export function openRun(row: OpenRow): OpenRun {
  return {
    ...plannedRun(row),
    todo: row.todo,
    job: row.job_id === null ? undefined : asJobId(row.job_id),
    note: row.note ?? undefined,
    handler: row.handler ?? undefined,
    health: { ...HEALTHY, failures: row.failures },
    todoForMs: row.todo_for_ms,
    claimedForMs: row.claimed_for_ms,
  };
}
