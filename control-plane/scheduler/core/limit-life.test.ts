import { describe, expect, test } from "vitest";
import { asAgentKey, asToken, asWorkspaceId } from "../../../kernel/ids.ts";
import { atMost, CoreWorld, debounced, limitedBy, perWindow, testJob } from "../testing/core-world.ts";
import { attachAgent } from "./agents-core.ts";
import { adoptRunning, endFlow } from "./dispatch-core.ts";
import { FLOW_AGENT, FLOW_LANGUAGE, FLOW_SESSION, FLOW_TAG } from "./flow-agent.ts";
import { forgetOldWindows, nextWakeMs, resumeDebounces } from "./limits-core.ts";
import type { Limit, RunningJob, WaitingJob } from "./model.ts";
import { removeWaiting } from "./queue-core.ts";
import { setWorkspaceLimits } from "./workspace-limits-core.ts";

const WORKSPACE = asWorkspaceId("1");
/** What may be left in a heap of what no longer counts, besides as much again as counts. */
const STALE = 64;

function connected(slots = 10): CoreWorld {
  const world = new CoreWorld();
  world.connect("1", slots);
  return world;
}

function begun(world: CoreWorld, job: WaitingJob): RunningJob {
  const running = world.offer(job);
  if (running === undefined) throw new Error("nothing holds it back");
  return running;
}

function limitOf({ state }: CoreWorld, id: string): Limit {
  const limit = state.limits.get(id);
  if (limit === undefined) throw new Error("the limit is known");
  return limit;
}

test("the definition of a job that was created earlier does not come back with it", () => {
  const world = connected();
  const earlier = testJob("1", limitedBy(atMost(1)));
  world.wait(testJob("1", limitedBy(atMost(3))), testJob("1", limitedBy(atMost(3))), earlier);
  expect(world.round()).toHaveLength(3);
});

test("a group that moved ahead in its line leaves no place behind that would take another group's turn", () => {
  const world = connected();
  const script = atMost(1, "script");
  const a = (prio: number): WaitingJob => testJob("1", { prio, ...limitedBy(script, atMost(9, "a")) });
  const [usual, urgent] = [a(4), a(0)];
  const other = testJob("1", { prio: 5, ...limitedBy(script, atMost(9, "b")) });
  const holder = begun(world, testJob("1", limitedBy(script)));
  for (const job of [usual, other, urgent]) {
    world.wait(job);
    expect(world.round()).toEqual([]);
  }
  const order: string[] = [];
  for (let ending: RunningJob | undefined = holder; ending !== undefined; ) {
    world.end(ending);
    const [next]: RunningJob[] = world.round();
    if (next !== undefined) order.push(next.job.id);
    ending = next;
  }
  expect(order).toEqual([urgent.id, usual.id, other.id]);
});

describe("a window", () => {
  test("is forgotten when none of its starts counts any more, and not before; nor while somebody waits for it", () => {
    const world = connected();
    const paced = (): WaitingJob => testJob("1", limitedBy(perWindow(1, 1000)));
    world.end(begun(world, paced()));
    forgetOldWindows(world.state, 999);
    world.nowMs = 999;
    expect(world.offer(paced())).toBeUndefined();
    world.wait(paced());
    expect([world.round(), nextWakeMs(world.state)]).toEqual([[], 1000]);
    forgetOldWindows(world.state, 5000);
    expect(world.state.limits.size).toBe(1);
    world.nowMs = 1000;
    const [running] = world.round();
    if (running === undefined) throw new Error("the window is open");
    world.end(running);
    forgetOldWindows(world.state, 2000);
    expect(world.state.limits.size).toBe(0);
  });

  test("that an earlier owner stored counts from when its limit is seen, and is not kept twice", () => {
    const world = connected();
    world.state.storedWindows.set("w", { workspace: WORKSPACE, size: { starts: 1, windowMs: 1000 }, times: [-400], tatMs: undefined });
    const job = testJob("1", limitedBy(perWindow(1, 1000)));
    expect([world.offer(job), world.state.storedWindows.size]).toEqual([undefined, 0]);
    world.nowMs = 600;
    expect(world.offer(job)).toBeDefined();
  });
});

