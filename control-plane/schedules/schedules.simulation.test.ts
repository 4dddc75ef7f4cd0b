import { describe, expect, test } from "vitest";
import { asWorkspaceId } from "../../kernel/ids.ts";
import { seededRandom } from "../scheduler/testing/simulated-owner.ts";
import { ticksOf } from "./cron.ts";
import { HEALTHY } from "./handlers-core.ts";
import type { Handlers, Work } from "./model.ts";
import { OVERLAPS } from "./overlap-core.ts";
import { type CatchUp, GRACE_MS } from "./plan-core.ts";
import { runKey } from "./run-names.ts";
import { crashing } from "./testing/crashing.ts";
import { ModelJobs } from "./testing/model-jobs.ts";
import { type ModelSchedule, ModelTables } from "./testing/model-tables.ts";
import { makeReplica, type Replica } from "./testing/replica.ts";

const HOUR_MS = 3_600_000;
const NO_HANDLERS: Handlers = { error: undefined, recovery: undefined };
const HANDLERS: Handlers = { error: { script: "f/h/error", args: {}, after: 2, exact: false }, recovery: { script: "f/h/recovery", args: {}, after: 1 } };
const CRONS = ["*/15 * * * * *", "0 * * * * *", "30 */7 * * * *", "0 0 * * * *", "0 30 2 * * *"];
const ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"];
const CATCH_UPS: readonly CatchUp[] = [{ kind: "none" }, { kind: "latest" }, { kind: "all", max: 20, windowMs: HOUR_MS }];

const pick = <T>(list: readonly T[], dice: number): T | undefined => list[Math.floor(dice * list.length)];

const SEEDS = 6;

interface Living {
  readonly replica: Replica;
  /** Added to the wall clock, and taken from the monotonic one: for so long the machine was suspended. */
  readonly clock: { shiftMs: number; suspendedMs: number };
  isDead: boolean;
  asleepUntilMs: number;
}

/** Two replicas that both think that all shards are theirs, clocks that jump, crashes anywhere, a time without owners; on one seed. */
class World {
  readonly random: () => number;
  readonly jobs: ModelJobs;
  readonly tables: ModelTables;
  readonly startMs: number;
  nowMs: number;
  crashes = 0;
  jumps = 0;
  #replicas: Living[] = [];

  constructor(seed: number, startMs: number) {
    this.random = seededRandom(seed);
    this.jobs = new ModelJobs(this.random);
    this.tables = new ModelTables((job) => this.jobs.isLive(job));
    this.startMs = startMs;
    this.nowMs = startMs;
    this.#setTime(startMs);
    for (let id = 1; id <= 12; id++) this.#addSchedule(String(id));
    this.#replicas = [this.#revive(0), this.#revive(0)];
  }

  async live(hours: number): Promise<void> {
    for (const untilMs = this.nowMs + hours * HOUR_MS; this.nowMs < untilMs; ) {
      const dice = this.random();
      // Mostly seconds, often to shortly before a tick, now and then a time in which nobody does anything.
      const longMs = dice < 0.002 ? 90 * 60_000 * this.random() : 120_000 * this.random();
      await this.#step(dice < 0.02 ? longMs : dice < 0.4 ? this.#untilBeforeTick() : 8000 * this.random(), 0.004);
    }
  }

