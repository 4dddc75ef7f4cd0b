import { describe, expect, test } from "vitest";
import { asAgentKey, asSessionId } from "../../../kernel/ids.ts";
import { testJob } from "../testing/core-world.ts";
import { attachAgent, detachAgent, silentAgent } from "./agents-core.ts";
import { confirmClaim, dispatch, endRunning, forgetRunning, offerJob } from "./dispatch-core.ts";
import type { WaitingJob } from "./model.ts";
import { pinnedAgentOf, pinTagOf, strays } from "./pinned-core.ts";
import { admitWaiting, removeWaiting, reserveWaiting } from "./queue-core.ts";
import { createSchedulerState, forgetIdleRoutes, type SchedulerState } from "./state-core.ts";
import { waitReason } from "./wait-reason.ts";

const NAMES = { one: asAgentKey("1"), two: asAgentKey("2") };

function connect(state: SchedulerState, key = NAMES.one, slots = 1, languages = ["bash"]): void {
  const hello = { key, name: "a", session: asSessionId(`of ${key}`), workspace: undefined, tags: ["default"], held: new Map() };
  attachAgent(state, { ...hello, languages, slots });
}

function wait(state: SchedulerState, job: WaitingJob): WaitingJob {
  reserveWaiting(state, job);
  admitWaiting(state, job);
  return job;
}

const pinned = (workspace: string, fields: Partial<WaitingJob> = {}): WaitingJob => testJob(workspace, { tag: pinTagOf(NAMES.one), ...fields });
const agents = (state: SchedulerState, nowMs: number): [string, string][] => dispatch(state, nowMs, 10).map(({ running }) => [running.agent, running.job.id]);

test("a job for one agent goes to no other, and waits for a slot there", () => {
  const state = createSchedulerState(1, 100);
  connect(state, NAMES.one, 0);
  connect(state, NAMES.two, 5);
  const job = wait(state, pinned("1"));
  expect(agents(state, 0)).toEqual([]);
  expect(waitReason(state, job, 0)).toMatchObject({ code: "agents_draining", message: "the agent that has the folder of the flow's steps is draining" });
  connect(state, NAMES.one, 1);
  expect(agents(state, 0)).toEqual([["1", job.id]]);
  const next = wait(state, pinned("1"));
  expect(waitReason(state, next, 0)).toMatchObject({ code: "slots_busy", slots: 1 });
});

test("it is found whether its agent comes before it or after", () => {
  const early = createSchedulerState(1, 100);
  connect(early);
  expect(offerJob(early, pinned("1"), 0)?.running.agent).toBe("1");
  const late = createSchedulerState(1, 100);
  const job = wait(late, pinned("1"));
  expect(waitReason(late, job, 0)).toMatchObject({ code: "no_agent", message: expect.stringContaining("is not connected") });
  connect(late);
  expect(agents(late, 0)).toEqual([["1", job.id]]);
});

test("routes of agents' own tags go when nobody waits there, and come again", () => {
  const state = createSchedulerState(1, 100);
  connect(state);
  const served = state.agents.get(NAMES.one)?.routes.length;
  for (let round = 0; round < 3; round++) {
    const job = wait(state, pinned("1"));
    forgetIdleRoutes(state);
    expect(removeWaiting(state, job.id)).toBe(job);
    forgetIdleRoutes(state);
    expect([state.routes.size, state.tags.size, state.agents.get(NAMES.one)?.routes.length]).toEqual([1, 1, served]);
  }
});

describe("the next step of a flow does not keep a slot from others", () => {
  const used = (state: SchedulerState, first: WaitingJob): void => {
    const running = offerJob(state, first, 0)?.running;
    if (running === undefined) throw new Error("the slot is free");
    confirmClaim(state, running);
    endRunning(state, first.id, running.token, 5000);
    forgetRunning(state, running);
  };

  test("of workspaces that have used less", () => {
    const state = createSchedulerState(1, 100);
    connect(state);
    const running = offerJob(state, testJob("1"), 0)?.running;
    if (running === undefined) throw new Error("the slot is free");
    confirmClaim(state, running);
    const other = wait(state, testJob("2"));
    endRunning(state, running.job.id, running.token, 5000);
    forgetRunning(state, running);
    expect(offerJob(state, pinned("1"), 5000)).toBeUndefined();
    const next = wait(state, pinned("1"));
    expect(agents(state, 5000)).toEqual([["1", other.id]]);
    expect(state.waiting.has(next.id)).toBe(true);
  });

  test("and takes it at once when nobody else wants it", () => {
    const state = createSchedulerState(1, 100);
    connect(state);
    used(state, testJob("1"));
    expect(offerJob(state, pinned("1"), 5000)?.running.agent).toBe("1");
  });
});

describe("a job waits in vain", () => {
  const lost = (state: SchedulerState, nowMs: number): (string | undefined)[] =>
    strays(state, nowMs, 30_000, (key) => void silentAgent(state, key, nowMs)).map(({ job, reason }) => `${reason} ${pinnedAgentOf(job.tag)}`);

  test("when its agent has been away for as long as its attempts are kept", () => {
    const state = createSchedulerState(1, 100);
    connect(state, NAMES.one, 0);
    wait(state, pinned("1"));
    wait(state, testJob("1"));
    detachAgent(state, NAMES.one, asSessionId("of 1"), 1000);
    expect(lost(state, 30_999)).toEqual([]);
    expect(lost(state, 31_000)).toEqual(["folder_lost 1"]);
    connect(state, NAMES.one, 0);
    expect(lost(state, 31_000)).toEqual([]);
  });

  test("when its agent is not known: from the moment at which that is noticed", () => {
    const state = createSchedulerState(1, 100);
    wait(state, pinned("1"));
    expect([lost(state, 5000), lost(state, 34_999), lost(state, 35_000)]).toEqual([[], [], ["folder_lost 1"]]);
  });

  test("when its agent has no such language", () => {
    const state = createSchedulerState(1, 100);
    connect(state, NAMES.one, 1, ["python3"]);
    wait(state, pinned("1"));
    expect(lost(state, 0)).toEqual(["runtime_missing 1"]);
  });
});

test("a job for one agent goes at once when its workspace has used less than those that wait for the agent, or they are its own", () => {
  const state = createSchedulerState(1, 100);
  connect(state, NAMES.one, 5);
  for (let job = 0; job < 2; job++) wait(state, testJob("1"));
  expect(dispatch(state, 0, 1)).toHaveLength(1);
  expect(offerJob(state, pinned("2"), 0)?.running.agent).toBe("1");
  expect(offerJob(state, pinned("1"), 0)?.running.agent).toBe("1");
});

test("among those that wait for the agent alone, what a workspace uses elsewhere does not count", () => {
  const state = createSchedulerState(1, 100);
  connect(state, NAMES.one, 9);
  for (let job = 0; job < 2; job++) wait(state, pinned("1"));
  expect(dispatch(state, 0, 1)).toHaveLength(1);
  for (let job = 0; job < 3; job++) offerJob(state, testJob("2"), 0);
  expect(offerJob(state, pinned("2"), 0)?.running.agent).toBe("1");
});
