import { expect, test } from "vitest";
import { confirmClaim, endRunning } from "./core/dispatch-core.ts";
import type { RunningJob } from "./core/model.ts";
import { overdueExit } from "./overdue.ts";
import { CoreWorld, testJob } from "./testing/core-world.ts";

const [TIMEOUT_MS, OWN_TIMEOUT_MS] = [1000, 300];
const LIMITS = { timeoutMs: TIMEOUT_MS, cancelGraceMs: 20, resultMaxBytes: 1, logMaxBytes: 1 };
const TIMES = { reclaimMs: 1, homeFenceMs: 1, resendMs: 1, marginMs: 5 };
/** The grace and the margin. */
const SLACK_MS = 25;

const CLAIMED_MS = 50;

/** An attempt whose claim is committed. */
function claimed(timeoutMs?: number): { world: CoreWorld; running: RunningJob } {
  const world = new CoreWorld();
  world.nowMs = CLAIMED_MS;
  world.connect("1", 1);
  const running = world.offer(testJob("1", { timeoutMs }));
  if (running === undefined) throw new Error("a slot is free");
  return { world, running };
}

const reasonAt = (running: RunningJob, nowMs: number): string | undefined => overdueExit({ limits: LIMITS, times: TIMES }, running, nowMs)?.reason;
/** Whether the owner ends it at the last moment that is granted, and just after. */
const around = (running: RunningJob, lastMs: number): (string | undefined)[] => [reasonAt(running, lastMs), reasonAt(running, lastMs + 1)];

test("an attempt is ended when its own timeout, or the usual one, is over, with the grace and a margin", () => {
  expect(around(claimed().running, CLAIMED_MS + TIMEOUT_MS + SLACK_MS)).toEqual([undefined, "timeout"]);
  expect(around(claimed(OWN_TIMEOUT_MS).running, CLAIMED_MS + OWN_TIMEOUT_MS + SLACK_MS)).toEqual([undefined, "timeout"]);
});

test("its time begins when it was sent, or when it was heard to start; a claim that took long costs none", () => {
  const { running } = claimed(OWN_TIMEOUT_MS);
  running.sentAtMs = 400;
  expect(around(running, 400 + OWN_TIMEOUT_MS + SLACK_MS)).toEqual([undefined, "timeout"]);
  running.startHeardMs = 700;
  expect(around(running, 700 + OWN_TIMEOUT_MS + SLACK_MS)).toEqual([undefined, "timeout"]);
});

test("one that is to be cancelled is ended after the grace, long before its timeout", () => {
  const { running } = claimed();
  running.cancel = { reason: "by anna", atMs: 100 };
  expect(around(running, 100 + SLACK_MS)).toEqual([undefined, "cancelled"]);
});

test("one whose claim or end is being written is left alone: the write decides", () => {
  const { world, running } = claimed();
  running.cancel = { reason: "by anna", atMs: 0 };
  running.phase = "claiming";
  expect(reasonAt(running, 1e9)).toBeUndefined();
  confirmClaim(world.state, running);
  expect(reasonAt(running, 1e9)).toBe("cancelled");
  endRunning(world.state, running.job.id, running.token, 1e9);
  expect([running.phase, reasonAt(running, 1e9)]).toEqual(["ending", undefined]);
});
