import { describe, expect, test } from "vitest";
import { atMost, CoreWorld, debounced, limitedBy, perWindow, testJob } from "../testing/core-world.ts";
import type { LimitSpec, LimitStrategy } from "./limit-model.ts";
import { waitReason } from "./wait-reason.ts";

const withStrategy = (spec: LimitSpec, strategy: LimitStrategy) => limitedBy({ ...spec, strategy });

function connected(slots = 10): CoreWorld {
  const world = new CoreWorld();
  world.connect("1", slots);
  return world;
}

describe("fail and cancel_newest", () => {
  test.each(["fail", "cancel_newest"] as const)(
    "%s: refused when those that run or wait are as many as the cap, accepted again when one has ended",
    (strategy) => {
      const world = connected();
      const job = () => testJob("1", withStrategy(atMost(2), strategy));
      const first = world.arrive(job());
      expect([first.refused, world.arrive(job()).refused]).toEqual([undefined, undefined]);
      expect(world.arrive(job()).refused).toMatchObject({ strategy, max: 2 });
      if (first.started !== undefined) world.end(first.started);
      expect(world.arrive(job()).started).toBeDefined();
    },
  );

  test("jobs that wait for an agent count: they will take the permits", () => {
    const world = new CoreWorld();
    const job = () => testJob("1", withStrategy(atMost(1), "fail"));
    expect(world.arrive(job()).refused).toBeUndefined();
    expect(world.arrive(job()).refused).toBeDefined();
  });

  test("a rate: refused until the window opens", () => {
    const world = connected();
    const job = () => testJob("1", withStrategy(perWindow(1, 1000), "fail"));
    expect(world.arrive(job()).started).toBeDefined();
    world.nowMs = 999;
    expect(world.arrive(job()).refused).toBeDefined();
    world.nowMs = 1000;
    expect(world.arrive(job()).started).toBeDefined();
  });
});

describe("cancel_oldest", () => {
  const job = (max = 1) => testJob("1", withStrategy(atMost(max), "cancel_oldest"));

  test("the one that runs longest is cancelled, once; then the one that waits longest", () => {
    const world = connected();
    const [a, b, c] = [job(), job(), job()];
    const { started } = world.arrive(a);
    expect(world.arrive(b).victims).toEqual([a.id]);
    expect(world.arrive(c).victims).toEqual([b.id]);
    world.round();
    if (started !== undefined) world.end(started);
    expect(world.round().map((running) => running.job.id)).toEqual([c.id]);
  });

  test("nobody is cancelled while there is room", () => {
    const world = connected();
    expect([job(2), job(2)].flatMap((entry) => world.arrive(entry).victims)).toEqual([]);
  });

  test("a lowered cap cancels as many as are too many", () => {
    const world = connected();
    const [a, b, c] = [job(3), job(3), job(3)];
    for (const entry of [a, b, c]) world.arrive(entry);
    expect(world.arrive(job(1)).victims).toEqual([a.id, b.id, c.id]);
  });
});

describe("debounce", () => {
  test("each new job replaces the one that waits, and the last starts when none has come for the delay", () => {
    const world = connected();
    const jobs = Array.from({ length: 4 }, () => testJob("1", limitedBy(debounced(100))));
    const victims: string[] = [];
    for (const job of jobs) {
      const arrived = world.arrive(job);
      expect(arrived.started).toBeUndefined();
      victims.push(...arrived.victims);
      expect(world.round()).toEqual([]);
      world.nowMs += 60;
    }
    expect(victims).toEqual(jobs.slice(0, 3).map((job) => job.id));
    const last = jobs[3] ?? testJob("1");
    expect(waitReason(world.state, { ...last, group: last.limits?.group }, world.nowMs)).toMatchObject({ code: "debounce", opensInMs: 40 });
    world.nowMs += 39;
    expect(world.round()).toEqual([]);
    world.nowMs += 2;
    expect(world.round().map((running) => running.job.id)).toEqual([last.id]);
  });

  test("the longest delay bounds how often a job can be replaced", () => {
    const world = connected();
    const started: string[] = [];
    for (let i = 0; i < 30; i++) {
      world.arrive(testJob("1", limitedBy(debounced(100, 250))));
      for (const running of world.round()) {
        started.push(String(world.nowMs));
        world.end(running);
      }
      world.nowMs += 50;
    }
    expect(started.length).toBeGreaterThanOrEqual(4);
  });

  test("one whose moment is noticed late replaces the job that waits, and does not let its delay end sooner", () => {
    const world = connected();
    world.nowMs = 1000;
    world.arrive(testJob("1", limitedBy(debounced(100))));
    world.nowMs = 1050;
    const late = testJob("1", limitedBy(debounced(100)));
    expect(world.arrive(late, 960).victims).toHaveLength(1);
    for (world.nowMs = 1060; world.nowMs < 1100; world.nowMs += 10) expect(world.round()).toEqual([]);
    expect(world.round().map((running) => running.job.id)).toEqual([late.id]);
  });

  test("the longest delay counts from the first, also when that is noticed last", () => {
    const world = connected();
    world.nowMs = 1000;
    world.arrive(testJob("1", limitedBy(debounced(100, 250))));
    world.nowMs = 1050;
    world.arrive(testJob("1", limitedBy(debounced(100, 250))), 830);
    world.nowMs = 1079;
    expect(world.round()).toEqual([]);
    world.nowMs = 1080;
    expect(world.round()).toHaveLength(1);
  });

  test("a lost attempt is not replaced: it waits again beside the new one, and both run", () => {
    const world = connected();
    const lost = testJob("1", { attempt: 1, ...limitedBy(debounced(100)) });
    world.wait(lost);
    const next = testJob("1", limitedBy(debounced(100)));
    expect(world.arrive(next).victims).toEqual([]);
    const order: string[] = [];
    for (; world.nowMs < 400; world.nowMs += 10) order.push(...world.round().map((running) => running.job.id));
    expect(order).toEqual([lost.id, next.id]);
  });
});
