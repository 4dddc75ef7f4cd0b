import { describe, expect, test } from "vitest";
import { asWorkspaceId } from "../../../kernel/ids.ts";
import { CoreWorld, testJob } from "../testing/core-world.ts";
import { seededRandom } from "../testing/simulated-owner.ts";
import { chargeRunning } from "./dispatch-core.ts";
import type { RunningJob } from "./model.ts";
import { setWorkspaceLimits } from "./workspace-limits-core.ts";

interface Load {
  readonly workspace: string;
  readonly runMs: (random: () => number) => number;
  readonly weight?: number;
  readonly tag?: string;
  /** Jobs that wait at any time. */
  readonly backlog?: number;
  readonly fromMs?: number;
}

/** Runs loads that always have something waiting over some slots. @returns worker time by workspace within the measured time */
function share(
  loads: readonly Load[],
  options: { slots: number; untilMs: number; seed?: number; measureFromMs?: number; tags?: string[] },
): Map<string, number> {
  const world = new CoreWorld();
  const random = seededRandom(options.seed ?? 1);
  world.connect("1", options.slots, options.tags);
  const waiting = loads.map(() => 0);
  const used = new Map(loads.map((load) => [load.workspace, 0]));
  const ends: { running: RunningJob; atMs: number; load: number }[] = [];
  for (const { workspace, weight = 1 } of loads) setWorkspaceLimits(world.state, asWorkspaceId(workspace), { weight, maxRunning: undefined });
  const fromMs = options.measureFromMs ?? 0;
  for (let tickMs = 1000; world.nowMs < options.untilMs; ) {
    loads.forEach((load, at) => {
      if (world.nowMs < (load.fromMs ?? 0)) return;
      for (; (waiting[at] ?? 0) < (load.backlog ?? 20); waiting[at] = (waiting[at] ?? 0) + 1)
        world.wait(testJob(load.workspace, { tag: load.tag ?? "default", timeoutMs: at }));
    });
    for (const running of world.round()) {
      const load = running.job.timeoutMs ?? 0;
      waiting[load] = (waiting[load] ?? 0) - 1;
      ends.push({ running, atMs: world.nowMs + (loads[load]?.runMs(random) ?? 1), load });
    }
    ends.sort((a, b) => b.atMs - a.atMs);
    const next = ends.at(-1);
    const atMs = Math.min(next?.atMs ?? Number.POSITIVE_INFINITY, tickMs, options.untilMs);
    for (const { load } of ends) {
      const workspace = loads[load]?.workspace ?? "";
      used.set(workspace, (used.get(workspace) ?? 0) + Math.max(0, atMs - Math.max(fromMs, world.nowMs)));
    }
    world.nowMs = atMs;
    if (next !== undefined && next.atMs === atMs) world.end(ends.pop()?.running as RunningJob);
    if (atMs === tickMs) {
      chargeRunning(world.state, atMs);
      tickMs += 1000;
    }
  }
  return used;
}

/** Jain's fairness index (Jain, Chiu and Hawe, 1984): 1 when all have the same. */
function jain(values: readonly number[]): number {
  const sum = values.reduce((a, b) => a + b, 0);
  return sum ** 2 / (values.length * values.reduce((a, b) => a + b ** 2, 0));
}

const steady = (runMs: number) => (): number => runMs;
/** At least what a job is charged. */
const mixed = (meanMs: number) => (random: () => number) => 5 + random() * 2 * meanMs;

describe("equal workspaces", () => {
  test.each([1, 2, 3, 4])("seed %i: jobs of 5 ms to 6 s: each gets the same worker time, Jain's index at least 0.99", (seed) => {
    const loads = [2, 20, 100, 400, 1500, 3000].map((meanMs, at) => ({ workspace: String(at + 1), runMs: mixed(meanMs), backlog: 40 }));
    const used = share(loads, { slots: 1 + (seed % 3) * 8, untilMs: 120_000, seed });
    expect(jain([...used.values()])).toBeGreaterThan(0.99);
  });

  test("jobs that run for an hour are charged while they run: short ones of another workspace get their half of the slots", () => {
    const loads = [
      { workspace: "1", runMs: steady(3_600_000) },
      { workspace: "2", runMs: steady(1000) },
    ];
    // Both begin at the same moment, when nothing is known of their run times.
    const used = share(loads, { slots: 16, untilMs: 4 * 3_600_000 });
    expect(jain([...used.values()])).toBeGreaterThan(0.99);
  });

  test("a workspace that was alone for hours owes nothing to one that comes later, and nothing is owed to it", () => {
    const loads = [
      { workspace: "1", runMs: steady(60_000) },
      { workspace: "2", runMs: steady(500), fromMs: 7_200_000 },
    ];
    const used = share(loads, { slots: 4, untilMs: 7_200_000 + 1_800_000, measureFromMs: 7_200_000 });
    expect(jain([...used.values()])).toBeGreaterThan(0.99);
  });

  test("several languages of one tag do not give a workspace several shares", () => {
    const world = new CoreWorld();
    world.connect("1", 1);
    const count = { "1": 0, "2": 0 } as Record<string, number>;
    for (let i = 0; i < 500; i++) world.wait(testJob("1"), testJob("1", { language: "python3" }), testJob("2"));
    for (let i = 0; i < 400; i++) {
      const [running] = world.round(1);
      if (running === undefined) throw new Error("a slot is free and jobs wait");
      count[running.job.workspace] = (count[running.job.workspace] ?? 0) + 1;
      world.nowMs += 100;
      world.end(running);
    }
    expect(jain(Object.values(count))).toBeGreaterThan(0.99);
  });
});