describe("the delay of a debounce", () => {
  /** @returns when it opens, and since when it counts, for what waited that long under an earlier owner when this one read it at 1000 */
  function resumed(fields: Partial<WaitingJob>, ...waitedMs: readonly number[]): Limit["quiet"] {
    const world = new CoreWorld();
    const job = testJob("1", { ...limitedBy(atMost(1), debounced(100)), ...fields });
    world.wait(job);
    for (const ms of waitedMs) resumeDebounces(world.state, job, ms, 1000);
    expect(limitOf(world, "k").quiet).toBeUndefined();
    return limitOf(world, "d").quiet;
  }

  test("goes on from where it was under an earlier owner, and is over when it was over", () => {
    expect(resumed({}, 30)).toEqual({ firstMs: 970, opensAtMs: 1070 });
    expect(resumed({}, 500)).toEqual({ firstMs: 900, opensAtMs: 1000 });
  });

  test("is not longer where clocks do not agree, nor that of an attempt that was lost", () => {
    expect(resumed({}, -70)).toEqual({ firstMs: 1000, opensAtMs: 1100 });
    expect(resumed({ attempt: 1 }, 30)).toBeUndefined();
  });

  test("is that of the last one that came, where several wait", () => {
    expect(resumed({}, 30, 50)).toEqual({ firstMs: 970, opensAtMs: 1070 });
    expect(resumed({}, 30, 10)).toEqual({ firstMs: 990, opensAtMs: 1090 });
  });
});

describe("flows", () => {
  const flow = (): WaitingJob => testJob("1", { tag: FLOW_TAG, language: FLOW_LANGUAGE });

  test("do not count for what their workspace may run, and are not held back by it", () => {
    const world = connected();
    const { state } = world;
    const of = { key: FLOW_AGENT, name: "flows", session: FLOW_SESSION, workspace: undefined, tags: [FLOW_TAG], languages: [FLOW_LANGUAGE], held: new Map() };
    attachAgent(state, { ...of, slots: 10 });
    setWorkspaceLimits(state, WORKSPACE, { weight: 1, maxRunning: 1 });
    const permits = (): number | undefined => state.tenants.get(WORKSPACE)?.permits;
    const first = begun(world, flow());
    const agent = state.agents.get(FLOW_AGENT);
    if (agent === undefined) throw new Error("it is attached");
    const adopted = adoptRunning(state, agent, flow(), asToken("1"), 0);
    expect(permits()).toBe(0);
    begun(world, testJob("1"));
    expect([permits(), world.offer(testJob("1"))]).toEqual([1, undefined]);
    begun(world, flow());
    world.wait(flow());
    expect(world.round()).toHaveLength(1);
    for (const running of [first, adopted]) endFlow(state, running);
    expect([permits(), world.offer(testJob("1"))]).toEqual([1, undefined]);
  });

  test("an attempt that is taken over does", () => {
    const world = connected();
    const { state } = world;
    const agent = state.agents.get(asAgentKey("1"));
    if (agent === undefined) throw new Error("it is attached");
    const running = adoptRunning(state, agent, testJob("1", limitedBy(atMost(1))), asToken("1"), 0);
    expect([state.tenants.get(WORKSPACE)?.permits, world.offer(testJob("1", limitedBy(atMost(1))))]).toEqual([1, undefined]);
    world.end(running);
    expect([state.tenants.get(WORKSPACE)?.permits, world.offer(testJob("1", limitedBy(atMost(1)))) !== undefined]).toEqual([0, true]);
  });
});

describe("what no longer counts does not fill the memory", () => {
  const MANY = 1000;
  /** Each goes ahead of those before it. */
  const ahead = (at: number, fields: Partial<WaitingJob> = {}): WaitingJob => testJob("1", { dueAtMs: MANY - at, ...fields });

  test("of a group that moves ahead all the time, where it waits for an agent or for a limit", () => {
    const world = new CoreWorld();
    for (let at = 0; at < MANY; at++) world.wait(ahead(at));
    const [share] = [...world.state.routes.values()].flatMap((route) => [...route.shares.values()]);
    expect(share?.ready.size).toBeLessThanOrEqual(2 + STALE);
    const limited = connected();
    begun(limited, testJob("1", limitedBy(atMost(1))));
    limited.wait(ahead(0, limitedBy(atMost(1))));
    expect(limited.round()).toEqual([]);
    for (let at = 1; at < MANY; at++) limited.wait(ahead(at, limitedBy(atMost(1))));
    const [line] = limitOf(limited, "k").lines.values();
    expect(line?.parked.size).toBeLessThanOrEqual(2 + STALE);
  });

  test("of jobs that come and are cancelled in turns behind one that waits", () => {
    const world = new CoreWorld();
    const first = testJob("1");
    world.wait(first);
    for (let at = 0; at < MANY; at++) {
      const job = testJob("1");
      world.wait(job);
      removeWaiting(world.state, job.id);
    }
    const [queue] = [...world.state.routes.values()].flatMap((route) => [...route.shares.values()]).flatMap((share) => [...share.queues.values()]);
    expect([queue?.hotCount, (queue?.hot.size ?? 0) <= 2 + STALE]).toEqual([1, true]);
  });
});
