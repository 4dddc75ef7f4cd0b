import { describe, expect, test } from "vitest";
import { ChurnSet } from "../../../kernel/churn-map.ts";
import { asWorkspaceId } from "../../../kernel/ids.ts";
import { atMost, CoreWorld, limitedBy, perWindow, testJob } from "../testing/core-world.ts";
import type { RunningJob, WaitingJob } from "./model.ts";
import { removeWaiting } from "./queue-core.ts";
import { countByReason, waitReason } from "./wait-reason.ts";
import { setWorkspaceLimits } from "./workspace-limits-core.ts";

const idsOf = (running: readonly RunningJob[]): string[] => running.map((entry) => entry.job.id);
const many = (count: number, make: () => WaitingJob): WaitingJob[] => Array.from({ length: count }, make);

describe("running caps", () => {
  test("jobs of one key start in their order, at most as many as the cap at a time", () => {
    const world = new CoreWorld();
    world.connect("1", 10);
    const jobs = many(7, () => testJob("1", limitedBy(atMost(2))));
    world.wait(...jobs);
    const order: string[] = [];
    for (let i = 0; i < 7; i++) {
      const started = world.round();
      order.push(...idsOf(started));
      expect(world.state.running.size).toBeLessThanOrEqual(2);
      const [first] = world.state.running.values();
      if (first !== undefined) world.end(first);
    }
    expect(order).toEqual(jobs.map((job) => job.id));
  });

  test("the jobs behind a blocked key go on, those of the same workspace too", () => {
    const world = new CoreWorld();
    world.connect("1", 10);
    world.wait(...many(5000, () => testJob("1", limitedBy(atMost(1)))));
    const others = many(5, () => testJob("1"));
    world.wait(...others);
    expect(idsOf(world.round()).slice(1)).toEqual(others.map((job) => job.id));
  });

  test("a job with several limits needs a permit of each, and takes none while it waits", () => {
    const world = new CoreWorld();
    world.connect("1", 10);
    const a = testJob("1", limitedBy(atMost(1, "a")));
    const both = testJob("1", limitedBy(atMost(1, "a"), atMost(1, "b")));
    const next = testJob("1", limitedBy(atMost(1, "b")));
    world.wait(a, both, next);
    const started = world.round();
    expect(idsOf(started)).toEqual([a.id, next.id]);
    for (const running of started) world.end(running);
    expect(idsOf(world.round())).toEqual([both.id]);
  });

  test("a permit that a group cannot use goes to the next one", () => {
    const world = new CoreWorld();
    world.connect("1", 10);
    const [first] = [testJob("1", limitedBy(atMost(1, "script")))];
    const holder = testJob("1", limitedBy(atMost(1, "customer")));
    world.wait(first, holder);
    const [script] = world.round();
    const stuck = testJob("1", limitedBy(atMost(1, "script"), atMost(1, "customer")));
    const able = testJob("1", limitedBy(atMost(1, "script"), atMost(1, "other")));
    world.wait(stuck, able);
    expect(world.round()).toEqual([]);
    if (script !== undefined) world.end(script);
    expect(idsOf(world.round())).toEqual([able.id]);
  });

  test("groups of one limit on two tags: free slots of one are not held up by the other that has none", () => {
    const world = new CoreWorld();
    world.connect("1", 5, ["cpu"]);
    const running = world.offer(testJob("1", { tag: "cpu", ...limitedBy(atMost(1)) }));
    const [gpu, cpu] = [testJob("1", { tag: "gpu", ...limitedBy(atMost(1)) }), testJob("1", { tag: "cpu", ...limitedBy(atMost(1)) })];
    world.wait(gpu, cpu);
    world.round();
    if (running !== undefined) world.end(running);
    expect(idsOf(world.round())).toEqual([cpu.id]);
  });

  test("direct dispatch keeps to limits, and to the order of the key; jobs of others are not slowed down by those that are held back", () => {
    const world = new CoreWorld();
    world.connect("1", 10);
    const first = world.offer(testJob("1", limitedBy(atMost(1))));
    expect(first).toBeDefined();
    const second = testJob("1", limitedBy(atMost(1)));
    expect(world.offer(second)).toBeUndefined();
    world.wait(second);
    world.round();
    expect(world.offer(testJob("1"))).toBeDefined();
    expect(world.offer(testJob("2"))).toBeDefined();
    if (first !== undefined) world.end(first);
    expect(world.offer(testJob("1", limitedBy(atMost(1))))).toBeUndefined();
    expect(idsOf(world.round())).toEqual([second.id]);
  });

  test("the definition of the newest job counts: a raised cap lets more go at once, a lowered one waits for enough ends", () => {
    const world = new CoreWorld();
    world.connect("1", 10);
    world.wait(...many(5, () => testJob("1", limitedBy(atMost(1)))));
    expect(world.round()).toHaveLength(1);
    world.wait(testJob("1", limitedBy(atMost(4))));
    const started = world.round();
    expect(started).toHaveLength(3);
    world.wait(testJob("1", limitedBy(atMost(2))));
    for (const running of started.slice(0, 2)) {
      world.end(running);
      expect(world.round()).toEqual([]);
    }
    const [last] = started.slice(2);
    if (last !== undefined) world.end(last);
    expect(world.round()).toHaveLength(1);
  });

  test("a better priority moves a waiting job ahead within its key and its group ahead of others", () => {
    const world = new CoreWorld();
    world.connect("1", 10);
    const running = world.offer(testJob("1", limitedBy(atMost(1))));
    const [usual, urgent] = [testJob("1", limitedBy(atMost(1))), testJob("1", { prio: 0, ...limitedBy(atMost(1)) })];
    world.wait(usual);
    world.round();
    world.wait(urgent);
    if (running !== undefined) world.end(running);
    expect(idsOf(world.round())).toEqual([urgent.id]);
  });

  test("a group whose waiting jobs are all cancelled leaves nothing behind", () => {
    const world = new CoreWorld();
    world.connect("1", 10);
    const running = world.offer(testJob("1", limitedBy(atMost(1))));
    const jobs = many(100, () => testJob("1", limitedBy(atMost(1))));
    world.wait(...jobs);
    world.round();
    for (const job of jobs) removeWaiting(world.state, job.id);
    if (running !== undefined) world.end(running);
    const [route] = world.state.routes.values();
    expect({ waiting: route?.waiting, held: route?.held, limits: world.state.limits.size }).toEqual({ waiting: 0, held: 0, limits: 0 });
  });
});

