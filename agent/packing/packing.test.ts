import fc from "fast-check";
import { expect, test } from "vitest";
import { type Demand, fits, plus } from "./demand.ts";
import { Packing } from "./packing-core.ts";
import { Profiles } from "./profiles.ts";

const MB = 1024 * 1024;
const HOST: Demand = { memoryBytes: 16_000 * MB, cpuMillis: 8000 };
const TYPICAL: Demand = { memoryBytes: 256 * MB, cpuMillis: 500 };

/** xorshift32: the same jobs in every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

interface Kind {
  readonly name: string;
  readonly demand: Demand;
  readonly ms: number;
  readonly share: number;
}

/** Many that mostly wait for others, some that compute, a few that hold much memory. */
const KINDS: readonly Kind[] = [
  { name: "calls", demand: { memoryBytes: 60 * MB, cpuMillis: 50 }, ms: 2000, share: 0.6 },
  { name: "transforms", demand: { memoryBytes: 300 * MB, cpuMillis: 900 }, ms: 1000, share: 0.3 },
  { name: "reports", demand: { memoryBytes: 1500 * MB, cpuMillis: 900 }, ms: 3000, share: 0.1 },
];

interface Played {
  /** Share of the scarcer of memory and processors that was in use, on average after the start. */
  readonly utilisation: number;
  readonly jobsPerS: number;
  /** Highest memory in use, bytes. */
  readonly peak: number;
  readonly longestWaitMs: number;
}

/** Plays an endless backlog of mixed jobs on one host in virtual time. @param slots how many the host asks for */
function play(seconds: number, host: { slots(): number; arrive(id: string, kind: Kind): string[]; leave(id: string, kind: Kind): string[] }): Played {
  const random = randomFrom(7);
  const jobs = new Map<string, { kind: Kind; cameMs: number; endsMs: number | undefined }>();
  let [count, ended, memoryMs, cpuMs, peak, longestWaitMs] = [0, 0, 0, 0, 0, 0];
  const start = (ids: readonly string[], nowMs: number): void => {
    for (const id of ids) {
      const job = jobs.get(id);
      if (job === undefined) continue;
      job.endsMs = nowMs + job.kind.ms * (0.5 + random());
      longestWaitMs = Math.max(longestWaitMs, nowMs - job.cameMs);
    }
  };
  const warmUpMs = 20_000;
  const stepMs = 10;
  for (let nowMs = 0; nowMs < warmUpMs + seconds * 1000; nowMs += stepMs) {
    for (const [id, job] of [...jobs]) {
      if (job.endsMs === undefined || job.endsMs > nowMs) continue;
      jobs.delete(id);
      ended += nowMs > warmUpMs ? 1 : 0;
      start(host.leave(id, job.kind), nowMs);
    }
    while (jobs.size < host.slots()) {
      const pick = random();
      let sum = 0;
      const kind = KINDS.find(({ share }) => {
        sum += share;
        return pick < sum;
      });
      if (kind === undefined) break;
      const id = String(count++);
      jobs.set(id, { kind, cameMs: nowMs, endsMs: undefined });
      start(host.arrive(id, kind), nowMs);
    }
    if (nowMs < warmUpMs) continue;
    let used: Demand = { memoryBytes: 0, cpuMillis: 0 };
    for (const { kind, endsMs } of jobs.values()) if (endsMs !== undefined) used = plus(used, kind.demand);
    memoryMs += (used.memoryBytes / HOST.memoryBytes) * stepMs;
    cpuMs += (Math.min(used.cpuMillis, HOST.cpuMillis) / HOST.cpuMillis) * stepMs;
    peak = Math.max(peak, used.memoryBytes);
  }
  return { utilisation: Math.max(memoryMs, cpuMs) / (seconds * 1000), jobsPerS: ended / seconds, peak, longestWaitMs };
}

/** As many workers as jobs of the largest kind fit: what a host without packing has to do, so that it never runs out of memory. */
function onePerWorker(): Parameters<typeof play>[1] {
  const workers = Math.floor(HOST.memoryBytes / Math.max(...KINDS.map(({ demand }) => demand.memoryBytes)));
  return { slots: () => workers, arrive: (id) => [id], leave: () => [] };
}

function packed(): Parameters<typeof play>[1] {
  const packing = new Packing({ capacity: HOST, maxJobs: 1000, typical: TYPICAL });
  const profiles = new Profiles(TYPICAL);
  return {
    slots: () => packing.slots(),
    arrive: (id, { name }) => packing.arrive(id, profiles.demandOf(name)),
    leave: (id, { name, demand, ms }) => {
      // A report is known before the others of its kind come: what it takes is declared.
      profiles.learn(name, { peakMemoryBytes: demand.memoryBytes, cpuMs: (ms * demand.cpuMillis) / 1000, wallMs: ms });
      return packing.leave(id);
    },
  };
}

