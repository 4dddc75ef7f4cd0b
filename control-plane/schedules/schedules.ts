import { AppError, type FieldError } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { boundsIn } from "../access/acting-for.ts";
import { type AuditEvent, recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction } from "../db/transaction.ts";
import { argsText } from "../jobs/enqueue.ts";
import { type JobRecord, readJobs } from "../jobs/job-store.ts";
import type { NamedJobs } from "../jobs/named-jobs.ts";
import { putRevised } from "../variables/put-revised.ts";
import { type Condition, changedMeanwhile, wantedRevision } from "../variables/revision.ts";
import type { Page } from "../variables/variable-store.ts";
import type { Workspaces } from "../workspaces/workspace-store.ts";
import { type PutSchedule, SCHEDULE_LIMITS } from "./contract.ts";
import { ticksOf } from "./cron.ts";
import type { PlannedRun } from "./model.ts";
import { insertAskedRun, listRuns, type StoredRun } from "./run-store.ts";
import { catchUpOf, handlersOf, settingsText } from "./schedule-codec.ts";
import { type Definition, deleteSchedule, findSchedule, insertSchedule, listSchedules, type StoredSchedule, updateSchedule } from "./schedule-store.ts";
import { requestOf } from "./tick-jobs.ts";

/** A run with its job, as far as it is still known. */
export interface SeenRun extends StoredRun {
  readonly record: JobRecord | undefined;
}

/** Schedules of workspaces. What is not of the workspace is not there. */
export interface Schedules {
  list(workspace: WorkspaceId, page: Page): Promise<StoredSchedule[]>;
  find(workspace: WorkspaceId, path: string): Promise<StoredSchedule | undefined>;
  /** Makes or replaces one. @param by who its jobs act for: see actsFor. Errors: invalid_argument naming the field, aborted, failed_precondition, resource_exhausted. */
  put(workspace: WorkspaceId, path: string, definition: PutSchedule, by: string, condition?: Condition): Promise<{ created: boolean; stored: StoredSchedule }>;
  /** Errors: not_found, aborted. */
  remove(workspace: WorkspaceId, path: string, by: string, condition?: Condition): Promise<void>;
  /**
   * Ticks that would come while it is paused are none: they are neither run nor missed. It stays the schedule of whoever wrote it: its jobs act for
   * that account, and not for who let it go on. Errors: not_found, failed_precondition.
   */
  setPaused(workspace: WorkspaceId, path: string, paused: boolean, by: string): Promise<StoredSchedule>;
  /** Runs it now, whatever its earlier runs do. Errors: not_found; those of a run. */
  runNow(workspace: WorkspaceId, path: string, by: string): Promise<SeenRun>;
  /** Newest first. Errors: not_found. */
  runs(workspace: WorkspaceId, path: string, beforeMs: number | undefined, limit: number): Promise<SeenRun[]>;
}

export interface SchedulesDeps {
  /** In requests: rows of the caller's workspace alone. */
  readonly pool: Pool;
  /** For rows of jobs. */
  readonly jobRows: Pool;
  readonly jobs: Pick<NamedJobs, "check" | "argumentsOf">;
  readonly workspaces: Pick<Workspaces, "loadName">;
  readonly clock: Clock;
  /** Starts a run that has been recorded. */
  readonly start: (run: PlannedRun) => Promise<void>;
  /** Called when other ticks follow from now on. */
  readonly changed: () => void;
}

