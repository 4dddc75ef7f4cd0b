import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { JobId } from "../../kernel/ids.ts";
import type { WaitingJob } from "./core/model.ts";
import type { TimerRead } from "./core/timers-core.ts";
import { atMost, CoreWorld, limitedBy, testJob } from "./testing/core-world.ts";
import { OwnerTimers } from "./timers.ts";

const BEGUN_MS = 1_000_000;
const HORIZON_MS = 60_000;
beforeEach(() => {
  vi.useFakeTimers({ now: BEGUN_MS });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Timers of an owner, and tables that answer what a test puts there. */
class Bench {
  readonly world = new CoreWorld();
  /** What has happened: what, to which job, and when. */
  readonly events: [string, JobId, number][] = [];
  readonly reads: { of: string; read: TimerRead; shards: readonly number[] }[] = [];
  readonly logged: unknown[] = [];
  readonly gone = new Set<number>();
  rows: { deferred: WaitingJob[]; expiring: WaitingJob[]; dueFlows: WaitingJob[] } = { deferred: [], expiring: [], dueFlows: [] };
  answer: () => Promise<void> = async () => undefined;
  readonly timers: OwnerTimers;

  constructor(hasFlows = true) {
    const log = { warn: ({ event }: Record<string, unknown>): void => void this.logged.push(event) };
    const happens =
      (what: string) =>
      (entry: { id: JobId }): void =>
        void this.events.push([what, entry.id, Date.now() - BEGUN_MS]);
    const page = (of: "deferred" | "expiring" | "dueFlows") => async (read: TimerRead, _limit: number, shards: readonly number[]) => {
      this.reads.push({ of, read, shards });
      const found = this.rows[of];
      await this.answer();
      return { rows: found.map((job) => ({ id: job.id, atMs: job.dueAtMs, job, workspace: job.workspace, shard: job.shard })), complete: true };
    };
    const store = { deferred: page("deferred"), expiring: page("expiring"), dueFlows: page("dueFlows") };
    const flows = hasFlows ? () => undefined as never : undefined;
    const deps = {
      store: store as never,
      state: this.world.state,
      clock: { wallMs: () => Date.now(), monotonicMs: () => performance.now() },
      log: log as never,
    };
    const events = { ready: happens("ready"), expired: happens("expired"), flowDue: happens("flow due") };
    this.timers = new OwnerTimers({ ...deps, owns: (shard) => !this.gone.has(shard), flows }, events);
  }

  /** One that has looked at the tables. */
  static async begun(hasFlows?: boolean): Promise<Bench> {
    const bench = new Bench(hasFlows);
    bench.timers.look();
    await vi.advanceTimersByTimeAsync(0);
    bench.reads.length = 0;
    return bench;
  }

  /** Sets one of each kind for a moment. */
  setAll(inMs: number, shard = 0): WaitingJob {
    const job = testJob("1", { dueAtMs: Date.now() + inMs, shard });
    this.timers.defer(job);
    this.timers.expire(job, job.dueAtMs);
    this.timers.flowAt(job, job.dueAtMs);
    return job;
  }

  /** What has happened to a job. */
  of({ id }: WaitingJob): string[] {
    return this.events.flatMap(([what, job]) => (job === id ? [what] : []));
  }
}

const inMs = (ms: number, shard = 0): WaitingJob => testJob("1", { dueAtMs: BEGUN_MS + ms, shard });
const ALL = ["ready", "expired", "flow due"];

test("each moment comes in its millisecond, whatever is set after it, and one alarm is enough for all", async () => {
  const bench = await Bench.begun();
  const [late, soon, middle] = [inMs(500), inMs(50), inMs(100)];
  bench.timers.defer(late);
  bench.timers.defer(soon);
  bench.timers.expire(middle, middle.dueAtMs);
  bench.timers.flowAt(late, late.dueAtMs - 1);
  expect([vi.getTimerCount(), bench.timers.size]).toEqual([1, 4]);
  await vi.advanceTimersByTimeAsync(40);
  bench.timers.look();
  await vi.advanceTimersByTimeAsync(500);
  expect(bench.events).toEqual([
    ["ready", soon.id, 50],
    ["expired", middle.id, 100],
    ["flow due", late.id, 499],
    ["ready", late.id, 500],
  ]);
  expect([vi.getTimerCount(), bench.timers.size, bench.timers.firedMs]).toEqual([1, 0, BEGUN_MS + 500]);
});

test("the wall clock is looked at once a second: moments come early when it is set forward, and never before their time", async () => {
  const bench = await Bench.begun();
  const job = bench.setAll(30_000);
  vi.setSystemTime(Date.now() + 29_000);
  await vi.advanceTimersByTimeAsync(900);
  expect(bench.events).toEqual([]);
  await vi.advanceTimersByTimeAsync(100);
  expect(bench.of(job)).toEqual(ALL);
});

test("a thousand moments are handed out at a time, and others have their turn in between", async () => {
  const bench = await Bench.begun();
  const jobs = Array.from({ length: 2500 }, () => inMs(10));
  for (const job of jobs) bench.timers.defer(job);
  await vi.advanceTimersByTimeAsync(10);
  expect(bench.events.length).toBe(1000);
  await vi.advanceTimersByTimeAsync(2);
  expect(bench.events.length).toBe(2500);
});

test("what begins or ends has no moments any more; a flow's own is taken back", async () => {
  const bench = await Bench.begun();
  const job = bench.setAll(100);
  bench.timers.forget(job.id);
  await vi.advanceTimersByTimeAsync(50);
  expect(bench.timers.size).toBe(1);
  bench.timers.flowAt(job, undefined);
  await vi.advanceTimersByTimeAsync(100);
  expect(bench.events).toEqual([]);
});

test("what the tables have is read before its moment; of a job that waits or runs already the rows are old", async () => {
  const bench = await Bench.begun();
  const [fresh, waits, runs] = [inMs(HORIZON_MS + 500), inMs(HORIZON_MS + 600), inMs(HORIZON_MS + 700)];
  bench.world.wait(waits);
  bench.world.connect("1", 1);
  bench.world.offer({ ...runs, tag: "default", language: "python3" });
  bench.rows = { deferred: [fresh, waits, runs], expiring: [fresh, waits, runs], dueFlows: [fresh, waits, runs] };
  await vi.advanceTimersByTimeAsync(HORIZON_MS + 1000);
  expect([bench.of(fresh), bench.of(waits), bench.of(runs)]).toEqual([ALL, ["expired", "flow due"], ["flow due"]]);
  expect(bench.reads.slice(0, 3).map(({ of, read }) => [of, read.after.atMs - BEGUN_MS])).toEqual(
    ["deferred", "expiring", "dueFlows"].map((of) => [of, HORIZON_MS]),
  );
});

test("a failed read is repeated within a second", async () => {
  const bench = new Bench();
  bench.answer = () => Promise.reject(new Error("the database is away"));
  bench.rows.deferred = [inMs(1500)];
  bench.timers.look();
  await vi.advanceTimersByTimeAsync(500);
  expect([bench.reads.length, bench.logged.length]).toEqual([3, 3]);
  bench.answer = async () => undefined;
  await vi.advanceTimersByTimeAsync(1000);
  expect([bench.reads.length, bench.events.map(([, , ms]) => ms)]).toEqual([6, [1500]]);
});

test("an owner without flows does not ask for theirs", async () => {
  const bench = new Bench(false);
  bench.timers.look();
  expect(bench.reads.map(({ of }) => of)).toEqual(["deferred", "expiring"]);
});

test("moments of shards that are given away are left to their next owner, and so is what a read brings of them", async () => {
  const bench = await Bench.begun();
  const [stays, sealed, leaves] = [bench.setAll(100, 1), bench.setAll(100, 2), bench.setAll(100, 3)];
  bench.timers.forgetShards(new Set([3]));
  expect(bench.timers.size).toBe(6);
  bench.gone.add(2);
  await vi.advanceTimersByTimeAsync(HORIZON_MS);
  expect([bench.of(stays), bench.of(sealed), bench.of(leaves)]).toEqual([ALL, [], []]);
  expect(bench.reads.map(({ shards }) => [shards.length, shards.includes(2)])).toEqual([
    [63, false],
    [63, false],
    [63, false],
  ]);
});

test("when shards have come all is read anew, and a read that did not ask for them counts for nothing", async () => {
  const bench = await Bench.begun();
  bench.setAll(100);
  const { firedMs } = bench.timers;
  vi.setSystemTime(Date.now() - 5000);
  let answer: (() => void) | undefined;
  bench.answer = () => new Promise((resolve) => (answer = resolve));
  bench.timers.restart();
  expect([bench.timers.size, bench.timers.firedMs, bench.reads.length]).toEqual([0, firedMs, 3]);
  expect(bench.reads[0]?.read.after.atMs).toBe(0);
  const job = testJob("1", { dueAtMs: Date.now() + 200 });
  bench.answer = async () => undefined;
  bench.rows.deferred = [job];
  bench.timers.restart();
  answer?.();
  await vi.advanceTimersByTimeAsync(300);
  expect(bench.events).toEqual([["ready", job.id, -4800]]);
});

test("an owner that has stopped does nothing more at any moment", async () => {
  const bench = await Bench.begun();
  bench.setAll(100);
  bench.timers.stop();
  bench.setAll(50);
  bench.timers.look();
  expect(vi.getTimerCount()).toBe(0);
  await vi.advanceTimersByTimeAsync(1000);
  expect(bench.events).toEqual([]);
});

test("a refill takes a job from its timer, unless limits have yet to have their say, which they have at its moment", async () => {
  const bench = await Bench.begun();
  const limits = limitedBy(atMost(1));
  const due = { dueAtMs: Date.now() + 10 };
  const jobs = { plain: testJob("1", due), limited: testJob("1", { ...due, ...limits }), tried: testJob("1", { ...due, ...limits, attempt: 1 }) };
  const early = testJob("1", { ...limits, dueAtMs: Date.now() + 500 });
  for (const job of [...Object.values(jobs), early]) bench.timers.defer(job);
  // Their alarm is late: the event loop was busy.
  vi.setSystemTime(Date.now() + 10);
  const known = testJob("1", { ...limits, ...due });
  expect([...Object.values(jobs), early, known].map((job) => bench.timers.refilled(job))).toEqual([true, false, true, true, true]);
  // Its insert is committed and not answered yet.
  bench.timers.arriving(known.id);
  expect(bench.timers.refilled(known)).toBe(false);
  bench.timers.forget(known.id);
  expect(bench.timers.refilled(known)).toBe(true);
  await vi.advanceTimersByTimeAsync(1000);
  expect(bench.events.map(([, id]) => id)).toEqual([jobs.limited.id]);
});
