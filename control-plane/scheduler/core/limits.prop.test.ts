import { describe, expect, test } from "vitest";
import { SimulatedLimits } from "../testing/simulated-limits.ts";
import { createWindow, EXACT_STARTS, opensAtMs, recordStart, startsLeft } from "./rate-core.ts";

describe("limits under faults", () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])("seed %i: no cap and no window is exceeded, through crashes, and every job gets its turn", (seed) => {
    const owner = new SimulatedLimits(seed, seed % 2 === 0 ? 6 : 1000);
    for (let i = 0; i < 3000; i++) owner.step();
    owner.drain();
    expect(owner.crashes).toBeGreaterThan(0);
    expect(owner.done.size).toBeGreaterThan(500);
    expect({ pending: owner.pending.size, running: owner.running.size }).toEqual({ pending: 0, running: 0 });
    owner.nowMs += 60_000;
    owner.round();
    const { routes, limits, tenants, coldQueues, wantRows } = owner.state;
    const left = [...routes.values()].map((route) => route.waiting + route.held + [...route.shares.values()].reduce((sum, share) => sum + share.held, 0));
    expect(left.every((count) => count === 0)).toBe(true);
    expect([...tenants.values()].every((tenant) => tenant.permits === 0 && tenant.running === 0 && tenant.waiting === 0)).toBe(true);
    expect({ limits: limits.size, cold: coldQueues.size, wanted: wantRows.size }).toEqual({ limits: 0, cold: 0, wanted: 0 });
  });
});

describe("windows", () => {
  test.each([1, 2, 7, 50, EXACT_STARTS])("of %i starts: admit exactly when fewer than that many were within the window", (starts) => {
    const windowMs = 1000;
    const window = createWindow({ starts, windowMs });
    const all: number[] = [];
    let nowMs = 0;
    for (let i = 0; i < 20_000; i++) {
      nowMs += (i * 7919) % 37;
      const within = all.filter((time) => nowMs - time < windowMs).length;
      expect(startsLeft(window, nowMs)).toBe(starts - within);
      if (within === starts) expect(opensAtMs(window)).toBe((all.at(-starts) ?? 0) + windowMs);
      else if (i % 3 !== 0) {
        recordStart(window, nowMs);
        all.push(nowMs);
        if (all.length > starts) all.shift();
      }
    }
  });

  test.each([101, 150, 1000, 20_000])("of %i starts: never more than that many in any window, and nine tenths of them when always wanted", (starts) => {
    const windowMs = 1000;
    const window = createWindow({ starts, windowMs });
    const times: number[] = [];
    // Begins idle, has a pause, and is asked at odd moments.
    for (let nowMs = 0; nowMs < 6000; nowMs += 0.37) {
      if (nowMs > 2000 && nowMs < 3500) continue;
      for (let left = startsLeft(window, nowMs); left > 0; left = startsLeft(window, nowMs)) {
        recordStart(window, nowMs);
        times.push(nowMs);
      }
    }
    let most = 0;
    for (let first = 0, last = 0; last < times.length; last++) {
      while ((times[last] ?? 0) - (times[first] ?? 0) > windowMs) first += 1;
      most = Math.max(most, last - first + 1);
    }
    expect(most).toBeLessThanOrEqual(starts);
    const steady = times.filter((time) => time >= 4500 && time < 5500).length;
    expect(steady).toBeGreaterThan(0.88 * starts);
  });
});
