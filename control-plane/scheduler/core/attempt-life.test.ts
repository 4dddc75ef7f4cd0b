import { describe, expect, test } from "vitest";
import { asAgentKey, asSessionId, asToken, asWorkspaceId } from "../../../kernel/ids.ts";
import { atMost, CoreWorld, limitedBy, testJob } from "../testing/core-world.ts";
import { attachAgent, detachAgent, setSlots } from "./agents-core.ts";
import { abandonClaim, adoptRunning, afterLoss, chargeRunning, confirmClaim, endFlow, endRunning, forgetRunning, offerJob, takeBack } from "./dispatch-core.ts";
import { FLOW_AGENT } from "./flow-agent.ts";
import type { RunningJob, WaitingJob } from "./model.ts";

const AGENT = asAgentKey("1");
const SLOTS = 2;
/** What any attempt costs. */
const LEAST_MS = 5;

/** A world with one agent, and a job that was given to it and whose claim is not committed. */
function claimed(job: WaitingJob = testJob("1", limitedBy(atMost(1)))): { world: CoreWorld; running: RunningJob } {
  const world = new CoreWorld();
  world.connect("1", SLOTS);
  return { world, running: claimAgain(world, job) };
}

function claimAgain(world: CoreWorld, job: WaitingJob): RunningJob {
  const running = offerJob(world.state, job, world.nowMs)?.running;
  if (running === undefined) throw new Error("a slot and a permit are free");
  return running;
}

/** What is counted somewhere: each must come back once, and only once. */
function books({ state }: CoreWorld): { attempts: number; used: number; ofWorkspace: number; permits: number } {
  const permits = [...state.limits.values()].reduce((sum, limit) => sum + limit.holders.size, 0);
  const ofWorkspace = state.tenants.get(asWorkspaceId("1"))?.running ?? 0;
  return { attempts: state.running.size, used: state.agents.get(AGENT)?.running.size ?? 0, ofWorkspace, permits };
}
const RUNNING = { attempts: 1, used: 1, ofWorkspace: 1, permits: 1 };
const ENDING = { attempts: 1, used: 0, ofWorkspace: 0, permits: 1 };
const NOTHING = { attempts: 0, used: 0, ofWorkspace: 0, permits: 0 };

const end = ({ state }: CoreWorld, { job, token }: RunningJob): RunningJob | undefined => endRunning(state, job.id, token, 5);

