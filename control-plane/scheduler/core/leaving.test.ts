import { expect, test } from "vitest";
import { CoreWorld, testJob } from "../testing/core-world.ts";
import { admitWaiting, beginLeaving, endLeaving, reserveWaiting } from "./queue-core.ts";

/** Two ends of a job are on the way when it comes, as a cancel and its queue TTL. */
function leavingTwice(): { world: CoreWorld; job: ReturnType<typeof testJob> } {
  const world = new CoreWorld();
  const job = testJob("1");
  world.connect("1", 1);
  reserveWaiting(world.state, job);
  beginLeaving(world.state, job.id);
  beginLeaving(world.state, job.id);
  admitWaiting(world.state, job);
  return { world, job };
}

test.each(["gone", "failed"] as const)("after an end that is %s the job stays out of reach while another one is on the way", (outcome) => {
  const { world, job } = leavingTwice();
  endLeaving(world.state, job.id, outcome);
  expect(world.round()).toEqual([]);
  endLeaving(world.state, job.id, "gone");
  expect(world.round().map((running) => running.job)).toEqual([job]);
});

test.each(["gone", "failed"] as const)("a job that has ended does not wait again when another end of it is %s", (outcome) => {
  for (const outcomes of [["ended", outcome] as const, [outcome, "ended"] as const]) {
    const { world, job } = leavingTwice();
    for (const each of outcomes) endLeaving(world.state, job.id, each);
    expect([world.state.waiting.size, world.state.leaving.size]).toEqual([0, 0]);
  }
});
