import { AppError } from "../../kernel/app-error.ts";
import { background } from "../../kernel/background.ts";
import type { JobId } from "../../kernel/ids.ts";
import type { Log } from "../telemetry/log.ts";
import { afterEnd } from "./handlers-core.ts";
import { type Ended, hasHandlers, type PlannedRun, type ScheduleRef } from "./model.ts";
import { labelOf, runKey } from "./run-names.ts";
import type { TickJobs } from "./tick-jobs.ts";
import type { TickTables } from "./tick-tables.ts";

export interface EndingsDeps {
  readonly tables: TickTables;
  readonly jobs: TickJobs;
  readonly log: Log;
  /** Starts a run that has waited. */
  readonly start: (run: PlannedRun) => Promise<void>;
}

/** Ends that are listened for; those of more jobs are found by looking. */
const MAX_WATCHED = 20_000;

/** What follows the end of a run: its schedule's handlers, and the run that waits behind it. */
export class RunEndings {
  readonly #deps: EndingsDeps;
  /** By job: ends the subscription. */
  readonly #watched = new Map<JobId, () => void>();

  constructor(deps: EndingsDeps) {
    this.#deps = deps;
  }

  /** Does what follows as soon as the job ends; at once when there is none, since it could not be started. */
  watch(run: PlannedRun, job: JobId | undefined, note?: string): void {
    const { jobs, log } = this.#deps;
    if (job !== undefined && (this.#watched.has(job) || this.#watched.size >= MAX_WATCHED)) return;
    const look = (): void => background(log, "the end of a run", this.look(run, job, note));
    if (job !== undefined) this.#watched.set(job, jobs.onEnd(job, look));
    // It may have ended before anybody listened.
    look();
  }

  /** Does what follows if the run has ended. Errors: of the tables; then it is done later. */
  async look(run: PlannedRun, job: JobId | undefined, note?: string): Promise<void> {
    const { jobs } = this.#deps;
    const ended: Ended | undefined = job === undefined ? { outcome: "failed", message: note } : (await jobs.ends(run.workspace, [job])).get(job);
    if (ended === undefined) return;
    if (job !== undefined) this.#forget(job);
    await this.#settle(run, job, ended);
  }

  /** The next run that waits, if its turn has come. */
  async advance(schedule: ScheduleRef): Promise<void> {
    const next = await this.#deps.tables.nextWaiting(schedule);
    if (next !== undefined) await this.#deps.start(next);
  }

  /** Runs a handler, under a key of its own: once, however often this is called. */
  async handle(run: PlannedRun, call: "error" | "recovery", facts: { job: JobId | undefined; failures: number; message: string | undefined }): Promise<void> {
    const { tables, jobs } = this.#deps;
    const handler = run.work.handlers[call];
    if (handler === undefined) {
      await tables.handled(run, undefined, undefined);
      return;
    }
    const given = {
      schedule: run.work.path,
      path: run.work.target.path,
      job: facts.job ?? null,
      due_at: new Date(run.dueMs).toISOString(),
      error: facts.message ?? null,
      failures: facts.failures,
    };
    const wanted = {
      key: `${runKey(run)}/${call}`,
      createdBy: labelOf(run.work),
      target: { kind: "script", path: handler.script },
      settingsJson: "{}",
    } as const;
    let names: ReadonlySet<string> | undefined;
    try {
      names = await jobs.argumentsOf(run.workspace, handler.script);
    } catch (thrown) {
      const error = AppError.from(thrown);
      if (error.code !== "not_found") throw error;
      await tables.handled(run, undefined, `the handler ${handler.script} could not be run: ${error.message}`);
      return;
    }
    const args = { ...Object.fromEntries(Object.entries(given).filter(([name]) => names?.has(name) !== false)), ...handler.args };
    const [outcome] = await jobs.start(run.workspace, [{ ...wanted, argsJson: JSON.stringify(args) }]);
    if (outcome?.kind === "started") await tables.handled(run, outcome.job, undefined);
    else if (outcome?.kind === "refused")
      await tables.handled(run, undefined, `the handler ${handler.script} could not be run: ${outcome.message}`.slice(0, 1000));
  }

  /** What it listens for is forgotten: another replica does, or nobody any more. */
  stop(): void {
    for (const job of [...this.#watched.keys()]) this.#forget(job);
  }

  async #settle(run: PlannedRun, job: JobId | undefined, { outcome, message }: Ended): Promise<void> {
    const { handlers, overlap } = run.work;
    const settled = await this.#deps.tables.settle(run, hasHandlers(handlers) ? (health) => afterEnd(health, outcome, handlers) : undefined);
    if (overlap === "queue") await this.advance(run);
    if (settled.kind === "settled" && settled.call !== undefined)
      await this.handle(run, settled.call, { job, failures: settled.failures, message: outcome === "failed" ? message : undefined });
  }

  #forget(job: JobId): void {
    this.#watched.get(job)?.();
    this.#watched.delete(job);
  }
}