describe("work of a pick", () => {
  test("10,000 blocked groups of one limit are each looked at once, and one at a time when permits come back", () => {
    const world = new CoreWorld();
    world.connect("1", 1);
    const jobs = many(10_000, () => testJob("1"));
    world.wait(...jobs.map((job, at) => ({ ...job, ...limitedBy(atMost(1, "script"), atMost(1, `customer ${at}`)) })));
    let looks = 0;
    const [limit] = [...world.state.limits.values()].filter((entry) => entry.id === "script");
    const { holders } = limit ?? { holders: new ChurnSet<RunningJob>() };
    Object.defineProperty(holders, "size", {
      get() {
        looks += 1;
        return [...holders].length;
      },
    });
    for (let i = 0; i < 5; i++) {
      const [running] = world.round();
      if (running === undefined) throw new Error("the cap is free");
      world.end(running);
    }
    expect(looks).toBeLessThan(100);
  });
});

describe("a million jobs on one blocked key", () => {
  test("stay in the database but for a thousand, and neither they nor their neighbours wait for each other", () => {
    const world = new CoreWorld(20_000);
    world.connect("1", 10);
    const holder = world.offer(testJob("1", limitedBy(atMost(1))));
    const first = testJob("1", limitedBy(atMost(1)));
    world.wait(first);
    world.round();
    for (let i = 1; i < 1_000_000; i++) world.wait(testJob("1", limitedBy(atMost(1))));
    expect(world.state.waiting.size).toBeLessThanOrEqual(1000);
    expect([...world.state.wantRows]).toEqual([]);
    const [mine, other] = [testJob("1"), testJob("2")];
    expect([world.offer(mine), world.offer(other)].map((running) => running?.job)).toEqual([mine, other]);
    expect(countByReason(world.state)).toMatchObject({ concurrency: 1_000_000 });
    if (holder !== undefined) world.end(holder);
    expect(idsOf(world.round())).toEqual([first.id]);
  });
});

describe("starts per window", () => {
  test("the next job starts when the oldest start has left the window, and the core says when that is", () => {
    const world = new CoreWorld();
    world.connect("1", 10);
    world.wait(...many(5, () => testJob("1", limitedBy(perWindow(2, 1000)))));
    expect(world.round()).toHaveLength(2);
    world.nowMs = 999;
    expect(world.round()).toHaveLength(0);
    world.nowMs = 1000;
    expect(world.round()).toHaveLength(2);
  });
});

describe("workspace caps", () => {
  test("hold back all jobs of the workspace and nobody else's, until one of its jobs has ended", () => {
    const world = new CoreWorld();
    world.connect("1", 10);
    setWorkspaceLimits(world.state, asWorkspaceId("1"), { weight: 1, maxRunning: 2 });
    world.wait(...many(4, () => testJob("1")), ...many(3, () => testJob("2")));
    const started = world.round();
    expect(started.map((running) => running.job.workspace).sort()).toEqual(["1", "1", "2", "2", "2"]);
    expect(world.offer(testJob("3"))).toBeDefined();
    expect(waitReason(world.state, testJob("1"), 0)).toMatchObject({ code: "workspace_cap", limit: 2, running: 2 });
    for (const running of started) if (running.job.workspace === "1") world.end(running);
    expect(world.round()).toHaveLength(2);
  });
});

describe("wait reasons", () => {
  test("name key, cap and running jobs; the window and when it opens; slots; turn", () => {
    const world = new CoreWorld();
    world.connect("1", 3);
    const capped = testJob("1", limitedBy(atMost(1, "db")));
    const paced = testJob("1", limitedBy(perWindow(1, 5000, "mail")));
    world.wait(testJob("1", limitedBy(atMost(1, "db"))), capped, testJob("1", limitedBy(perWindow(1, 5000, "mail"))), paced);
    world.round();
    world.nowMs = 1000;
    const reason = (job: WaitingJob) => waitReason(world.state, { ...job, group: job.limits?.group }, world.nowMs);
    expect(reason(capped)).toEqual({ code: "concurrency", key: "db", limit: 1, running: 1, message: "1 of 1 jobs run for key db" });
    expect(reason(paced)).toMatchObject({ code: "rate", key: "mail", starts: 1, opensInMs: 4000 });
    const free = testJob("1");
    expect(reason(free)).toMatchObject({ code: "turn" });
    world.wait(free, testJob("2"));
    world.round();
    expect(reason(testJob("1"))).toMatchObject({ code: "slots_busy", slots: 3 });
    expect(countByReason(world.state)).toMatchObject({ concurrency: 1, rate: 1, slots_busy: 1, turn: 0 });
  });
});
