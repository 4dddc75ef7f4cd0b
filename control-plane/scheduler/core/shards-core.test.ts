import { expect, test } from "vitest";
import { asAgentKey, asSessionId, asToken, asWorkspaceId, createJobIdGenerator, type WorkspaceId } from "../../../kernel/ids.ts";
import { shardOf, shardOfToken } from "../../jobs/model.ts";
import { atMost, CoreWorld, limitedBy, perWindow, testJob } from "../testing/core-world.ts";
import { attachAgent, setSlots } from "./agents-core.ts";
import { adoptRunning, confirmClaim, dispatch, forgetRunning, offerJob, takeBack } from "./dispatch-core.ts";
import type { LimitSpec } from "./limit-model.ts";
import { nextWakeMs } from "./limits-core.ts";
import type { WaitingJob } from "./model.ts";
import { admitCold, admitWaiting, finishRefill, reserveWaiting, takeRefills } from "./queue-core.ts";
import { beginEpoch, forgetShards, freezeShards, isKnownQueue, needsEpoch, unfreezeShards } from "./shards-core.ts";
import { createSchedulerState, type SchedulerState } from "./state-core.ts";
import { setWorkspaceLimits } from "./workspace-limits-core.ts";

const newId = createJobIdGenerator(() => 1_000_000);
const [ours, theirs] = [asWorkspaceId("1"), asWorkspaceId("2")];
const moving = new Set([shardOf(theirs)]);
const agent = asAgentKey("9");

function jobOf(workspace: WorkspaceId): WaitingJob {
  return {
    id: newId(),
    workspace,
    shard: shardOf(workspace),
    tag: "default",
    language: "bash",
    prio: 4,
    dueAtMs: 0,
    attempt: 0,
    lost: 0,
    scriptId: undefined,
    timeoutMs: undefined,
  };
}

function wait(state: SchedulerState, job: WaitingJob): void {
  reserveWaiting(state, job);
  admitWaiting(state, job);
}

function stateWith(slots: number): SchedulerState {
  const state = createSchedulerState(7, 100);
  attachAgent(state, {
    key: agent,
    name: "a",
    session: asSessionId("s"),
    workspace: undefined,
    tags: ["default"],
    languages: ["bash"],
    slots,
    held: new Map(),
  });
  return state;
}

test("nothing of frozen shards is picked; the others go on, and thawed ones too", () => {
  const state = stateWith(10);
  for (const workspace of [theirs, ours, theirs, ours]) wait(state, jobOf(workspace));
  freezeShards(state, moving);
  expect(dispatch(state, 0, 100).map(({ running }) => running.job.workspace)).toEqual([ours, ours]);
  wait(state, jobOf(theirs));
  expect(dispatch(state, 0, 100)).toEqual([]);
  unfreezeShards(state, moving);
  expect(dispatch(state, 0, 100).length).toBe(3);
});

test("what is forgotten leaves no trace: counts, slots and queues are those of the shards that stay", () => {
  const state = stateWith(3);
  const direct = [ours, theirs, theirs].map((workspace) => offerJob(state, jobOf(workspace), 0)?.running);
  for (const running of direct) if (running !== undefined) confirmClaim(state, running);
  for (const workspace of [theirs, ours, theirs]) wait(state, jobOf(workspace));
  admitCold(state, { workspace: theirs, tag: "default", language: "bash", count: 50, newest: undefined });
  freezeShards(state, moving);
  const forgotten = forgetShards(state, moving);
  expect(forgotten.waiting.length).toBe(2);
  expect(forgotten.running.get(agent)?.map(({ token }) => shardOfToken(token))).toEqual([shardOf(theirs), shardOf(theirs)]);
  const [route] = state.routes.values();
  expect([route?.waiting, route?.shares.size, state.running.size, state.waiting.size, state.coldQueues.size]).toEqual([1, 1, 1, 1, 0]);
  expect([...state.tenants.keys()]).toEqual([ours]);
  // Their slots went with them: the shell lowers the share by as many.
  setSlots(state, agent, 1);
  expect(dispatch(state, 0, 100)).toEqual([]);
  setSlots(state, agent, 3);
  expect(dispatch(state, 0, 100).map(({ running }) => running.job.workspace)).toEqual([ours]);
});

