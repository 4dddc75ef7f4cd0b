import { describe, expect, test } from "vitest";
import { asAgentKey, asSessionId, asToken, asWorkspaceId, type JobId, type Token } from "../../../kernel/ids.ts";
import { CoreWorld, testJob } from "../testing/core-world.ts";
import { type Attached, attachAgent, detachAgent, reclaimSilent, setSlots, silentAgent } from "./agents-core.ts";
import { confirmClaim, forgetRunning, offerJob, takeBack } from "./dispatch-core.ts";
import type { RunningJob } from "./model.ts";

const ONE = asAgentKey("1");
const PHASES = ["claiming", "assigned", "received", "started", "ending"] as const;

/** An agent with an attempt in each phase. */
function inAllPhases(): { world: CoreWorld; attempts: Map<RunningJob["phase"], RunningJob> } {
  const world = new CoreWorld();
  world.connect(ONE, PHASES.length);
  const attempts = new Map<RunningJob["phase"], RunningJob>();
  for (const phase of PHASES) {
    const running = offerJob(world.state, testJob("1"), 0)?.running;
    if (running === undefined) throw new Error("a slot is free");
    attempts.set(phase, running);
    if (phase !== "claiming") confirmClaim(world.state, running);
    if (phase === "received" || phase === "started") running.phase = phase;
    if (phase === "ending") {
      takeBack(world.state, running, 0);
      // Its slot is free, so that it is no longer among the agent's: that they look for themselves is a second line of defence.
      world.state.agents.get(ONE)?.running.set(running.job.id, running);
    }
  }
  return { world, attempts };
}

function comesBack({ state }: CoreWorld, key: string, held: ReadonlyMap<JobId, Token>, slots = 9): Attached {
  const hello = { key: asAgentKey(key), name: key, session: asSessionId("later"), workspace: undefined, tags: ["default"], languages: ["bash"] };
  return attachAgent(state, { ...hello, slots, held });
}

const heldOf = (attempts: Iterable<RunningJob>): Map<JobId, Token> => new Map([...attempts].map(({ job, token }) => [job.id, token]));
const phasesOf = (attempts: ReadonlyMap<RunningJob["phase"], RunningJob>): string[] => [...attempts.values()].map(({ phase }) => phase);

describe("an agent that comes back", () => {
  test("without its attempts has lost those that it was sent, and none that was not sent or is ending", () => {
    const { world, attempts } = inAllPhases();
    const { missing, drop } = comesBack(world, ONE, new Map());
    expect([missing.map(({ phase }) => phase), drop]).toEqual([["assigned", "received", "started"], []]);
    expect(phasesOf(attempts)).toEqual([...PHASES]);
  });

  test("with all of them goes on; it confirms what it was sent, and drops what is ending", () => {
    const { world, attempts } = inAllPhases();
    const { missing, drop } = comesBack(world, ONE, heldOf(attempts.values()));
    const ending = attempts.get("ending");
    expect([missing, drop]).toEqual([[], [{ id: ending?.job.id, token: ending?.token }]]);
    expect(phasesOf(attempts)).toEqual(["claiming", "received", "received", "started", "ending"]);
  });

  test("with an attempt under another token has lost the present one, and drops the other", () => {
    const world = new CoreWorld();
    world.connect(ONE, 1);
    const running = world.offer(testJob("1"));
    if (running === undefined) throw new Error("a slot is free");
    const held = { id: running.job.id, token: asToken("7") };
    expect(comesBack(world, ONE, new Map([[held.id, held.token]]))).toEqual({ missing: [running], drop: [held] });
  });

  test("drops what is another agent's, and what nobody knows; the other one's goes on", () => {
    const world = new CoreWorld();
    world.connect(ONE, 1);
    const running = world.offer(testJob("1"));
    if (running === undefined) throw new Error("a slot is free");
    const held = new Map([[running.job.id, running.token], ...heldOf([{ ...running, job: testJob("1") }])]);
    expect(comesBack(world, "2", held).drop).toEqual([...held].map(([id, token]) => ({ id, token })));
    expect(world.state.running.get(running.job.id)).toBe(running);
  });
});

