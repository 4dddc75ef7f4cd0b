// Cancels or runs again many jobs, in the background of the replica that was asked, with the rights of whoever asked. Progress is kept page by
// page. A replica that goes leaves its tasks where they are: nothing goes on by itself in somebody's name, but it can be resumed, and what was run again
// before is not run again twice, since each job has an idempotency key of its own.
import { AppError, messageOf } from "../../kernel/app-error.ts";
import { background } from "../../kernel/background.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { JobId } from "../../kernel/ids.ts";
import type { Service } from "../../kernel/service.ts";
import { recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import type { Db } from "../db/query-builder.ts";
import { inTransaction, type Queryable } from "../db/transaction.ts";
import { type Caller, mayUse, nothingAt } from "../http/authorize.ts";
import { seesJob } from "../jobs/job-reach.ts";
import type { JobService } from "../jobs/job-service.ts";
import { readJobs } from "../jobs/job-store.ts";
import { rerun } from "../jobs/rerun.ts";
import type { Log } from "../telemetry/log.ts";
import { readOrder } from "./bulk-codec.ts";
import {
  type BulkKind,
  type BulkProgress,
  type BulkTask,
  countBulkTasks,
  findBulkTask,
  insertBulkTask,
  listBulkTasks,
  resumeBulkTask,
  saveProgress,
  stopBulkTask,
} from "./bulk-store.ts";
import type { BulkOrder } from "./contract.ts";
import { countMatches, nextMatches, positionText, readPosition, START } from "./matches.ts";

export interface BulkParts {
  /** For jobs. */
  readonly pool: Pool;
  /** For tasks. */
  readonly console: Pool;
  readonly db: Db;
  readonly jobs: JobService;
  readonly clock: Clock;
  readonly log: Log;
  readonly newId: () => string;
}

const PAGE = 64;
/** Of a page so many at a time: others want the owner, too. */
const AT_ONCE = 8;
const MAX_TASKS = 4;
/** Small ones are over by then: the answer says so. */
const WAIT_MS = 1000;
/** What is wrong with one job, and not with all. */
const OF_ONE_JOB = new Set(["failed_precondition", "not_found", "invalid_argument", "out_of_range", "already_exists"]);

export class BulkTasks implements Service {
  readonly #parts: BulkParts;
  readonly #running = new Set<Promise<void>>();
  #stopping = false;

  constructor(parts: BulkParts) {
    this.#parts = parts;
  }

  async start(): Promise<void> {
    this.#stopping = false;
  }

  /** What runs is left after its page. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#running);
  }

  /** How many jobs an order would be about. Errors: not_found. */
  count(caller: Caller, order: BulkOrder): Promise<{ matched: number; more: boolean }> {
    checkScript(caller, order);
    return countMatches(this.#parts.pool, this.#parts.db, caller.workspace.id, order, (ids) => this.#seen(caller, ids));
  }

  /** Begins a task; one that is over soon is over when this resolves. Errors: not_found; resource_exhausted when too many are at work. */
  async begin(caller: Caller, kind: BulkKind, order: BulkOrder): Promise<BulkTask> {
    const { pool, db, newId } = this.#parts;
    const { workspace, principal } = caller;
    checkScript(caller, order);
    // Its script is there: otherwise it is said now.
    await nextMatches(pool, db, workspace.id, order, START, 1);
    const task = await inTransaction(this.#parts.console, async (client) => {
      await this.#checkRoom(caller, client);
      const made = await insertBulkTask(client, workspace.id, {
        id: newId(),
        kind,
        order: JSON.stringify(order),
        position: positionText(START),
        createdBy: principal.label,
      });
      const { statuses, script, most } = order;
      const detail = { statuses, script: script ?? null, most };
      await recordAudit(client, {
        workspace: workspace.id,
        actor: principal.label,
        action: `jobs:${kind}-many`,
        target: `task ${made.id}`,
        outcome: "asked",
        detail,
      });
      return made;
    });
    return this.#workOn(caller, task);
  }

  /** Goes on with a task that was left, stopped, or failed. Errors: not_found, permission_denied, failed_precondition, resource_exhausted. */
  async resume(caller: Caller, id: string): Promise<BulkTask> {
    const { kind } = await this.find(caller, id);
    if (kind === "rerun" && caller.reach?.may("jobs:run") === false)
      throw new AppError("permission_denied", "whoever goes on with it must be able to run jobs");
    await this.#checkRoom(caller, this.#parts.console);
    const task = await this.#audited(caller, id, "resume", (client) => resumeBulkTask(client, caller.workspace.id, id));
    if (task !== undefined) return this.#workOn(caller, task);
    throw new AppError("failed_precondition", "the task runs, or is done: there is nothing to resume");
  }

  /** After the page that it is at. Errors: not_found; failed_precondition when it is over. */
  async end(caller: Caller, id: string): Promise<BulkTask> {
    await this.find(caller, id);
    const stopped = await this.#audited(caller, id, "stop", async (client) => (await stopBulkTask(client, caller.workspace.id, id)) || undefined);
    if (stopped === undefined) throw new AppError("failed_precondition", "the task is over");
    return this.find(caller, id);
  }

  /** Errors: not_found. */
  async find(caller: Caller, id: string): Promise<BulkTask> {
    const task = await findBulkTask(this.#parts.console, caller.workspace.id, id);
    if (task === undefined || !isOf(caller, task)) throw new AppError("not_found", `there is no task ${id}`);
    return task;
  }

  /** The newest first. */
  async list(caller: Caller, after: string | undefined, limit: number): Promise<{ tasks: BulkTask[]; next: string | undefined }> {
    const found = await listBulkTasks(this.#parts.console, caller.workspace.id, after, limit + 1);
    const page = found.slice(0, limit);
    return { tasks: page.filter((task) => isOf(caller, task)), next: found.length > limit ? page.at(-1)?.cursor : undefined };
  }

  /** What is done to a task, with its row in the audit log. @param change undefined: nothing */
  async #audited<T>(caller: Caller, id: string, verb: string, change: (client: Queryable) => Promise<T | undefined>): Promise<T | undefined> {
    const { workspace, principal } = caller;
    return inTransaction(this.#parts.console, async (client) => {
      const done = await change(client);
      if (done !== undefined)
        await recordAudit(client, { workspace: workspace.id, actor: principal.label, action: `jobs:${verb}-many`, target: `task ${id}`, outcome: "asked" });
      return done;
    });
  }

  /** Those of some jobs that the caller sees. */
  async #seen(caller: Caller, ids: readonly JobId[]): Promise<readonly JobId[]> {
    if (caller.reach?.bounds === undefined || ids.length === 0) return ids;
    const records = await readJobs(this.#parts.pool, caller.workspace.id, ids);
    return records.filter((record) => seesJob(caller, record)).map(({ id }) => id);
  }

  async #checkRoom(caller: Caller, on: Queryable): Promise<void> {
    if ((await countBulkTasks(on, caller.workspace.id)) >= MAX_TASKS)
      throw new AppError("resource_exhausted", `${MAX_TASKS} tasks of the workspace are at work already`, { retryAfterS: 10 });
  }

  async #workOn(caller: Caller, task: BulkTask): Promise<BulkTask> {
    const work = this.#work(caller, task);
    const done = work.catch(() => undefined).then(() => void this.#running.delete(done));
    this.#running.add(done);
    background(this.#parts.log, "task on many jobs", work);
    await Promise.race([done, new Promise((resolve) => setTimeout(resolve, WAIT_MS).unref())]);
    return this.find(caller, task.id);
  }

  async #work(caller: Caller, task: BulkTask): Promise<void> {
    const workspace = caller.workspace.id;
    const order = readOrder(task);
    let progress: BulkProgress = { position: task.position, done: task.done, skipped: task.skipped, error: task.error, state: "running" };
    while (progress.state === "running" && !this.#stopping) {
      const before = progress.position;
      try {
        progress = await this.#page(caller, task, order, progress);
      } catch (error) {
        progress = { ...progress, state: "failed", error: messageOf(AppError.from(error)) };
      }
      if (!(await saveProgress(this.#parts.console, workspace, task.id, before, progress))) return;
    }
  }

  async #page(caller: Caller, task: BulkTask, order: BulkOrder, progress: BulkProgress): Promise<BulkProgress> {
    const { pool, db } = this.#parts;
    // It takes long: whoever was let in a while ago may not be any more.
    await caller.check();
    const { ids, next } = await nextMatches(pool, db, caller.workspace.id, order, readPosition(progress.position), PAGE);
    let { done, skipped, error } = progress;
    const wanted = (await this.#seen(caller, ids)).slice(0, Math.max(0, order.most - done - skipped));
    for (let at = 0; at < wanted.length; at += AT_ONCE) {
      const outcomes = await Promise.all(wanted.slice(at, at + AT_ONCE).map((id) => this.#one(caller, task, order, id)));
      for (const outcome of outcomes) {
        if (outcome === undefined) done += 1;
        else {
          skipped += 1;
          error = outcome;
        }
      }
    }
    const isOver = next === undefined || done + skipped >= order.most;
    return { position: next === undefined ? progress.position : positionText(next), done, skipped, error, state: isOver ? "done" : "running" };
  }

  /** @returns why nothing was done. Errors: those that are not this job's alone */
  async #one(caller: Caller, task: BulkTask, order: BulkOrder, id: JobId): Promise<string | undefined> {
    const { jobs, pool } = this.#parts;
    try {
      if (task.kind === "cancel") await jobs.cancel(caller, id, order.reason, true);
      else await rerun(pool, jobs, caller, id, { latest: order.latest }, `bulk-${task.id}-${id}`);
      return undefined;
    } catch (error) {
      const { code, message } = AppError.from(error);
      if (OF_ONE_JOB.has(code)) return message;
      throw error;
    }
  }
}

/** Errors: not_found for a script that the caller may not see. */
function checkScript(caller: Caller, { script }: BulkOrder): void {
  if (script !== undefined && !mayUse(caller, script)) throw nothingAt(script);
}

/** Who is bound to some paths sees own tasks alone: those of others tell of other jobs. */
function isOf(caller: Caller, task: BulkTask): boolean {
  return caller.reach?.bounds === undefined || task.createdBy === caller.principal.label;
}
