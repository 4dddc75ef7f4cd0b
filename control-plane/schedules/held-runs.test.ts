import { expect, test } from "vitest";
import { realClock } from "../../kernel/clock.ts";
import { asWorkspaceId } from "../../kernel/ids.ts";
import { instantOf } from "../../kernel/instant.ts";
import { HeldRuns } from "./held-runs.ts";
import type { Occupancy, PlannedRun } from "./model.ts";

const work = {
  path: "f/s/a",
  target: { kind: "script", path: "f/s/job" },
  argsJson: "{}",
  settingsJson: "{}",
  overlap: "skip",
  handlers: { error: undefined, recovery: undefined },
  updatedBy: "test",
} as const;
const runOf = (id: string, dueMs: number): PlannedRun => ({ workspace: asWorkspaceId("1"), id, dueMs, askedBy: undefined, work });
const FREE: Occupancy = { isBusy: false, waiting: 0 };

test("runs begin at their moment and not before, also when the clock on the wall is set back since they were claimed", () => {
  const clock = { wall: 10_000, monotonic: 500 };
  const begun: string[] = [];
  const held = new HeldRuns({ wallMs: () => clock.wall, monotonicMs: () => clock.monotonic }, (runs) => begun.push(...runs.map(({ id }) => id)));
  const claimedAt = { wallMs: 10_000, monotonicMs: 500 };
  clock.wall -= 1_800_000;
  held.hold([runOf("soon", 10_200), runOf("later", 10_250)], new Map(), claimedAt);
  clock.wall -= 1_800_000;
  clock.monotonic += 199;
  held.release();
  expect([begun, held.size]).toEqual([[], 2]);
  clock.monotonic += 1;
  held.release();
  expect([begun, held.size]).toEqual([["soon"], 1]);
  clock.monotonic += 1000;
  held.release();
  held.release();
  expect([begun, held.size]).toEqual([["soon", "later"], 0]);
});

test("of what earlier runs did when they were recorded only that lasts which is in nobody's way", () => {
  const known: string[] = [];
  const held = new HeldRuns({ wallMs: () => 0, monotonicMs: () => 0 }, (_, busy) => known.push(...busy.keys()));
  const ids = ["free", "running", "waiting", "unknown"];
  const busy = new Map([
    ["1/free", FREE],
    ["1/running", { isBusy: true, waiting: 0 }],
    ["1/waiting", { isBusy: false, waiting: 1 }],
  ]);
  held.hold(
    ids.map((id) => runOf(id, 0)),
    busy,
    { wallMs: 0, monotonicMs: 0 },
  );
  held.release();
  expect(known).toEqual(["1/free"]);
});

test("a stop sees them through", async () => {
  const begun: [string, number][] = [];
  const held = new HeldRuns(realClock, (runs) => begun.push(...runs.map(({ id }): [string, number] => [id, performance.now()])));
  held.start();
  const fromMs = performance.now();
  held.hold([runOf("one", Date.now() + 60), runOf("two", Date.now() + 30)], new Map(), instantOf(realClock));
  await held.stop();
  expect(begun.map(([id]) => id)).toEqual(["two", "one"]);
  expect((begun[1]?.[1] ?? 0) - fromMs).toBeGreaterThanOrEqual(59);
  expect(held.size).toBe(0);
});
