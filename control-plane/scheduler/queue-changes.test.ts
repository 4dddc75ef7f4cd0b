import { expect, test } from "vitest";
import { asWorkspaceId, createJobIdGenerator } from "../../kernel/ids.ts";
import { shardOf } from "../jobs/model.ts";
import type { JobQueue, WaitingJob } from "./core/model.ts";
import { admitCold, admitWaiting, reserveWaiting, takeRefills } from "./core/queue-core.ts";
import { forgetShards } from "./core/shards-core.ts";
import { createSchedulerState, type SchedulerState } from "./core/state-core.ts";
import { QueueChanges } from "./queue-changes.ts";

const newId = createJobIdGenerator(() => 1_000_000);
const workspace = asWorkspaceId("1");

/** A queue that is being refilled, with a job that has come since. */
function refilling(state: SchedulerState): { queue: JobQueue; late: WaitingJob } {
  admitCold(state, { workspace, tag: "default", language: "bash", count: 3, newest: undefined });
  const [queue] = takeRefills(state, 1);
  if (queue === undefined) throw new Error("a refill is wanted");
  const late: WaitingJob = {
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
  reserveWaiting(state, late);
  admitWaiting(state, late);
  return { queue, late };
}

test("what came during a refill and has ended is not counted any more", () => {
  const state = createSchedulerState(1, 100);
  const changes = new QueueChanges();
  const { queue, late } = refilling(state);
  void changes.read(queue, () => new Promise(() => undefined));
  expect(queue.route.waiting).toBe(4);
  changes.ended(state, late.id);
  expect([queue.route.waiting, queue.duringRefill]).toEqual([3, []]);
});

test("nothing is counted of a queue whose shard has been given away, also when it has come back", () => {
  const state = createSchedulerState(1, 100);
  const changes = new QueueChanges();
  const { queue, late } = refilling(state);
  void changes.read(queue, () => new Promise(() => undefined));
  forgetShards(state, new Set([shardOf(workspace)]));
  admitCold(state, { workspace, tag: "default", language: "bash", count: 4, newest: undefined });
  expect(queue.route.waiting).toBe(4);
  changes.ended(state, late.id);
  expect(queue.route.waiting).toBe(4);
});