test("a refill that comes back after its shard has gone finds nobody", () => {
  const state = stateWith(0);
  admitCold(state, { workspace: theirs, tag: "default", language: "bash", count: 5, newest: undefined });
  const [queue] = takeRefills(state, 1);
  if (queue === undefined) throw new Error("a refill is wanted");
  forgetShards(state, moving);
  expect(isKnownQueue(state, queue)).toBe(false);
  // Gained again meanwhile: another queue.
  admitCold(state, { workspace: theirs, tag: "default", language: "bash", count: 5, newest: undefined });
  expect(isKnownQueue(state, queue)).toBe(false);
  const [again] = takeRefills(state, 1);
  if (again === undefined) throw new Error("a refill is wanted");
  finishRefill(state, again, [jobOf(theirs)], true);
  expect(state.waiting.size).toBe(1);
});

test("tokens name their shard, and grow from epoch to epoch", () => {
  const state = stateWith(100);
  const tokenOf = (workspace: WorkspaceId): bigint => {
    const token = offerJob(state, jobOf(workspace), 0)?.running.token ?? asToken("0");
    expect(shardOfToken(token)).toBe(shardOf(workspace));
    return BigInt(token);
  };
  const first = [tokenOf(theirs), tokenOf(ours), tokenOf(theirs)];
  beginEpoch(state, 8);
  const second = [tokenOf(ours), tokenOf(theirs)];
  beginEpoch(state, 9);
  const third = [tokenOf(ours)];
  // Of shards that took longer to load.
  beginEpoch(state, 8);
  const all = [...first, ...second, ...third, tokenOf(ours), tokenOf(theirs)];
  expect(all).toEqual([...all].sort((a, b) => (a < b ? -1 : 1)));
  expect(all.map((token) => token >> 40n)).toEqual([7n, 7n, 7n, 8n, 8n, 9n, 9n, 9n]);
});

test("a new epoch is wanted long before the numbers of one are used up, and they begin anew with it", () => {
  const state = stateWith(100);
  const mostOfOne = 2 ** 33;
  state.sequence = mostOfOne;
  expect(needsEpoch(state)).toBe(false);
  const before = offerJob(state, jobOf(ours), 0)?.running.token;
  expect(needsEpoch(state)).toBe(true);
  beginEpoch(state, 8);
  const after = offerJob(state, jobOf(ours), 0)?.running.token;
  expect([needsEpoch(state), BigInt(before ?? "0") < BigInt(after ?? "0")]).toEqual([false, true]);
});

test("what still holds an attempt that went with its shard can do nothing with it", () => {
  const state = stateWith(100);
  const running = offerJob(state, jobOf(theirs), 0)?.running;
  if (running === undefined) throw new Error("a slot is free");
  confirmClaim(state, running);
  forgetShards(state, moving);
  // It comes back, under the token that it had.
  const agentState = state.agents.get(agent);
  if (agentState === undefined) throw new Error("it is attached");
  const adopted = adoptRunning(state, agentState, running.job, running.token, 0);
  expect([running.phase, confirmClaim(state, running), takeBack(state, running, 0)]).toEqual(["ending", false, false]);
  forgetRunning(state, running);
  expect([state.running.get(running.job.id), agentState.running.get(running.job.id)]).toEqual([adopted, adopted]);
});

test("a claim that was made for a session before is given back when the agent came back with fewer slots for us", () => {
  const state = stateWith(2);
  const claims = [ours, ours].map((workspace) => offerJob(state, jobOf(workspace), 0)?.running);
  attachAgent(state, {
    key: agent,
    name: "a",
    session: asSessionId("s2"),
    workspace: undefined,
    tags: ["default"],
    languages: ["bash"],
    slots: 1,
    held: new Map(),
  });
  expect(claims.map((running) => running !== undefined && confirmClaim(state, running))).toEqual([false, false]);
  setSlots(state, agent, 2);
  expect(claims.map((running) => running !== undefined && confirmClaim(state, running))).toEqual([true, true]);
});

