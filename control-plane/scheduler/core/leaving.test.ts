import { expect, test } from "vitest";
import { CoreWorld, testJob } from "../testing/core-world.ts";
import type { WaitingJob } from "./model.ts";
import { admitWaiting, beginLeaving, endLeaving, reserveWaiting } from "./queue-core.ts";

/** A job whose end is on the way. @param readSince its row is read meanwhile */
function leaving(readSince: boolean): { world: CoreWorld; job: WaitingJob; row: WaitingJob } {
  const world = new CoreWorld();
  const job = testJob("1");
  const row = { ...job };
  world.wait(job);
  beginLeaving(world.state, job.id);
  if (readSince) {
    reserveWaiting(world.state, row);
    admitWaiting(world.state, row);
  }
  world.connect("1", 1);
  return { world, job, row };
}

test("a job whose end is on the way is out of reach, also when its row is read meanwhile", () => {
  for (const readSince of [false, true]) {
    const { world } = leaving(readSince);
    expect(world.round()).toEqual([]);
    expect([...world.state.routes.values()].reduce((sum, route) => sum + route.waiting, 0)).toBe(0);
  }
});

test.each([
  ["ended", false, "nothing"],
  ["ended", true, "nothing"],
  ["gone", false, "nothing"],
  ["gone", true, "row"],
  ["failed", false, "job"],
  ["failed", true, "row"],
] as const)("when that end is %s, and its row was read meanwhile: %s, what waits then is %s", (outcome, readSince, waits) => {
  const { world, job, row } = leaving(readSince);
  endLeaving(world.state, job.id, outcome);
  expect(world.state.leaving.size).toBe(0);
  const [picked] = world.round();
  expect(picked?.job).toBe({ nothing: undefined, row, job }[waits]);
});

test("it does not wait again where its shard has gone", () => {
  const { world, job } = leaving(true);
  world.state.tenants.delete(job.workspace);
  endLeaving(world.state, job.id, "failed");
  expect([world.state.waiting.size, world.state.tenants.size]).toEqual([0, 0]);
});