describe("an agent that goes", () => {
  test("gets nothing, and the end of its former session says nothing about the present one", () => {
    const world = new CoreWorld();
    world.connect(ONE, 2);
    comesBack(world, ONE, new Map());
    detachAgent(world.state, ONE, asSessionId(ONE), 5);
    detachAgent(world.state, asAgentKey("unknown"), asSessionId(ONE), 5);
    expect(world.offer(testJob("1"))?.agent).toBe(ONE);
    detachAgent(world.state, ONE, asSessionId("later"), 5);
    expect([world.offer(testJob("1")), world.state.agents.get(ONE)?.silentSinceMs]).toEqual([undefined, 5]);
  });

  test("loses its attempts after the time and not before, but for those that are being written; then it is forgotten", () => {
    const { world, attempts } = inAllPhases();
    const { state } = world;
    expect(reclaimSilent(state, 1e9, 100)).toEqual([]);
    detachAgent(state, ONE, asSessionId(ONE), 1000);
    expect(reclaimSilent(state, 1099, 100)).toEqual([]);
    const lost = reclaimSilent(state, 1100, 100);
    expect(lost.map(({ phase }) => phase)).toEqual(["assigned", "received", "started"]);
    expect(state.agents.has(ONE)).toBe(true);
    for (const running of attempts.values()) {
      takeBack(state, running, 1100);
      forgetRunning(state, running);
    }
    state.agents.get(ONE)?.running.clear();
    expect(reclaimSilent(state, 1100, 100)).toEqual([]);
    expect(state.agents.has(ONE)).toBe(false);
  });

  test("may be counted as silent from a later moment", () => {
    const { world } = inAllPhases();
    detachAgent(world.state, ONE, asSessionId(ONE), 1000);
    expect(reclaimSilent(world.state, 1100, 100, (sinceMs) => sinceMs + 1)).toEqual([]);
    expect(reclaimSilent(world.state, 1101, 100, (sinceMs) => sinceMs + 1)).toHaveLength(3);
  });

  test("is not silent for an owner that knows it, and is for one that knows its rows alone", () => {
    const world = new CoreWorld();
    world.connect(ONE, 1);
    expect(silentAgent(world.state, ONE, 7)).toMatchObject({ session: ONE, silentSinceMs: undefined });
    expect(silentAgent(world.state, asAgentKey("2"), 7)).toMatchObject({ session: undefined, silentSinceMs: 7, slots: 0 });
  });
});

describe("free slots", () => {
  test("of the workspace's own agents go first; of shared ones in turns of up to eight", () => {
    const world = new CoreWorld();
    for (const key of ["1", "2"]) world.connect(key, 16);
    const own = { key: asAgentKey("own"), name: "own", session: asSessionId("own"), tags: ["default"], languages: ["bash"], held: new Map() };
    attachAgent(world.state, { ...own, workspace: asWorkspaceId("1"), slots: 1 });
    const order = Array.from({ length: 34 }, () => world.offer(testJob("1"))?.agent);
    const turns = ["1", "2", "1", "2"].flatMap((key) => Array.from({ length: 8 }, () => key));
    expect(order).toEqual(["own", ...turns, undefined]);
  });

  test("are as many as the agent says last, also below what it runs", () => {
    const world = new CoreWorld();
    world.connect(ONE, 2);
    world.offer(testJob("1"));
    setSlots(world.state, ONE, 1);
    setSlots(world.state, asAgentKey("unknown"), 5);
    expect(world.offer(testJob("1"))).toBeUndefined();
    setSlots(world.state, ONE, 2);
    world.wait(testJob("1"));
    expect(world.round()).toHaveLength(1);
    // It waits until a change of the slots brings it to mind again.
    world.wait(testJob("1"));
    expect(world.round()).toEqual([]);
    setSlots(world.state, ONE, 3);
    expect(world.round()).toHaveLength(1);
  });
});
