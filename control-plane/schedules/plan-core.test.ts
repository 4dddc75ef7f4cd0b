import { describe, expect, test } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { type CatchUp, countTicks, GRACE_MS, planTicks, type Ticks } from "./plan-core.ts";

const listed = (list: readonly number[]): Ticks => ({ after: (ms) => list.find((at) => at > ms), before: (ms) => list.findLast((at) => at < ms) });
const MINUTE_MS = 60_000;
const everyMinute = listed(Array.from({ length: 600 }, (_, at) => at * MINUTE_MS));
const NOW = 300 * MINUTE_MS + 500;

const minutes = (list: readonly number[]): number[] => list.map((ms) => ms / MINUTE_MS);

describe("ticks that are due together", () => {
  test("all run when none is later than the grace", () => {
    expect(planTicks(everyMinute, 300 * MINUTE_MS, NOW, { kind: "none" })).toEqual({ run: [300 * MINUTE_MS], missed: undefined, thenMs: 301 * MINUTE_MS });
    const seconds = listed(Array.from({ length: 100 }, (_, at) => at * 1000));
    expect(planTicks(seconds, 10_000, 45_500, { kind: "latest" }).run).toHaveLength(36);
  });

  test("none: what is later is missed", () => {
    const plan = planTicks(everyMinute, 200 * MINUTE_MS, NOW, { kind: "none" });
    expect(minutes(plan.run)).toEqual([300]);
    expect(plan.missed).toEqual({ fromMs: 200 * MINUTE_MS, untilMs: 299 * MINUTE_MS });
  });

  test("latest: one runs for all", () => {
    const plan = planTicks(everyMinute, 200 * MINUTE_MS, NOW, { kind: "latest" });
    expect(minutes(plan.run)).toEqual([300]);
    const daily = listed([0, 1000 * MINUTE_MS]);
    expect(planTicks(daily, 0, NOW, { kind: "latest" })).toEqual({ run: [0], missed: undefined, thenMs: 1000 * MINUTE_MS });
  });

  test("all: the newest run, up to the bound and within the window", () => {
    expect(minutes(planTicks(everyMinute, 200 * MINUTE_MS, NOW, { kind: "all", max: 3, windowMs: 60 * MINUTE_MS }).run)).toEqual([297, 298, 299, 300]);
    const plan = planTicks(everyMinute, 200 * MINUTE_MS, NOW, { kind: "all", max: 100, windowMs: 2.5 * MINUTE_MS });
    expect(minutes(plan.run)).toEqual([298, 299, 300]);
    expect(plan.missed).toEqual({ fromMs: 200 * MINUTE_MS, untilMs: 297 * MINUTE_MS });
  });

  test("a tick that was announced runs, also when the rules of its zone have changed since", () => {
    expect(planTicks(listed([0, 1000 * MINUTE_MS]), 300 * MINUTE_MS, NOW, { kind: "none" })).toEqual({
      run: [300 * MINUTE_MS],
      missed: undefined,
      thenMs: 1000 * MINUTE_MS,
    });
  });
});

test("every due tick runs or is missed, never both, and the next one is the first of the future", () => {
  const catchUp: fc.Arbitrary<CatchUp> = fc.oneof(
    fc.constant({ kind: "none" } as const),
    fc.constant({ kind: "latest" } as const),
    fc.record({ kind: fc.constant("all" as const), max: fc.integer({ min: 1, max: 5 }), windowMs: fc.integer({ min: 60_000, max: 600_000 }) }),
  );
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 0, max: 900 }), { minLength: 1, maxLength: 60 }),
      fc.nat(),
      fc.integer({ min: 0, max: 1000 }),
      catchUp,
      (list, pick, nowS, policy) => {
        const all = list.map((s) => s * 1000).sort((a, b) => a - b);
        const dueMs = all[pick % all.length] ?? 0;
        const nowMs = Math.max(dueMs, nowS * 1000);
        const ticks = listed(all);
        const { run, missed, thenMs } = planTicks(ticks, dueMs, nowMs, policy);
        const due = all.filter((at) => at >= dueMs && at <= nowMs);
        const left = due.filter((at) => missed !== undefined && at >= missed.fromMs && at <= missed.untilMs);
        expect([...left, ...run]).toEqual(due);
        expect(thenMs).toBe(all.find((at) => at > nowMs));
        if (missed !== undefined) expect(countTicks(ticks, missed.fromMs, missed.untilMs, 1000)).toBe(left.length);
        const onTime = due.filter((at) => at >= nowMs - GRACE_MS);
        if (dueMs >= nowMs - GRACE_MS) expect(run).toEqual(due);
        else if (policy.kind === "none") expect(run).toEqual(onTime);
        else if (policy.kind === "latest") expect(run).toEqual(due.slice(-1));
        else expect(run.length).toBe(onTime.length + Math.min(policy.max, due.filter((at) => at < nowMs - GRACE_MS && at >= nowMs - policy.windowMs).length));
      },
    ),
  );
});

test("missed ticks are counted up to a bound", () => {
  expect(countTicks(everyMinute, 0, 99 * MINUTE_MS, 1000)).toBe(100);
  expect(countTicks(everyMinute, 0, 99 * MINUTE_MS, 10)).toBe(10);
});