describe("an attempt", () => {
  test("is not ended by its agent before its claim is committed, nor under another token, nor twice", () => {
    const { world, running } = claimed();
    expect(end(world, running)).toBeUndefined();
    expect([running.phase, books(world)]).toEqual(["claiming", RUNNING]);
    expect(confirmClaim(world.state, running)).toBe(true);
    expect(endRunning(world.state, running.job.id, asToken("1"), 5)).toBeUndefined();
    expect(endRunning(world.state, testJob("1").id, running.token, 5)).toBeUndefined();
    expect(books(world)).toEqual(RUNNING);
    expect(end(world, running)).toBe(running);
    expect(end(world, running)).toBeUndefined();
    expect([running.phase, books(world)]).toEqual(["ending", ENDING]);
    forgetRunning(world.state, running);
    expect(books(world)).toEqual(NOTHING);
  });

  test("is not taken back, nor ended as a flow, when its end is under way; its books are closed once", () => {
    const { world, running } = claimed();
    confirmClaim(world.state, running);
    expect(takeBack(world.state, running, 5)).toBe(true);
    expect(takeBack(world.state, running, 5)).toBe(false);
    endFlow(world.state, running);
    expect(end(world, running)).toBeUndefined();
    expect(books(world)).toEqual(ENDING);
  });

  test("that is over has no part in a later one of its job, whatever still happens to it", () => {
    const { world, running: former } = claimed();
    confirmClaim(world.state, former);
    world.end(former);
    const present = claimAgain(world, former.job);
    confirmClaim(world.state, present);
    former.phase = "assigned";
    expect(confirmClaim(world.state, former)).toBe(false);
    expect(takeBack(world.state, former, 5)).toBe(false);
    expect(end(world, former)).toBeUndefined();
    endFlow(world.state, former);
    forgetRunning(world.state, former);
    expect([world.state.running.get(present.job.id), present.phase, former.phase]).toEqual([present, "assigned", "assigned"]);
    expect(books(world)).toEqual(RUNNING);
  });

  test("whose claim moved nothing gives its slot, its permit and its place in the count back", () => {
    const { world, running } = claimed();
    abandonClaim(world.state, running);
    expect(books(world)).toEqual(NOTHING);
    expect(confirmClaim(world.state, running)).toBe(false);
  });

  test("that was claimed a second time leaves the second claim its slot when it moved nothing", () => {
    const { world, running: first } = claimed(testJob("1"));
    const second = claimAgain(world, first.job);
    abandonClaim(world.state, first);
    expect(world.state.running.get(first.job.id)).toBe(second);
    expect(books(world)).toEqual({ ...RUNNING, permits: 0 });
  });

  test("is sent when its agent has the same session, or still a slot for it in a later one; not while it is away", () => {
    const hello = { key: AGENT, name: "1", workspace: undefined, tags: ["default"], languages: ["bash"], held: new Map() };
    for (const [slots, sent] of [
      [1, true],
      [0, false],
    ] as const) {
      const { world, running } = claimed();
      attachAgent(world.state, { ...hello, session: asSessionId("later"), slots });
      expect(confirmClaim(world.state, running)).toBe(sent);
    }
    const same = claimed();
    setSlots(same.world.state, AGENT, 0);
    expect(confirmClaim(same.world.state, same.running)).toBe(true);
    const { world, running } = claimed();
    detachAgent(world.state, AGENT, asSessionId("1"), 0);
    expect(confirmClaim(world.state, running)).toBe(false);
  });
});

describe("what an attempt costs", () => {
  test("grows while it runs, only beyond what was charged in advance, and not after its end", () => {
    const { world, running } = claimed();
    const inAdvanceMs = running.chargedMs;
    expect(inAdvanceMs).toBeGreaterThan(1);
    chargeRunning(world.state, inAdvanceMs - 1);
    expect(running.chargedMs).toBe(inAdvanceMs);
    chargeRunning(world.state, inAdvanceMs + 7);
    expect(running.chargedMs).toBe(inAdvanceMs + 7);
    confirmClaim(world.state, running);
    takeBack(world.state, running, inAdvanceMs + 8);
    chargeRunning(world.state, inAdvanceMs + 9);
    expect(running.chargedMs).toBe(inAdvanceMs + 7);
  });

  test("of a flow is as little as can be, however long it takes, also when it was taken over; nor does the next one cost more in advance", () => {
    const world = new CoreWorld();
    world.connect(FLOW_AGENT, 1);
    const agent = world.state.agents.get(FLOW_AGENT);
    if (agent === undefined) throw new Error("it is connected");
    const adopted = adoptRunning(world.state, agent, testJob("1"), asToken("1"), 0, 60_000);
    const account = world.state.tenants.get(asWorkspaceId("1"))?.account;
    chargeRunning(world.state, 1e6);
    endFlow(world.state, adopted);
    expect(account).toMatchObject({ pass: LEAST_MS, creditMs: 0 });
    const begun = claimAgain(world, testJob("1"));
    expect(begun.chargedMs).toBe(LEAST_MS);
    chargeRunning(world.state, 1e6);
    endFlow(world.state, begun);
    expect(account).toMatchObject({ pass: 2 * LEAST_MS, creditMs: 0 });
  });

  test("in attempts of its job: one, and one that was lost only when its agent was", () => {
    const { running } = claimed();
    expect(afterLoss(running, true)).toMatchObject({ attempt: 1, lost: 1 });
    expect(afterLoss(running, false)).toMatchObject({ attempt: 1, lost: 0 });
  });
});