  #untilBeforeTick(): number {
    const ticks = [...this.tables.schedules.values()].flatMap(({ nextMs }) => (nextMs !== undefined && nextMs > this.nowMs ? nextMs : []));
    return Math.max(0, Math.min(...ticks, this.nowMs + 60_000) - this.nowMs - 300 * this.random());
  }

  /** Nothing goes wrong any more: all that is open comes to its end. */
  async heal(): Promise<void> {
    this.jobs.isAway = false;
    this.#replicas = [this.#revive(0)];
    for (let step = 0; step < 400 && this.#isOpen(); step++) await this.#step(10_000, 0, true);
  }

  #isOpen(): boolean {
    return [...this.tables.runs.values()].some(({ todo }) => todo !== undefined && todo !== "watch");
  }

  async #step(ms: number, crashRate: number, isHealing = false): Promise<void> {
    this.#setTime(this.nowMs + Math.round(ms));
    await turns();
    if (!isHealing) {
      if (this.random() < 0.01) this.jobs.isAway = !this.jobs.isAway;
      if (this.random() < 0.005) this.#jump();
    }
    this.#crashRate = crashRate;
    const awake = this.#replicas.filter(({ asleepUntilMs }) => isHealing || (this.nowMs >= asleepUntilMs && this.random() >= 0.1));
    // Side by side: their steps alternate.
    await Promise.all(awake.map((living) => this.#work(living)));
    // What it was about to do it goes on with later, when others have taken it for dead.
    if (!isHealing) for (const living of awake) if (this.random() < 0.02) this.#sleep(living);
    await turns();
    this.#replicas = this.#replicas.map((living) => (living.isDead ? this.#revive(living.clock.shiftMs) : living));
    // While it heals no new ticks come: they would never end.
    if (isHealing) for (const schedule of this.tables.schedules.values()) schedule.nextMs = undefined;
  }

  #sleep(living: Living): void {
    const ms = 60_000 * this.random();
    living.asleepUntilMs = this.nowMs + ms;
    if (this.random() < 0.5) living.clock.suspendedMs += ms;
  }

  async #work({ replica }: Living): Promise<void> {
    const { ticker, sweeper } = replica;
    const order = this.random() < 0.3 ? [() => sweeper.sweep(), () => ticker.look(), () => ticker.fire()] : [() => ticker.look(), () => ticker.fire()];
    for (const act of order) await act().catch(() => undefined);
    await ticker.settled();
  }

  #crashRate = 0;

  #revive(shiftMs: number): Living {
    const clock = { shiftMs, suspendedMs: 0 };
    const living: { -readonly [K in keyof Living]: Living[K] } = { clock, isDead: false, asleepUntilMs: 0, replica: undefined as never };
    const onCall = (): "go on" | "before" | "after" | "never" => {
      this.tables.wallMs = this.nowMs + clock.shiftMs;
      if (living.isDead) return "never";
      if (this.random() >= this.#crashRate) return "go on";
      living.isDead = true;
      this.crashes += 1;
      return this.random() < 0.5 ? "before" : "after";
    };
    living.replica = makeReplica(crashing(this.tables, onCall), crashing(this.jobs.port(), onCall), {
      wallMs: () => this.nowMs + clock.shiftMs,
      monotonicMs: () => this.nowMs - clock.suspendedMs,
    });
    return living;
  }

  #jump(): void {
    const living = this.#replicas[this.random() < 0.5 ? 0 : 1];
    if (living === undefined) return;
    this.jumps += 1;
    living.clock.shiftMs = living.clock.shiftMs === 0 ? Math.round((this.random() - 0.5) * 2 * HOUR_MS) : 0;
  }

  #setTime(ms: number): void {
    this.nowMs = ms;
    this.tables.nowMs = ms;
    this.jobs.advance(ms);
  }

  #addSchedule(id: string): void {
    const cron = pick(CRONS, this.random()) ?? "";
    const zone = pick(ZONES, this.random()) ?? "";
    const overlap = pick(OVERLAPS, this.random()) ?? "skip";
    const path = this.random() < 0.1 ? "f/sim/gone" : "f/sim/job";
    const handlers = this.random() < 0.5 ? HANDLERS : NO_HANDLERS;
    const work: Work = { path: `f/sim/${id}`, target: { kind: "script", path }, argsJson: "{}", settingsJson: "{}", overlap, handlers, updatedBy: "test" };
    const schedule: ModelSchedule = {
      workspace: asWorkspaceId("1"),
      id,
      cron,
      zone,
      timing: 1,
      nextMs: ticksOf({ cron, zone }).after(this.startMs),
      catchUp: pick(CATCH_UPS, this.random()) ?? { kind: "none" },
      work,
      health: HEALTHY,
      runs: 0,
    };
    this.tables.schedules.set(`1/${id}`, schedule);
  }
}