export function createSchedules(deps: SchedulesDeps): Schedules {
  const { pool, clock } = deps;
  const find = (workspace: WorkspaceId, path: string): Promise<StoredSchedule | undefined> => findSchedule(pool, workspace, path);
  const get = async (workspace: WorkspaceId, path: string): Promise<StoredSchedule> => {
    const stored = await find(workspace, path);
    if (stored === undefined) throw noSchedule(path);
    return stored;
  };
  const seen = async (workspace: WorkspaceId, runs: readonly StoredRun[]): Promise<SeenRun[]> => {
    const records = await readJobs(
      deps.jobRows,
      workspace,
      runs.flatMap(({ job }) => job ?? []),
    );
    const byId = new Map(records.map((record) => [record.id, record]));
    return runs.map((run) => ({ ...run, record: run.job === undefined ? undefined : byId.get(run.job) }));
  };

  /** @param said what the audit log says of it, and of whom @returns undefined: somebody else was quicker */
  async function write(
    workspace: WorkspaceId,
    next: Definition,
    by: string,
    before: StoredSchedule | undefined,
    said: Pick<AuditEvent, "actor" | "action">,
  ): Promise<StoredSchedule | "full" | undefined> {
    const nextMs = next.paused ? undefined : ticksOf(next).after(clock.wallMs());
    const isSame = before !== undefined && before.cron === next.cron && before.zone === next.zone && before.paused === next.paused;
    const done = await inTransaction(pool, async (client) => {
      const written =
        before === undefined
          ? await insertSchedule(client, workspace, next, by, nextMs)
          : await updateSchedule(client, workspace, next, by, before.revision, isSame ? undefined : { nextMs });
      const detail = { revision: (before?.revision ?? 0) + 1, cron: next.cron, timezone: next.zone, [next.target.kind]: next.target.path };
      if (written === true) await recordAudit(client, { workspace, ...said, target: `schedule ${next.path}`, detail });
      return written;
    });
    if (done === "full") return done;
    if (!done) return undefined;
    if (!isSame) deps.changed();
    return find(workspace, next.path);
  }

  const put = (
    workspace: WorkspaceId,
    path: string,
    condition: Condition,
    next: (before: StoredSchedule | undefined) => { definition: Definition; by: string; said: Pick<AuditEvent, "actor" | "action"> },
  ) =>
    putRevised({
      what: `schedule ${path}`,
      condition,
      full: `the workspace has ${SCHEDULE_LIMITS.schedules} schedules already`,
      find: () => find(workspace, path),
      write(before) {
        const { definition, by, said } = next(before);
        return write(workspace, definition, by, before, said);
      },
    });

  return {
    list: (workspace, page) => listSchedules(pool, workspace, page),
    find,
    async put(workspace, path, given, by, condition = {}) {
      const wanted = definitionOf(path, given);
      checkTicks(wanted, clock.wallMs());
      await checkWork(deps, workspace, wanted);
      return put(workspace, path, condition, (before) => {
        const definition = { ...wanted, paused: given.paused ?? before?.paused ?? false, description: given.description ?? "" };
        return { definition, by, said: { actor: boundsIn(by).label, action: "schedules:write" } };
      });
    },
    async remove(workspace, path, by, condition = {}) {
      const gone = await inTransaction(pool, async (client) => {
        const deleted = await deleteSchedule(client, workspace, path, wantedRevision(condition));
        if (deleted) await recordAudit(client, { workspace, actor: by, action: "schedules:delete", target: `schedule ${path}` });
        return deleted;
      });
      if (gone) return;
      if ((await find(workspace, path)) !== undefined) throw changedMeanwhile(`schedule ${path}`);
      throw noSchedule(path);
    },
    async setPaused(workspace, path, paused, by) {
      const known = await get(workspace, path);
      if (known.paused === paused) return known;
      const { stored } = await put(workspace, path, {}, (before) => {
        if (before === undefined) throw noSchedule(path);
        return { definition: { ...before, paused }, by: before.updatedBy, said: { actor: by, action: paused ? "schedules:pause" : "schedules:resume" } };
      });
      return stored;
    },
    async runNow(workspace, path, by) {
      const stored = await get(workspace, path);
      const schedule = { workspace, id: stored.id };
      const dueMs = await insertAskedRun(pool, schedule, clock.wallMs(), by);
      if (dueMs === undefined) throw noSchedule(path);
      await deps.start({ ...schedule, dueMs, askedBy: by, work: stored });
      const [run] = await seen(workspace, await listRuns(pool, schedule, dueMs + 1, 1));
      if (run === undefined) throw noSchedule(path);
      return run;
    },
    async runs(workspace, path, beforeMs, limit) {
      const { id } = await get(workspace, path);
      return seen(workspace, await listRuns(pool, { workspace, id }, beforeMs, limit));
    },
  };
}

function definitionOf(path: string, given: PutSchedule): Definition {
  const target = given.script === undefined ? ({ kind: "flow", path: given.flow ?? "" } as const) : ({ kind: "script", path: given.script } as const);
  return {
    path,
    target,
    cron: given.cron.trim().replace(/\s+/g, " "),
    zone: given.timezone ?? "UTC",
    argsJson: argsText(given.args ?? {}, "/args"),
    settingsJson: settingsText(given),
    overlap: given.overlap ?? "skip",
    catchUp: catchUpOf(given),
    handlers: handlersOf(given),
    paused: given.paused ?? false,
    description: given.description ?? "",
  };
}

/** Errors: invalid_argument for a pattern that cannot be read, or has no tick any more. */
function checkTicks(definition: Definition, nowMs: number): void {
  if (ticksOf(definition).after(nowMs) !== undefined) return;
  throw new AppError("invalid_argument", `the pattern "${definition.cron}" never matches`, { fields: [{ pointer: "/cron", message: "never matches" }] });
}

/** Errors: invalid_argument for what could not be run now, naming the field. */
async function checkWork({ jobs, workspaces }: SchedulesDeps, id: WorkspaceId, { target, handlers, ...rest }: Definition): Promise<void> {
  const workspace = { id, name: (await workspaces.loadName(id)) ?? "" };
  await jobs.check(workspace, requestOf({ target, ...rest })).catch(missingAs(`/${target.kind}`));
  for (const [call, handler] of [["on_error", handlers.error] as const, ["on_recovery", handlers.recovery] as const]) {
    if (handler === undefined) continue;
    const names = await jobs.argumentsOf(workspace, handler.script).catch(missingAs(`/${call}/script`));
    const fields: FieldError[] = Object.keys(handler.args).flatMap((name) =>
      names?.has(name) === false ? [{ pointer: `/${call}/args/${name}`, message: "is not an argument of the script" }] : [],
    );
    if (fields.length > 0)
      throw new AppError("invalid_argument", `${handler.script} has no such argument: ${fields.map(({ pointer }) => pointer).join(", ")}`, { fields });
  }
}

/** What is named and does not exist is a mistake of the definition, not of the address. */
function missingAs(pointer: string): (error: unknown) => never {
  return (thrown) => {
    const error = AppError.from(thrown);
    if (error.code !== "not_found") throw error;
    throw new AppError("invalid_argument", error.message, {
      fields: [{ pointer, message: error.message }],
      ...(error.hint !== undefined && { hint: error.hint }),
    });
  };
}

export function noSchedule(path: string): AppError {
  return new AppError("not_found", `there is no schedule ${path}`);
}
