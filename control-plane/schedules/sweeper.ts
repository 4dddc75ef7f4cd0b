import { messageOf } from "../../kernel/app-error.ts";
import { background } from "../../kernel/background.ts";
import type { Service } from "../../kernel/service.ts";
import { shardOf } from "../jobs/model.ts";
import type { Log } from "../telemetry/log.ts";
import type { OpenRun, RunRef } from "./model.ts";
import type { RunEndings } from "./run-endings.ts";
import { runKey } from "./run-names.ts";
import type { RunStarter } from "./run-starter.ts";
import type { TickJobs } from "./tick-jobs.ts";
import { keyOf, type TickTables } from "./tick-tables.ts";

export interface SweeperDeps {
  readonly tables: TickTables;
  readonly jobs: TickJobs;
  readonly starter: RunStarter;
  readonly endings: RunEndings;
  readonly owns: (shard: number) => boolean;
  readonly log: Log;
}

const SWEEP_EVERY_MS = 10_000;
/** Runs of one look. */
const PAGE = 500;
/**
 * Whoever began to start a run has given up by then: longer than a request waits for the owner, and the owner for Postgres; and it looks for its job
 * by then, see NEW_FOR_MS of the ticker.
 */
const LEFT_FOR_MS = 15_000;
/** What could not be started for so long never is; its key is remembered for longer. */
const GIVE_UP_MS = 24 * 60 * 60 * 1000;

/** Finds what a replica that died has left undone, ends that nobody heard of, and runs whose turn has come unnoticed. */
export class Sweeper implements Service {
  readonly #deps: SweeperDeps;
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;
  #after: RunRef | undefined;

  constructor(deps: SweeperDeps) {
    this.#deps = deps;
  }

  async start(): Promise<void> {
    this.#timer = setInterval(() => background(this.#deps.log, "a sweep of schedules", this.#sweepQuietly()), SWEEP_EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sweeping?.catch(() => undefined);
  }

  /** Looks at one page of what is to be done, and does it; the next look goes on from there. Errors: of the tables. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  async #sweepQuietly(): Promise<void> {
    await this.sweep().catch((error: unknown) =>
      this.#deps.log.warn({ event: "schedules.sweep_failed", error: messageOf(error) }, "runs of schedules could not be looked after, will be tried again"),
    );
  }

  async #sweep(): Promise<void> {
    const { tables, starter, owns } = this.#deps;
    const page = await tables.open(this.#after, PAGE);
    this.#after = page.length < PAGE ? undefined : page.at(-1);
    const mine = page.filter(({ workspace }) => owns(shardOf(workspace)));
    await this.#watch(mine.filter(({ todo }) => todo === "watch"));
    const left = mine.filter((run) => (run.todo === "start" || run.todo === "handle") && run.todoForMs >= LEFT_FOR_MS && !starter.isAtHand(run));
    const taken = new Set((await tables.retake(left, LEFT_FOR_MS)).map(runKey));
    const retaken = left.filter((run) => taken.has(runKey(run)));
    await this.#restart(retaken.filter(({ todo }) => todo === "start"));
    await this.#handle(retaken.filter(({ todo }) => todo === "handle"));
    const waiting = new Map(mine.flatMap((run) => (run.todo === "wait" ? [[keyOf(run), run] as const] : [])));
    for (const run of waiting.values()) await this.#deps.endings.advance(run);
  }

  async #watch(runs: readonly OpenRun[]): Promise<void> {
    const { jobs, endings } = this.#deps;
    for (const [workspace, those] of Map.groupBy(runs, (run) => run.workspace)) {
      const ended = await jobs.ends(
        workspace,
        those.flatMap(({ job }) => job ?? []),
      );
      for (const run of those) {
        if (run.job === undefined || ended.has(run.job)) await endings.look(run, run.job, run.note);
        else endings.watch(run, run.job);
      }
    }
  }

  async #restart(runs: readonly OpenRun[]): Promise<void> {
    const tooOld = new Set(runs.filter(({ claimedForMs }) => claimedForMs > GIVE_UP_MS).map(runKey));
    if (runs.length > 0) await this.#deps.starter.start(runs, undefined, (run) => tooOld.has(runKey(run)));
  }

  async #handle(runs: readonly OpenRun[]): Promise<void> {
    const { jobs, endings } = this.#deps;
    for (const run of runs) {
      const ended = run.job === undefined ? undefined : (await jobs.ends(run.workspace, [run.job])).get(run.job);
      const message = run.handler === "error" ? (ended?.message ?? run.note) : undefined;
      if (run.handler !== undefined) await endings.handle(run, run.handler, { job: run.job, failures: run.health.failures, message });
    }
  }
}
