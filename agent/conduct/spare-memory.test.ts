import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { exitOf } from "../../kernel/exit.ts";

import type { AttemptOutcome } from "../runner/attempt-types.ts";
import type { StartAttempt } from "../session/attempts.ts";
import { collectGarbage, SpareMemory } from "./spare-memory.ts";

const OUTCOME: AttemptOutcome = { exit: exitOf("succeeded"), resultJson: "null", startedAtUs: 1, finishedAtUs: 2 };
const io = {} as Parameters<StartAttempt>[1];

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("memory is looked through once, a minute after the last job that runs has ended", async () => {
  const ends: (() => void)[] = [];
  let collected = 0;
  const spare = new SpareMemory(() => {
    collected += 1;
  });
  const start = spare.watch(() => ({
    done: new Promise((resolve) => ends.push(() => resolve(OUTCOME))),
    cancel: () => undefined,
    fence: () => undefined,
  }));
  const begin = (): void => void start({} as Parameters<StartAttempt>[0], io);
  const after = async (ms: number): Promise<number> => {
    await vi.advanceTimersByTimeAsync(ms);
    return collected;
  };
  expect(await after(120_000), "nothing has run").toBe(0);
  begin();
  begin();
  ends.shift()?.();
  expect(await after(120_000), "one of two runs").toBe(0);
  ends.shift()?.();
  expect(await after(59_000)).toBe(0);
  begin();
  expect(await after(120_000), "another has begun").toBe(0);
  ends.shift()?.();
  expect(await after(61_000)).toBe(1);
  expect(await after(3_600_000), "nothing has run since").toBe(1);
  begin();
  ends.shift()?.();
  await after(1);
  spare.close();
  expect(await after(120_000), "closed").toBe(1);
});

test("what nobody holds is gone afterwards", async () => {
  vi.useRealTimers();
  const dropped = new WeakRef({ left: "behind" });
  const kept = { still: "held" };
  const held = new WeakRef(kept);
  // Until the end of a turn a new reference holds what it refers to.
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  expect(dropped.deref()).toBeUndefined();
  expect(held.deref()).toBe(kept);
});

test("pages that are nearly empty are given back", async () => {
  vi.useRealTimers();
  const kept: object[] = [];
  // So many that they are moved to where old objects are, before most of them go.
  for (let round = 0; round < 20; round++) {
    const made = Array.from({ length: 40_000 }, (_, number) => ({ number, text: `${number}`, list: [number, round] }));
    await new Promise((resolve) => setImmediate(resolve));
    kept.push(...made.filter(({ number }) => number % 400 === round));
  }
  const before = process.memoryUsage();
  collectGarbage();
  const after = process.memoryUsage();
  expect(kept.length).toBe(2000);
  // What the heap has beyond what is used; an ordinary collection leaves most of it.
  const spare = ({ heapTotal, heapUsed }: NodeJS.MemoryUsage): number => (heapTotal - heapUsed) / 2 ** 20;
  expect(spare(after)).toBeLessThan(8);
  expect(before.heapTotal - after.heapTotal).toBeGreaterThan(8 * 2 ** 20);
});
