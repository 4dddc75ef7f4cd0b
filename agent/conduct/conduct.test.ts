import { pino } from "pino";
import { expect, test, vi } from "vitest";
import { realClock } from "../../kernel/clock.ts";
import { exitOf } from "../../kernel/exit.ts";
import { formatBytes } from "../../kernel/size.ts";
import { Condition } from "../../proto/gen/millrace/agent/v1/session.ts";
import { bundleOf } from "../session/testing/scripted-plane.ts";
import { TestExecutor } from "../session/testing/test-executor.ts";
import { Conduct } from "./conduct.ts";
import { DiskWatch } from "./disk-watch.ts";
import { SetupGuard } from "./setup-guard.ts";

const log = pino({ level: "silent" });
const io = { onStarted: () => undefined, onOutput: () => undefined };

test("the strictest hindrance decides the slots, the gravest one what is said; draining is for good", () => {
  let changes = 0;
  const conduct = new Conduct(8, () => (changes += 1));
  expect([conduct.capacity, conduct.isLimited]).toEqual([{ slots: 8, draining: false }, false]);
  conduct.hinder("ending", "two more", 2);
  conduct.hinder("ending", "two more", 2);
  conduct.hinder("disk_pressure", "full");
  conduct.hinder("quarantined", "broken");
  expect(conduct.capacity).toEqual({ slots: 0, draining: false, condition: Condition.CONDITION_QUARANTINED, reason: "broken" });
  conduct.clear("quarantined");
  conduct.clear("disk_pressure");
  conduct.clear("disk_pressure");
  expect([conduct.capacity.slots, changes]).toEqual([2, 5]);
  conduct.drain();
  conduct.clear("ending");
  expect(conduct.capacity).toEqual({ slots: 0, draining: true });
});

test("an agent in quarantine tries by itself whether a sandbox can be made, and comes back when one can", async () => {
  vi.useFakeTimers();
  try {
    const executor = new TestExecutor();
    const conduct = new Conduct(8, () => undefined);
    const faults: (string | undefined)[] = ["a trial is broken", "still broken", undefined];
    const guard = new SetupGuard({ conduct, clock: realClock, log, probe: () => Promise.resolve(faults.shift()) });
    const start = guard.watch(executor.startAttempt);
    const running = [1, 2, 3].map(() => start(bundleOf(), io));
    for (const attempt of executor.attempts) attempt.end({ exit: exitOf("sandbox_error", "broken"), startedAtUs: 0 });
    await Promise.all(running.map(({ done }) => done));
    await vi.advanceTimersByTimeAsync(0);
    expect(conduct.capacity).toMatchObject({ slots: 0, reason: "a trial is broken" });
    await vi.advanceTimersByTimeAsync(30_000);
    expect(conduct.capacity).toMatchObject({ slots: 0, reason: "still broken" });
    await vi.advanceTimersByTimeAsync(59_000);
    expect(faults).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(conduct.capacity).toEqual({ slots: 8, draining: false });
    guard.close();
  } finally {
    vi.useRealTimers();
  }
});

test("jobs that ask for what cannot be do not stop an agent that can make sandboxes", async () => {
  const executor = new TestExecutor();
  const seen: number[] = [];
  const conduct: Conduct = new Conduct(8, () => seen.push(conduct.capacity.slots));
  const guard = new SetupGuard({ conduct, clock: realClock, log, probe: () => Promise.resolve(undefined) });
  const start = guard.watch(executor.startAttempt);
  for (let at = 0; at < 9; at++) {
    const { done } = start(bundleOf(), io);
    executor.attempts[at]?.end({ exit: exitOf("sandbox_error", "no such host"), startedAtUs: 0 });
    await done;
  }
  await Promise.resolve();
  expect([conduct.capacity.slots, seen]).toEqual([8, [0, 8, 0, 8, 0, 8]]);
  guard.close();
});

test("failures that are far apart are no quarantine", async () => {
  let nowMs = 0;
  const executor = new TestExecutor();
  const conduct = new Conduct(8, () => undefined);
  const guard = new SetupGuard({ conduct, clock: { ...realClock, monotonicMs: () => nowMs }, log, probe: () => Promise.resolve(undefined) });
  const start = guard.watch(executor.startAttempt);
  for (let at = 0; at < 6; at++) {
    nowMs += 160_000;
    const { done } = start(bundleOf(), io);
    executor.attempts[at]?.end({ exit: exitOf("sandbox_error", "broken"), startedAtUs: 0 });
    expect((await done).exit.reason).toBe("fenced");
  }
  expect(conduct.isLimited).toBe(false);
});

test("a set-up that fails on a full disk is no fault of the job: it goes back at any attempt, and the agent takes none before it knows", async () => {
  let free = 1_000;
  const executor = new TestExecutor();
  const conduct = new Conduct(8, () => undefined);
  const disk = new DiskWatch({ folder: "/", minFreeBytes: 100, conduct, log, freeBytes: () => free });
  const guard = new SetupGuard({ conduct, clock: realClock, log, probe: () => Promise.resolve(undefined), lookAtDisk: () => disk.look() });
  const start = guard.watch(executor.startAttempt);
  const endOf = async (attempt: number): Promise<[string, number]> => {
    const { done } = start(bundleOf({ attempt }), io);
    executor.attempts.at(-1)?.end({ exit: exitOf("sandbox_error", "ENOSPC"), startedAtUs: 0 });
    const { exit } = await done;
    return [exit.reason, conduct.capacity.slots];
  };
  expect(await endOf(5)).toEqual(["sandbox_error", 8]);
  free = 0;
  expect(await endOf(5)).toEqual(["fenced", 0]);
  guard.close();
});

test("disk pressure ends when there is a tenth more than what is wanted", () => {
  let free = 50;
  const conduct = new Conduct(8, () => undefined);
  const watch = new DiskWatch({ folder: "/", minFreeBytes: 100, conduct, log, freeBytes: () => free });
  const states = [50, 105, 110, 99, 100].map((bytes) => {
    free = bytes;
    watch.look();
    return conduct.isHindered("disk_pressure");
  });
  expect(states).toEqual([true, true, false, true, true]);
  expect(conduct.capacity.reason).toContain(formatBytes(99));
});
