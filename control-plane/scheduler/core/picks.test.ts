import { describe, expect, test } from "vitest";
import { asAgentKey, asSessionId, asWorkspaceId } from "../../../kernel/ids.ts";
import { SHARDS, shardOf } from "../../jobs/model.ts";
import { atMost, CoreWorld, limitedBy, perWindow, testJob } from "../testing/core-world.ts";
import { attachAgent } from "./agents-core.ts";
import type { RunningJob } from "./model.ts";
import { removeWaiting, reserveWaiting } from "./queue-core.ts";
import { freezeShards, unfreezeShards } from "./shards-core.ts";
import { setWorkspaceLimits } from "./workspace-limits-core.ts";

const SLOTS = 2;
const ALL_SHARDS = new Set(Array.from({ length: SHARDS }, (_, shard) => shard));
const idsOf = (running: readonly RunningJob[]): string[] => running.map(({ job }) => job.id);

describe("a new job does not start at once", () => {
  test("while its shard is being handed over", () => {
    const world = new CoreWorld();
    world.connect("1", SLOTS);
    // It exists from its first job on.
    world.wait(testJob("1"));
    expect(world.round()).toHaveLength(1);
    freezeShards(world.state, ALL_SHARDS);
    expect(world.offer(testJob("1"))).toBeUndefined();
    unfreezeShards(world.state, ALL_SHARDS);
    expect(world.offer(testJob("1"))).toBeDefined();
  });

  test("when others of its key wait, whose window has just opened", () => {
    const world = new CoreWorld();
    world.connect("1", SLOTS);
    const [first, second, third] = Array.from({ length: 3 }, () => testJob("1", limitedBy(perWindow(1, 1000))));
    if (first === undefined || second === undefined || third === undefined) throw new Error("three");
    expect(world.offer(first)).toBeDefined();
    world.wait(second);
    expect(world.round()).toEqual([]);
    world.nowMs = 1000;
    expect(world.offer(third)).toBeUndefined();
    expect(world.round().map(({ job }) => job.id)).toEqual([second.id]);
  });

  test("when another one of its workspace, of whatever key, is on its way into the queue", () => {
    const world = new CoreWorld();
    world.connect("1", SLOTS);
    reserveWaiting(world.state, testJob("1"));
    expect(world.offer(testJob("1", limitedBy(atMost(1))))).toBeUndefined();
    expect(world.offer(testJob("2"))).toBeDefined();
  });
});

describe("an agent of one workspace alone", () => {
  function scoped(slots = SLOTS): CoreWorld {
    const world = new CoreWorld();
    const hello = { key: asAgentKey("1"), name: "1", session: asSessionId("1"), tags: ["default"], languages: ["bash"], held: new Map() };
    attachAgent(world.state, { ...hello, workspace: asWorkspaceId("1"), slots });
    return world;
  }

  test("takes its jobs and no others", () => {
    const world = scoped();
    expect(world.offer(testJob("2"))).toBeUndefined();
    expect(world.offer(testJob("1"))?.agent).toBe("1");
    const [own, other] = [testJob("1"), testJob("2")];
    world.wait(other, own);
    expect(idsOf(world.round())).toEqual([own.id]);
  });

  test("gets nothing of shards that are being handed over", () => {
    const world = scoped();
    const shards = new Set([shardOf(asWorkspaceId("1"))]);
    // Somebody waits whom nothing holds back, and whom no agent serves.
    world.wait(testJob("1"), testJob("2"));
    freezeShards(world.state, shards);
    world.wait(testJob("1"));
    expect(world.round()).toEqual([]);
    unfreezeShards(world.state, shards);
    expect(world.round()).toHaveLength(2);
  });

  test("keeps to the workspace's cap and to its keys, and goes on when an attempt has ended", () => {
    const world = scoped(3);
    setWorkspaceLimits(world.state, asWorkspaceId("1"), { weight: 1, maxRunning: 2 });
    world.wait(...Array.from({ length: 3 }, () => testJob("1")), testJob("2"));
    const [first, ...more] = world.round();
    expect([first?.phase, more.length, world.round()]).toEqual(["assigned", 1, []]);
    if (first !== undefined) world.end(first);
    expect(world.round()).toHaveLength(1);
    const keyed = scoped();
    keyed.wait(testJob("1", limitedBy(atMost(1))), testJob("1", limitedBy(atMost(1))));
    expect(keyed.round()).toHaveLength(1);
  });
});

test("a group whose first job was cancelled stands in line with its next one", () => {
  const world = new CoreWorld();
  const [first, late] = [testJob("1", { prio: 0, ...limitedBy(atMost(9, "a")) }), testJob("1", { prio: 9, ...limitedBy(atMost(9, "a")) })];
  const other = testJob("1", limitedBy(atMost(9, "b")));
  world.wait(first, late, other);
  removeWaiting(world.state, first.id);
  world.connect("1", 1);
  expect(idsOf(world.round())).toEqual([other.id]);
});

test("of two tags the one goes first whose workspace has used less, whoever came first", () => {
  const world = new CoreWorld();
  world.connect("1", 1, ["a", "b"]);
  const jobs = Array.from({ length: 2 }, () => testJob("1", { tag: "a" }));
  world.wait(...jobs);
  const [first] = world.round();
  const other = testJob("2", { tag: "b" });
  world.wait(other);
  expect(world.round()).toEqual([]);
  if (first !== undefined) world.end(first);
  expect(idsOf(world.round())).toEqual([other.id]);
});
