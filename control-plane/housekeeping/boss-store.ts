import { setTimeout as sleep } from "node:timers/promises";
import type { PgBoss } from "pg-boss";
import { messageOf } from "../../kernel/app-error.ts";
import { background } from "../../kernel/background.ts";
import { backoffMs } from "../../kernel/backoff.ts";
import type { Service } from "../../kernel/service.ts";
import type { HousekeepingMetrics } from "../telemetry/housekeeping-metrics.ts";
import type { Log } from "../telemetry/log.ts";

/** Something that one replica does now and then. */
export interface Task {
  readonly name: string;
  /** Five fields, UTC. */
  readonly cron: string;
  /** @returns false when another replica is at it. Ends early when `signal` aborts; must bear being broken off anywhere. */
  run(signal: AbortSignal): Promise<boolean>;
}

export interface TaskRunnerOptions {
  readonly url: string;
  readonly tasks: readonly Task[];
  readonly log: Log;
  readonly metrics: Pick<HousekeepingMetrics, "ran">;
  /** How often a replica asks for work of each task. */
  readonly pollS?: number;
}

/** Tasks are hourly at most: seconds do not matter, and an idle system should be quiet. */
const POLL_S = 60;
const SLOW_S = 45;
const HOUR_S = 3600;
const STOP_WITHIN_MS = 5000;
/** pg-boss is used with a short leash: a statement of its own that hangs must not hold anything up. */
const CONNECTION_OPTIONS = "-c statement_timeout=30s -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s";

/**
 * Runs tasks under pg-boss, in the schema `boss`, over a pool of its own: each due task becomes one row, one replica takes it, and when that
 * replica dies its heart stops beating and another one takes over. Starting is not waited for, and is tried again for ever: without
 * pg-boss the control plane serves all the same. A round that fails is tried again three times, then at the next hour.
 */
export class TaskRunner implements Service {
  readonly #options: TaskRunnerOptions;
  readonly #stopping = new AbortController();
  #boss: PgBoss | undefined;
  #started: Promise<void> = Promise.resolve();

  constructor(options: TaskRunnerOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#started = this.#startUntilItWorks();
    background(this.#options.log, "housekeeping start", this.#started);
  }

  /** Resolves when the tasks are scheduled. */
  get started(): Promise<void> {
    return this.#started;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#started.catch(() => undefined);
    const boss = this.#boss;
    this.#boss = undefined;
    await boss?.stop({ graceful: true, timeout: STOP_WITHIN_MS });
  }

  /** Makes a task due now. */
  async runSoon(name: string): Promise<void> {
    await this.#boss?.send(queueOf(name), null);
  }

  async #startUntilItWorks(): Promise<void> {
    const { log } = this.#options;
    for (let attempt = 0; !this.#stopping.signal.aborted; attempt++) {
      const boss = await this.#create();
      try {
        await boss.start();
        for (const task of this.#options.tasks) await this.#schedule(boss, task);
        this.#boss = boss;
        return;
      } catch (error) {
        log.warn({ event: "housekeeping.start_failed", error: messageOf(error) }, "housekeeping could not start, will be tried again");
        await boss.stop({ graceful: false }).catch(() => undefined);
        await sleep(backoffMs(attempt, 1000, 60_000, Math.random()), undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      }
    }
  }

  async #create(): Promise<PgBoss> {
    // Loaded here: nobody waits for it, and it takes a twentieth of a start.
    const { PgBoss } = await import("pg-boss");
    const boss = new PgBoss({
      connectionString: this.#options.url,
      schema: "boss",
      application_name: "millrace/boss",
      options: CONNECTION_OPTIONS,
      max: 2,
      superviseIntervalSeconds: 60,
      monitorIntervalSeconds: 300,
      maintenanceIntervalSeconds: 6 * HOUR_S,
      queueCacheIntervalSeconds: 300,
      bamIntervalSeconds: 300,
      flowIntervalSeconds: 300,
      cronMonitorIntervalSeconds: SLOW_S,
      cronWorkerIntervalSeconds: SLOW_S,
      reindex: false,
      monitorVacuum: false,
    });
    // Without a listener an error would end the process; pg-boss goes on by itself when Postgres is back.
    boss.on("error", (error) => this.#options.log.warn({ event: "housekeeping.error", error: messageOf(error) }, "housekeeping had an error"));
    boss.on("warning", (warning) => this.#options.log.warn({ event: "housekeeping.warning", warning: warning.message }, "housekeeping has a warning"));
    return boss;
  }

  async #schedule(boss: PgBoss, task: Task): Promise<void> {
    const queue = queueOf(task.name);
    const options = { retryLimit: 3, retryDelay: 60, retryBackoff: true, expireInSeconds: 20 * HOUR_S, heartbeatSeconds: 90, deleteAfterSeconds: 72 * HOUR_S };
    // exclusive: while a round waits or runs, no second one is made.
    await boss.createQueue(queue, { policy: "exclusive", ...options });
    await boss.updateQueue(queue, options);
    await boss.schedule(queue, task.cron, null, { tz: "UTC" });
    await boss.work(queue, { pollingIntervalSeconds: this.#options.pollS ?? POLL_S, heartbeatRefreshSeconds: 30 }, () => this.#run(task));
  }

  async #run(task: Task): Promise<void> {
    const begun = performance.now();
    const { log, metrics } = this.#options;
    try {
      const did = await task.run(this.#stopping.signal);
      metrics.ran(task.name, did ? "done" : "elsewhere", performance.now() - begun);
    } catch (error) {
      metrics.ran(task.name, "failed", performance.now() - begun);
      log.error({ event: "housekeeping.task_failed", task: task.name, error: messageOf(error) }, "a task of housekeeping failed, it is tried again");
      throw error;
    }
  }
}

const queueOf = (task: string): string => `housekeeping/${task}`;
