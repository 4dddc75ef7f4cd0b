import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Watched } from "../db/change-watch.ts";
import { LimitDuties } from "./limit-duties.ts";
import type { OwnerDeps } from "./owner-deps.ts";
import { CoreWorld, limitedBy, perWindow, testJob } from "./testing/core-world.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Ten minutes, after which old windows are removed from the tables. */
const DROPS_EVERY_MS = 600_000;
const DAY_MS = 86_400_000;

/** Duties of an owner, with counts of what they do. */
class Bench {
  readonly world = new CoreWorld();
  readonly watched = new Set<Watched>();
  reads = 0;
  drops = 0;
  wakes = 0;
  readonly duties: LimitDuties;

  constructor(watches = false) {
    const store = {
      workspaceLimits: async () => {
        this.reads += 1;
        return { changed: [], next: "7" };
      },
      dropOldWindows: async () => {
        this.drops += 1;
      },
    };
    const watch = (what: Watched): (() => void) => {
      this.watched.add(what);
      return () => void this.watched.delete(what);
    };
    const changes = watches ? { watch } : undefined;
    const deps = { state: this.world.state, store, changes, log: {} } as unknown as OwnerDeps;
    this.duties = new LimitDuties(deps, () => (this.wakes += 1));
  }

  /** A job has started, and the next one of its key may after that time. */
  waitForWindow(windowMs: number, key: string): void {
    const limits = limitedBy(perWindow(1, windowMs, key));
    this.world.offer(testJob("1", limits));
    this.world.wait(testJob("1", limits));
    this.world.round();
    this.duties.setAlarm(this.world.nowMs);
  }
}

test("limits of workspaces are read when they have changed; where nobody tells, once a second", async () => {
  const told = new Bench(true);
  told.duties.start();
  const [watched] = [...told.watched];
  expect([watched?.since(), watched?.isNew("'0'")]).toEqual(["0", expect.stringContaining("workspace_limit")]);
  told.duties.tick(0);
  expect([told.reads, told.wakes]).toEqual([0, 0]);
  await watched?.read();
  expect([told.reads, told.wakes, watched?.since()]).toEqual([1, 1, "7"]);
  told.duties.stop();
  expect(told.watched.size).toBe(0);
  const alone = new Bench();
  alone.duties.start();
  alone.duties.tick(0);
  await vi.advanceTimersByTimeAsync(0);
  expect(alone.reads).toBe(1);
  await alone.duties.readWorkspaceLimits();
  expect(alone.reads).toBe(2);
  alone.duties.stop();
});

test("a window of which no start counts any more is removed from memory", () => {
  const { world, duties } = new Bench();
  world.connect("1", 2);
  const running = world.offer(testJob("1", limitedBy(perWindow(1, 5000))));
  if (running === undefined) throw new Error("a slot is free");
  world.end(running);
  duties.tick(4999);
  expect(world.state.limits.size).toBe(1);
  duties.tick(5000);
  expect(world.state.limits.size).toBe(0);
});

test("old windows are removed from the tables every ten minutes", () => {
  const bench = new Bench();
  for (const nowMs of [DROPS_EVERY_MS - 1, DROPS_EVERY_MS, 2 * DROPS_EVERY_MS - 1, 2 * DROPS_EVERY_MS]) bench.duties.tick(nowMs);
  expect(bench.drops).toBe(2);
});

test("an attempt that runs longer than was expected is charged while it runs", () => {
  const { world, duties } = new Bench();
  world.connect("1", 1);
  const running = world.offer(testJob("1"));
  duties.tick(5000);
  expect(running?.chargedMs).toBe(5000);
});

test("the owner is woken when the next window opens for which somebody waits, and by nothing else", async () => {
  const bench = new Bench();
  bench.world.connect("1", 10);
  bench.waitForWindow(5000, "late");
  bench.waitForWindow(1000, "soon");
  bench.duties.setAlarm(0);
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(999);
  expect(bench.wakes).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  expect([bench.wakes, vi.getTimerCount()]).toEqual([1, 0]);
  bench.world.nowMs = 1000;
  bench.duties.openWindows(1000);
  expect(bench.world.round().length).toBe(1);
  bench.duties.setAlarm(1000);
  await vi.advanceTimersByTimeAsync(3999);
  expect(bench.wakes).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(bench.wakes).toBe(2);
  bench.duties.openWindows(5000);
  bench.world.nowMs = 5000;
  bench.world.round();
  bench.duties.setAlarm(5000);
  expect(vi.getTimerCount()).toBe(0);
});

test("an alarm is off when nobody waits any more, or the owner has stopped", () => {
  for (const end of [(bench: Bench) => bench.duties.stop(), (bench: Bench) => bench.duties.setAlarm(0)]) {
    const bench = new Bench();
    bench.world.connect("1", 2);
    bench.waitForWindow(1000, "w");
    expect(vi.getTimerCount()).toBe(1);
    bench.world.state.timers.pop();
    end(bench);
    expect(vi.getTimerCount()).toBe(0);
  }
});

test("a window that opens in a month is looked at once a minute: timers cannot be set so far ahead", async () => {
  const bench = new Bench();
  bench.world.connect("1", 2);
  bench.waitForWindow(30 * DAY_MS, "w");
  await vi.advanceTimersByTimeAsync(60_000);
  expect(bench.wakes).toBe(1);
  bench.duties.setAlarm(60_000);
  expect(vi.getTimerCount()).toBe(1);
  bench.duties.stop();
});
