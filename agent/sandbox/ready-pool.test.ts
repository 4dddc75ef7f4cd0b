import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { realClock } from "../../kernel/clock.ts";
import { ReadyPool } from "./ready-pool.ts";

interface Thing {
  readonly number: number;
  readonly ended: Promise<void>;
  readonly madeAtMs: number;
  end(): void;
}

/** A pool of numbered things on a time that the test moves. `make` may be told to fail or to take its time. */
function poolOf(size: number, options: { readonly failing?: () => boolean; readonly makeMs?: number } = {}) {
  const dropped: number[] = [];
  let made = 0;
  let endLast = (): void => undefined;
  let busy = 0;
  let busiest = 0;
  const tries: number[] = [];
  const make = async (): Promise<Thing | undefined> => {
    tries.push(performance.now());
    busy += 1;
    busiest = Math.max(busiest, busy);
    await new Promise((resolve) => setTimeout(resolve, options.makeMs ?? 10));
    busy -= 1;
    if (options.failing?.() === true) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    made += 1;
    endLast = resolve;
    return { number: made, ended: promise, madeAtMs: performance.now(), end: resolve };
  };
  const pool = new ReadyPool<Thing>({ size, make, drop: (thing) => dropped.push(thing.number), clock: realClock });
  return { pool, dropped, tries, made: () => made, endLast: () => endLast(), busiest: () => busiest };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

describe("ReadyPool", () => {
  it("makes one after the other until it is full, and then no more", async () => {
    const { pool, made, busiest } = poolOf(3);
    await pass(15);
    expect(pool.size).toBe(1);
    await pass(1_000);
    expect([pool.size, made(), busiest()]).toEqual([3, 3, 1]);
    pool.close();
  });

  it("gives each away once, the oldest first, and replaces it", async () => {
    const { pool, dropped } = poolOf(2);
    expect(pool.take()).toBeUndefined();
    await pass(1_000);
    const taken = [pool.take()?.number, pool.take()?.number, pool.take()?.number];
    expect(taken).toEqual([1, 2, undefined]);
    await pass(1_000);
    expect([pool.take()?.number, pool.size, dropped]).toEqual([3, 1, []]);
    pool.close();
    expect(dropped).toEqual([4]);
  });

  it("makes nothing while it is told to rest, again and again", async () => {
    const { pool, tries } = poolOf(1);
    await pass(1_000);
    for (let turn = 0; turn < 50; turn++) {
      pool.rest(20);
      pool.take();
      await pass(10);
    }
    expect(tries.length).toBe(1);
    await pass(30);
    expect([tries.length, pool.size]).toEqual([2, 1]);
    pool.close();
  });

  it("waits for a longer pause while many are left, and takes any when there is none", async () => {
    const { pool, tries } = poolOf(4);
    await pass(1_000);
    /** Orders with such pauses between them. @returns how many were made meanwhile */
    const order = async (times: number, pauseMs: number): Promise<number> => {
      const before = tries.length;
      for (let turn = 0; turn < times; turn++) {
        pool.take();
        await pass(pauseMs);
      }
      return tries.length - before;
    };
    expect([await order(3, 60), pool.size]).toEqual([0, 1]);
    // With none left each pause is used.
    expect([await order(4, 60), pool.size]).toEqual([4, 1]);
    await pass(1_000);
    expect([await order(1, 180), pool.size]).toEqual([0, 3]);
    await pass(20);
    expect([tries.length, pool.size]).toEqual([12, 4]);
    pool.close();
  });

  it("keeps as many as it is told from then on, and drops the oldest of too many", async () => {
    const { pool, dropped, made } = poolOf(0);
    await pass(1_000);
    expect([pool.size, made()]).toEqual([0, 0]);
    pool.resize(3);
    await pass(1_000);
    expect([pool.size, made()]).toEqual([3, 3]);
    pool.resize(1);
    expect([pool.size, dropped]).toEqual([1, [1, 2]]);
    pool.resize(0);
    await pass(60 * 60_000);
    expect([pool.size, made(), dropped]).toEqual([0, 3, [1, 2, 3]]);
    pool.close();
  });

  it("drops one that is ready when none is wanted any more", async () => {
    const { pool, dropped } = poolOf(1, { makeMs: 50 });
    await pass(20);
    pool.resize(0);
    await pass(1_000);
    expect([pool.size, dropped]).toEqual([0, [1]]);
    pool.close();
  });

  it("drops one that ends by itself and replaces it, ever more slowly when that goes on", async () => {
    const { pool, dropped, tries, endLast } = poolOf(1);
    await pass(1_000);
    // Each dies right after it was made.
    for (let death = 1; death <= 6; death++) {
      endLast();
      await pass(0);
      expect([pool.size, dropped.length]).toEqual([0, death]);
      await pass(300);
      if (death === 1) expect(pool.size).toBe(1);
      await pass(60_000);
    }
    expect(tries.length).toBe(7);
    pool.close();
  });

  it("tries again after failures, ever more slowly", async () => {
    let failing = true;
    const { pool, tries } = poolOf(2, { failing: () => failing });
    await pass(60_000);
    // A tenth of each window at least: far fewer than one per 10 ms, and not given up.
    expect(tries.length).toBeGreaterThan(5);
    expect(tries.length).toBeLessThan(60);
    failing = false;
    await pass(120_000);
    expect(pool.size).toBe(2);
    pool.close();
  });

  it("replaces what is older than ten minutes", async () => {
    const { pool, dropped } = poolOf(2);
    await pass(1_000);
    await pass(9 * 60_000);
    expect(dropped).toEqual([]);
    await pass(2 * 60_000);
    expect([dropped, pool.size]).toEqual([[1, 2], 2]);
    pool.close();
  });

  it("drops everything when it is closed, also what is only then ready", async () => {
    const { pool, dropped, made } = poolOf(3, { makeMs: 100 });
    await pass(150);
    expect([pool.size, made()]).toEqual([1, 1]);
    pool.close();
    pool.close();
    expect(dropped).toEqual([1]);
    await pass(10_000);
    expect([dropped, pool.size, pool.take()]).toEqual([[1, 2], 0, undefined]);
  });
});