test("mixed jobs fill a host to more than 85 %, where one job per worker stays below 45 %, and memory is never short", () => {
  const workers = play(120, onePerWorker());
  const packing = play(120, packed());
  expect(workers.utilisation).toBeLessThan(0.45);
  expect(packing.utilisation).toBeGreaterThan(0.85);
  expect(packing.jobsPerS).toBeGreaterThan(2 * workers.jobsPerS);
  expect(packing.peak).toBeLessThanOrEqual(HOST.memoryBytes);
  expect(packing.longestWaitMs).toBeLessThan(30_000);
});

const demands = fc.record({ memoryBytes: fc.integer({ min: 0, max: 200 }), cpuMillis: fc.integer({ min: 0, max: 200 }) });

test("whatever comes and goes: what runs fits, nothing is lost, and nobody waits for ever", () => {
  const capacity: Demand = { memoryBytes: 100, cpuMillis: 100 };
  const step = fc.oneof(
    demands.map((demand) => ({ demand })),
    fc.nat(50).map((leaves) => ({ leaves })),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const packing = new Packing({ capacity, maxJobs: 20, typical: { memoryBytes: 10, cpuMillis: 10 } });
      const present = new Set<string>();
      const running = new Map<string, Demand>();
      const given = new Map<string, Demand>();
      const start = (ids: readonly string[]): void => {
        for (const id of ids) {
          expect(running.has(id) || !present.has(id)).toBe(false);
          const { memoryBytes, cpuMillis } = given.get(id) ?? { memoryBytes: 0, cpuMillis: 0 };
          running.set(id, { memoryBytes: Math.min(100, memoryBytes), cpuMillis: Math.min(100, cpuMillis) });
        }
        const used = [...running.values()].reduce(plus, { memoryBytes: 0, cpuMillis: 0 });
        expect(fits(used, capacity)).toBe(true);
        expect([packing.running, packing.waiting]).toEqual([running.size, present.size - running.size]);
        expect(packing.slots()).toBeGreaterThanOrEqual(1);
        expect(packing.slots()).toBeLessThanOrEqual(20);
      };
      const leave = (id: string): void => {
        present.delete(id);
        running.delete(id);
        start(packing.leave(id));
      };
      steps.forEach((one, at) => {
        if ("demand" in one) {
          given.set(String(at), one.demand);
          present.add(String(at));
          start(packing.arrive(String(at), one.demand));
        } else leave([...present][one.leaves] ?? "nobody");
      });
      // When those that run end, in any order, all others get their turn.
      for (let guard = 0; present.size > 0 && guard <= 1000; guard++) leave([...running.keys()][0] ?? "nobody");
      expect(present.size).toBe(0);
      expect(packing.used).toEqual({ memoryBytes: 0, cpuMillis: 0 });
    }),
    { numRuns: 300 },
  );
});

test("a large job is passed by small ones for a while, and then room is left for it", () => {
  const packing = new Packing({ capacity: { memoryBytes: 20, cpuMillis: 20 }, maxJobs: 100, typical: { memoryBytes: 1, cpuMillis: 1 } });
  for (let n = 0; n < 18; n++) expect(packing.arrive(`small ${n}`, { memoryBytes: 1, cpuMillis: 1 })).toEqual([`small ${n}`]);
  expect(packing.arrive("large", { memoryBytes: 20, cpuMillis: 1 })).toEqual([]);
  let passed = 0;
  for (let n = 18; n < 200 && packing.slots() > packing.running + packing.waiting; n++) {
    passed += packing.arrive(`small ${n}`, { memoryBytes: 1, cpuMillis: 1 }).length;
    packing.leave(`small ${n - 18}`);
  }
  expect(passed).toBe(32);
  const started: string[] = [];
  for (let n = 0; n < 200 && started.length === 0; n++) started.push(...packing.leave(`small ${n}`));
  expect(started).toEqual(["large"]);
});

test("what a script needs is learned: a higher peak at once, a lower one slowly, and what was declared counts", () => {
  const profiles = new Profiles(TYPICAL);
  expect(profiles.demandOf("x")).toEqual(TYPICAL);
  expect(profiles.demandOf("x", { memoryBytes: 7 })).toEqual({ ...TYPICAL, memoryBytes: 7 });
  const run = (peakMemoryBytes: number): void => profiles.learn("x", { peakMemoryBytes, cpuMs: 100, wallMs: 1000 });
  run(50 * MB);
  expect(profiles.demandOf("x")).toEqual(TYPICAL);
  run(50 * MB);
  run(50 * MB);
  expect(profiles.demandOf("x")).toEqual({ memoryBytes: 71 * MB, cpuMillis: 100 });
  run(500 * MB);
  expect(profiles.demandOf("x").memoryBytes).toBe(566 * MB);
  run(50 * MB);
  expect(profiles.demandOf("x").memoryBytes).toBeCloseTo((500 * 0.98 + 50 * 0.02) * 1.1 * MB + 16 * MB);
});
