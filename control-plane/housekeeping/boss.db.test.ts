import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import type { TaskOutcome } from "../telemetry/housekeeping-metrics.ts";
import { type Task, TaskRunner } from "./boss-store.ts";

let warnings = 0;
const log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => {
    warnings += 1;
  },
  error: () => undefined,
};
let database: TestDatabase;
let pool: pg.Pool;
let runners: TaskRunner[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
});
afterAll(async () => {
  await Promise.all(runners.map((runner) => runner.stop()));
  await pool.end();
  await database.drop();
});

/** Runs of a task, each with a way to let it end. */
class Rounds {
  readonly begun: { end: (error?: Error) => void; replica: string }[] = [];
  readonly outcomes: TaskOutcome[] = [];
  #wake: (() => void) | undefined;

  task(name: string, replica: string): Task {
    return {
      name,
      cron: "0 0 1 1 *",
      run: () =>
        new Promise((resolve, reject) => {
          this.begun.push({ replica, end: (error) => (error === undefined ? resolve(true) : reject(error)) });
          this.#wake?.();
        }),
    };
  }

  async nth(count: number): Promise<{ end: (error?: Error) => void; replica: string }> {
    while (this.begun.length < count) await new Promise<void>((resolve) => (this.#wake = resolve));
    const round = this.begun[count - 1];
    if (round === undefined) throw new Error("no round");
    return round;
  }
}

async function runnerOf(rounds: Rounds, name: string, replica: string): Promise<TaskRunner> {
  const metrics = { ran: (_task: string, outcome: TaskOutcome) => rounds.outcomes.push(outcome) };
  const runner = new TaskRunner({ url: database.url, tasks: [rounds.task(name, replica)], log, metrics, pollS: 0.5 });
  runners.push(runner);
  await runner.start();
  await runner.started;
  return runner;
}

test("two replicas that start at once share the work: one round at a time, however often it is asked for", async () => {
  const rounds = new Rounds();
  const both = await Promise.all([runnerOf(rounds, "shared", "a"), runnerOf(rounds, "shared", "b")]);
  await Promise.all(both.map((runner) => runner.runSoon("shared")));
  const first = await rounds.nth(1);
  // Both asked while it ran, and both have looked since: nothing else began.
  await both[0].runSoon("shared");
  const { rows } = await pool.query("SELECT state FROM boss.job WHERE name = 'housekeeping/shared'");
  expect(rows).toEqual([{ state: "active" }]);
  first.end();
  await until(async () => (await pool.query("SELECT 1 FROM boss.job WHERE name = 'housekeeping/shared' AND state = 'completed'")).rowCount === 1);
  await both[1].runSoon("shared");
  (await rounds.nth(2)).end();
  await until(async () => rounds.outcomes.length === 2);
  expect(rounds.outcomes).toEqual(["done", "done"]);
});

test("its own connections may break, also in the middle of a round; rounds go on", async () => {
  const rounds = new Rounds();
  const runner = await runnerOf(rounds, "broken", "a");
  await runner.runSoon("broken");
  const first = await rounds.nth(1);
  const others = runners.filter((one) => one !== runner);
  await Promise.all(others.map((one) => one.stop()));
  warnings = 0;
  const { rowCount } = await pool.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'millrace/boss' AND datname = current_database() AND state = 'idle'",
  );
  // The end of the round is noted on a new connection once the loss of the old ones was seen; before that the round would run again, when its heart has stopped.
  await until(async () => warnings >= (rowCount ?? 0));
  first.end();
  await until(async () => (await pool.query("SELECT 1 FROM boss.job WHERE name = 'housekeeping/broken' AND state = 'completed'")).rowCount === 1);
  await runner.runSoon("broken");
  (await rounds.nth(2)).end();
});

test("a round that fails is noted and waits for its next try", async () => {
  const rounds = new Rounds();
  const runner = await runnerOf(rounds, "failing", "a");
  await runner.runSoon("failing");
  (await rounds.nth(1)).end(new Error("disk full"));
  await until(
    async () => (await pool.query("SELECT 1 FROM boss.job WHERE name = 'housekeeping/failing' AND state = 'retry' AND start_after > now()")).rowCount === 1,
  );
  expect(rounds.outcomes).toEqual(["failed"]);
});

test("a start without a database keeps trying, holds nothing up, and can be stopped", async () => {
  const runner = new TaskRunner({ url: "postgres://nobody@127.0.0.1:1/none", tasks: [], log, metrics: { ran: () => undefined } });
  await runner.start();
  await runner.stop();
  runners = runners.filter((one) => one !== runner);
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error("it did not happen within 20 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
