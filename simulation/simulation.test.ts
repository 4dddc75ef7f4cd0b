import { describe, expect, test } from "vitest";
import { EVENTS } from "./events.ts";
import { planOfSeed, runSeed } from "./run-seed.ts";
import { runTask, seedsFrom } from "./seed-workers.ts";

const SEEDS = 1000;

describe("simulation", () => {
  test(`${SEEDS} seeds: whatever fails and when, every promise holds after every step and everything ends`, async () => {
    const half = SEEDS / 2;
    const reports = await Promise.all([1, 1 + half].map((first) => runTask({ seeds: seedsFrom(first, half), explainFailure: true })));
    for (const { failure } of reports) if (failure !== undefined) throw new Error(`${failure.story}\nagain with: npm run soak -- --seed ${failure.seed}`);
    expect(reports.reduce((sum, report) => sum + report.seeds, 0)).toBe(SEEDS);
    // The worlds are not idle: dozens of jobs each, and thousands of events.
    expect(reports.reduce((sum, report) => sum + report.acknowledged, 0)).toBeGreaterThan(20 * SEEDS);
    expect(reports.reduce((sum, report) => sum + report.events, 0)).toBeGreaterThan(1000 * SEEDS);
  }, 300_000);

  test("a seed gives the same world each time, event for event", async () => {
    const [first, second] = [await runSeed(7, { keepTrace: true }), await runSeed(7, { keepTrace: true })];
    expect(first.trace.length).toBeGreaterThan(100);
    expect(second).toEqual(first);
    expect((await runSeed(8, { keepTrace: true })).trace).not.toEqual(first.trace);
  });

  test("every kind of event happens within the seeds of the suite", () => {
    const seen = new Set(seedsFrom(1, 100).flatMap((seed) => planOfSeed(seed).map((event) => event.kind)));
    expect([...seen].sort()).toEqual(EVENTS.map((kind) => kind.name).sort());
  });
});
