import { expect, test } from "vitest";
import type { FlushOutcome } from "../jobs/model.ts";
import { Cancels } from "./cancels.ts";
import type { Endings } from "./endings.ts";
import type { OwnerDeps } from "./owner-deps.ts";
import { CoreWorld, testJob } from "./testing/core-world.ts";

interface Written {
  readonly answer: (outcome: FlushOutcome) => void;
  readonly fail: (error: unknown) => void;
}

/** A job that waits, and what its ends look like to the writer: they are answered by hand unless it says how at once. */
function waitingJob(atOnce?: FlushOutcome): { cancels: Cancels; job: ReturnType<typeof testJob>; written: Written[]; world: CoreWorld } {
  const world = new CoreWorld();
  const job = testJob("1");
  world.wait(job);
  const written: Written[] = [];
  const endings = { announce: () => undefined } as unknown as Endings;
  const cancels = new Cancels({ state: world.state, clock: { wallMs: () => 0 } } as unknown as OwnerDeps, endings, {
    forget: () => undefined,
    ended: () => undefined,
    wake: () => undefined,
    cancelFlow: () => undefined,
    writeEnd: (_operation, answer, fail) => {
      written.push({ answer, fail });
      if (atOnce !== undefined) answer(atOnce);
    },
  });
  return { cancels, job, written, world };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("while an end of a job is on the way another one waits for what it finds", async () => {
  const { cancels, job, written } = waitingJob();
  const ends = [cancels.endWaiting(job, "expired", "too late"), cancels.endWaiting(job, "cancelled", "by anna")];
  await settled();
  expect(written.length).toBe(1);
  written[0]?.answer("moved");
  expect(await Promise.all(ends)).toEqual(["cancelled", "gone"]);
  expect(written.length).toBe(1);
});

test.each(["gone", "failed"] as const)("when the first one is %s the others are tried, one after the other", async (outcome) => {
  const { cancels, job, written, world } = waitingJob();
  const first = cancels.endWaiting(job, "expired", "too late").catch((error: unknown) => error);
  const others = [cancels.endWaiting(job, "cancelled", "by anna"), cancels.endWaiting(job, "cancelled", "by otto")];
  await settled();
  if (outcome === "gone") written[0]?.answer("gone");
  else written[0]?.fail(new Error("no answer"));
  expect(await first).toEqual(outcome === "gone" ? "gone" : new Error("no answer"));
  await settled();
  expect(written.length).toBe(2);
  written[1]?.answer("moved");
  expect(await Promise.all(others)).toEqual(["cancelled", "gone"]);
  expect([written.length, world.state.leaving.size, world.state.waiting.size]).toEqual([2, 0, 0]);
});

test("an end that is answered at once is no longer on the way: the next one is tried", async () => {
  const { cancels, job, written } = waitingJob("gone");
  expect([await cancels.endWaiting(job, "expired", "too late"), await cancels.endWaiting(job, "cancelled", "by anna")]).toEqual(["gone", "gone"]);
  expect(written.length).toBe(2);
});