/** What was begun in the background has its turn. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Every tick of a schedule up to where it is: those that ran, were left out or are missed, each once. */
function expectAllTicks(world: World, schedule: ModelSchedule): void {
  const rows = world.tables.runsOf(schedule);
  const last = rows.at(-1);
  if (last === undefined) return;
  const untilMs = last.untilMs ?? last.dueMs;
  const ticks = ticksOf(schedule);
  const expected: number[] = [];
  for (let at = ticks.after(world.startMs); at !== undefined && at <= untilMs; at = ticks.after(at)) expected.push(at);
  const found = rows.flatMap(({ dueMs, untilMs: to }) => expected.filter((at) => (to === undefined ? at === dueMs : at >= dueMs && at <= to)));
  expect(found, `ticks of ${schedule.id}: ${schedule.cron} ${schedule.zone}`).toEqual(expected);
}

function expectJobs(world: World, schedule: ModelSchedule): void {
  const jobs = world.tables.runsOf(schedule).map((run) => ({ run, job: world.jobs.byKey.get(runKey(run)) }));
  for (const { run, job } of jobs) {
    expect(run.job, `${runKey(run)} is ${run.state}`).toBe(job?.id);
    expect(run.state === "started", `${runKey(run)} is ${run.state}`).toBe(job !== undefined);
    // Whoever has recorded it, and by whatever clock: its job begins no sooner than at the tick.
    if (job !== undefined) expect(job.startedAtMs - run.claimedAtMs, runKey(run)).toBeGreaterThanOrEqual(run.dueMs - run.claimedWallMs);
    if (schedule.catchUp.kind === "none" && run.state !== "missed") expect(run.claimedWallMs - run.dueMs).toBeLessThanOrEqual(GRACE_MS);
    const handler = world.jobs.byKey.get(`${runKey(run)}/${run.handler ?? "none"}`);
    expect(run.handlerJob, runKey(run)).toBe(handler?.id);
    if (run.handler !== undefined && run.todo === undefined) expect(handler, runKey(run)).toBeDefined();
  }
  if (schedule.work.overlap === "parallel") return;
  const spans = jobs.flatMap(({ job }) => job ?? []).sort((a, b) => a.startedAtMs - b.startedAtMs);
  spans.forEach((job, at) => {
    const before = spans[at - 1];
    if (before !== undefined) expect(before.endsAtMs, `${before.key} and ${job.key} of ${schedule.work.overlap}`).toBeLessThanOrEqual(job.startedAtMs);
  });
}

/** Two hours before clocks are set in one of the zones. */
const BEGINNINGS = [Date.UTC(2026, 2, 28, 23), Date.UTC(2026, 9, 24, 23), Date.UTC(2026, 2, 8, 5), Date.UTC(2026, 3, 4, 13), Date.UTC(2026, 10, 1, 4)];

describe("through crashes at any step, sleeps and clocks that jump, also between the record of a tick and its moment, and two tickers at once", () => {
  const totals = { crashes: 0, jumps: 0, runs: 0, early: 0, missed: 0, skipped: 0, handlers: 0, failed: 0 };
  for (let seed = 1; seed <= SEEDS; seed++) {
    test(`each tick is accounted for once, and has one job or none (seed ${seed})`, async () => {
      const world = new World(seed, BEGINNINGS[seed % BEGINNINGS.length] ?? 0);
      await world.live(4);
      await world.heal();
      for (const schedule of world.tables.schedules.values()) {
        expectAllTicks(world, schedule);
        expectJobs(world, schedule);
      }
      const rows = [...world.tables.runs.values()];
      const keys = new Set(rows.flatMap((run) => [runKey(run), `${runKey(run)}/error`, `${runKey(run)}/recovery`]));
      for (const key of world.jobs.byKey.keys()) expect(keys, `a job of no run: ${key}`).toContain(key);
      expect(world.jobs.twice, "jobs that were said to be new").toEqual([]);
      totals.crashes += world.crashes;
      totals.jumps += world.jumps;
      totals.runs += rows.filter(({ state }) => state === "started").length;
      totals.early += rows.filter(({ dueMs, claimedWallMs }) => dueMs > claimedWallMs).length;
      totals.missed += rows.filter(({ state }) => state === "missed").length;
      totals.skipped += rows.filter(({ state }) => state === "skipped").length;
      totals.failed += rows.filter(({ state }) => state === "failed").length;
      totals.handlers += rows.filter(({ handlerJob }) => handlerJob !== undefined).length;
    });
  }

  test("and all of that has happened", () => {
    for (const [what, count] of Object.entries(totals)) expect(count, what).toBeGreaterThan(10);
  });
});