const own = { workspace: theirs, shard: shardOf(theirs) };
const limited = (...specs: LimitSpec[]): WaitingJob => testJob(theirs, { ...own, ...limitedBy(...specs) });

test("what waits for a limit, and what is at its workspace's cap, is forgotten as well: what comes back begins anew", () => {
  const world = new CoreWorld();
  const { state } = world;
  world.connect("9", 10);
  setWorkspaceLimits(state, theirs, { weight: 3, maxRunning: 3 });
  world.wait(...Array.from({ length: 4 }, () => limited(atMost(1))), ...Array.from({ length: 3 }, () => limited(perWindow(1, 1000))));
  expect(world.round().length).toBe(2);
  world.wait(...Array.from({ length: 5 }, () => testJob(theirs, own)));
  expect(world.round().length).toBe(1);
  world.wait(jobOf(ours));
  state.storedWindows.set("late", { workspace: theirs, size: { starts: 1, windowMs: 1000 }, times: [0], tatMs: undefined });
  admitCold(state, { workspace: theirs, tag: "default", language: "bash", count: 50, newest: limited(atMost(1, "cold")) });
  freezeShards(state, moving);
  forgetShards(state, moving);
  const [route] = state.routes.values();
  const left = [state.limits, state.storedWindows, state.coldQueues, state.wantRows, state.running].map((of) => of.size);
  expect(left).toEqual([0, 0, 0, 0, 0]);
  expect([route?.waiting, route?.held, route?.tagState.accounts.size, route?.tagState.time.ready, state.time.ready]).toEqual([1, 0, 1, 1, 1]);
  expect(nextWakeMs(state)).toBeUndefined();
  expect(world.round().map(({ job }) => job.workspace)).toEqual([ours]);
  expect(state.time.ready).toBe(0);
  world.wait(limited(atMost(1)), limited(atMost(1)));
  expect(world.round().length).toBe(1);
});

test("a permit or a window that comes free while the shard is frozen is used after it was kept, and not before", () => {
  const world = new CoreWorld();
  const { state } = world;
  world.connect("9", 10);
  world.wait(limited(atMost(1)), limited(atMost(1)), limited(perWindow(1, 1000)), limited(perWindow(1, 1000)));
  const started = world.round();
  expect(started.length).toBe(2);
  freezeShards(state, moving);
  for (const running of started) world.end(running);
  world.nowMs = 5000;
  expect(world.round()).toEqual([]);
  expect(world.offer(testJob(theirs, own))).toBeUndefined();
  unfreezeShards(state, moving);
  expect(world.round().length).toBe(2);
});

test("a cap that comes free while the shard is frozen is used after it was kept", () => {
  const world = new CoreWorld();
  const { state } = world;
  world.connect("9", 10);
  setWorkspaceLimits(state, theirs, { weight: 1, maxRunning: 1 });
  world.wait(testJob(theirs, own), testJob(theirs, own));
  const [running] = world.round();
  if (running === undefined) throw new Error("one may run");
  freezeShards(state, moving);
  world.end(running);
  expect(world.round()).toEqual([]);
  unfreezeShards(state, moving);
  expect(world.round().length).toBe(1);
});

test("a queue that wants rows gets them after its shard was kept, and not before", () => {
  const state = stateWith(0);
  freezeShards(state, moving);
  admitCold(state, { workspace: theirs, tag: "default", language: "bash", count: 5, newest: undefined });
  freezeShards(state, moving);
  expect(takeRefills(state, 1)).toEqual([]);
  unfreezeShards(state, moving);
  expect(takeRefills(state, 1).length).toBe(1);
});