describe("weights", () => {
  test.each([
    [1, 3],
    [2, 5],
    [0.5, 4],
  ])("%d to %d: worker time follows them within 3 %%", (light, heavy) => {
    const loads = [
      { workspace: "1", runMs: mixed(300), weight: light },
      { workspace: "2", runMs: mixed(30), weight: heavy },
    ];
    const used = share(loads, { slots: 10, untilMs: 300_000 });
    expect((used.get("2") ?? 0) / (used.get("1") ?? 1) / (heavy / light)).toBeGreaterThan(0.97);
    expect((used.get("2") ?? 0) / (used.get("1") ?? 1) / (heavy / light)).toBeLessThan(1.03);
  });
});

describe("starvation", () => {
  test("a burst of 100,000 jobs of one workspace leaves the next pick to another", () => {
    const world = new CoreWorld(200_000);
    world.connect("1", 2);
    world.wait(...Array.from({ length: 100_000 }, () => testJob("1")));
    const [first] = world.round();
    world.nowMs = 250;
    const other = testJob("2");
    world.wait(other);
    if (first === undefined) throw new Error("two slots are free");
    world.end(first);
    expect(world.round().map((running) => running.job.id)).toEqual([other.id]);
  });

  test("the tag of one workspace's long backlog does not decide over another tag: who is new there gets its turn", () => {
    const world = new CoreWorld();
    world.connect("1", 1, ["cpu"]);
    world.connect("2", 1, ["gpu"]);
    const of = (tag: string) => world.round().filter((running) => running.job.tag === tag);
    for (let i = 0; i < 200; i++) world.wait(testJob("1", { tag: "cpu" }), testJob("2", { tag: "gpu" }));
    for (let i = 0; i < 100; i++) {
      const running = [...world.state.running.values()];
      world.nowMs += 100;
      for (const entry of running) if (entry.job.tag === "cpu" || i % 20 === 0) world.end(entry);
      of("cpu");
    }
    for (let i = 0; i < 10; i++) world.wait(testJob("3", { tag: "gpu" }));
    const turns: string[] = [];
    for (let i = 0; i < 10; i++) {
      world.nowMs += 100;
      for (const entry of [...world.state.running.values()]) if (entry.job.tag === "gpu") world.end(entry);
      turns.push(...of("gpu").map((running) => running.job.workspace));
    }
    expect(turns.filter((workspace) => workspace === "3").length).toBeGreaterThanOrEqual(4);
  });

  test("a workspace whose cap or key holds it back saves nothing up meanwhile", () => {
    const world = new CoreWorld();
    world.connect("1", 1);
    setWorkspaceLimits(world.state, asWorkspaceId("1"), { weight: 1, maxRunning: 0 });
    world.wait(...Array.from({ length: 100 }, () => testJob("1")), ...Array.from({ length: 1000 }, () => testJob("2")));
    const turns = (rounds: number): string[] =>
      Array.from({ length: rounds }, () => {
        const [running] = world.round();
        world.nowMs += 100;
        if (running !== undefined) world.end(running);
        return running?.job.workspace ?? "";
      });
    expect(new Set(turns(500))).toEqual(new Set(["2"]));
    setWorkspaceLimits(world.state, asWorkspaceId("1"), { weight: 1, maxRunning: undefined });
    const after = turns(40).filter((workspace) => workspace === "1").length;
    expect(after).toBeGreaterThanOrEqual(19);
    expect(after).toBeLessThanOrEqual(21);
  });
});
