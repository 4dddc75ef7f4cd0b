import { expect, test } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { type Demand, fits, plus } from "./demand.ts";
import { Packing } from "./packing-core.ts";
import { Profiles, type Usage } from "./profiles.ts";

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

/** What is played: a host with what it has for jobs, and how long a job has its room without using it, while it starts. */
interface Stage {
  readonly host: Demand;
  readonly kinds: readonly Kind[];
  readonly startMs: number;
}

const STAGE: Stage = { host: HOST, kinds: KINDS, startMs: 0 };

interface Played {
  /** Share of the scarcer of memory and processors that was in use, on average after the start. */
  readonly utilisation: number;
  readonly jobsPerS: number;
  /** Highest memory in use, bytes. */
  readonly peak: number;
  readonly longestWaitMs: number;
}

/** Plays an endless backlog of mixed jobs on one host in virtual time. @param slots how many the host asks for */
function play(
  seconds: number,
  host: { slots(): number; arrive(id: string, kind: Kind): string[]; leave(id: string, kind: Kind): string[] },
  stage = STAGE,
): Played {
  const random = randomFrom(7);
  const jobs = new Map<string, { kind: Kind; cameMs: number; usesFromMs: number; endsMs: number | undefined }>();
  let [count, ended, memoryMs, cpuMs, peak, longestWaitMs] = [0, 0, 0, 0, 0, 0];
  const start = (ids: readonly string[], nowMs: number): void => {
    for (const id of ids) {
      const job = jobs.get(id);
      if (job === undefined) continue;
      job.usesFromMs = nowMs + stage.startMs;
      job.endsMs = job.usesFromMs + job.kind.ms * (0.5 + random());
      longestWaitMs = Math.max(longestWaitMs, nowMs - job.cameMs);
    }
  };
  const warmUpMs = Math.max(20_000, 3 * Math.max(...stage.kinds.map(({ ms }) => ms)));
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
      const kind = stage.kinds.find(({ share }) => {
        sum += share;
        return pick < sum;
      });
      if (kind === undefined) break;
      const id = String(count++);
      jobs.set(id, { kind, cameMs: nowMs, usesFromMs: 0, endsMs: undefined });
      start(host.arrive(id, kind), nowMs);
    }
    if (nowMs < warmUpMs) continue;
    let used: Demand = { memoryBytes: 0, cpuMillis: 0 };
    for (const { kind, endsMs, usesFromMs } of jobs.values()) if (endsMs !== undefined && nowMs >= usesFromMs) used = plus(used, kind.demand);
    memoryMs += (used.memoryBytes / stage.host.memoryBytes) * stepMs;
    cpuMs += (Math.min(used.cpuMillis, stage.host.cpuMillis) / stage.host.cpuMillis) * stepMs;
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

/** A host with all that a real one keeps back, and jobs as the load test has them, with peaks as they were measured. */
function playReal(ms: readonly [call: number, transform: number, report: number], learnsMargins: boolean): Played & { readonly room: number } {
  const host: Demand = { memoryBytes: 4_096 * MB, cpuMillis: 2_000 };
  const kinds: readonly Kind[] = [
    { name: "call", demand: { memoryBytes: 9.45 * MB, cpuMillis: 5 }, ms: ms[0], share: 0.55 },
    { name: "transform", demand: { memoryBytes: 98.6 * MB, cpuMillis: 10 }, ms: ms[1], share: 0.3 },
    { name: "report", demand: { memoryBytes: 409.3 * MB, cpuMillis: 15 }, ms: ms[2], share: 0.15 },
  ];
  // 3 % for growth, and interpreters that wait.
  const room = host.memoryBytes * 0.97 - 70 * MB;
  const packing = new Packing({ capacity: { ...host, memoryBytes: room }, maxJobs: 800, typical: TYPICAL });
  const profiles = new Profiles(TYPICAL, learnsMargins);
  const learn = (kind: Kind): void =>
    profiles.learn(kind.name, { peakMemoryBytes: kind.demand.memoryBytes, cpuMs: (kind.ms * kind.demand.cpuMillis) / 1000, wallMs: kind.ms });
  for (const kind of kinds) for (let n = 0; n < 3; n++) learn(kind);
  const played = play(
    300,
    {
      slots: () => packing.slots(),
      arrive: (id, { name }) => packing.arrive(id, profiles.demandOf(name)),
      leave: (id, kind) => {
        learn(kind);
        return packing.leave(id);
      },
    },
    { host, kinds, startMs: 400 },
  );
  return { ...played, room };
}

test.each([
  ["10 to 60 seconds", [20_000, 25_000, 40_000]],
  ["4 to 24 seconds", [8_000, 10_000, 16_000]],
] as const)("with all that a real host keeps back, jobs of %s use more than 85 % of its memory, and more with margins that are learned", (_words, ms) => {
  const [fixed, learned] = [playReal(ms, false), playReal(ms, true)];
  expect(fixed.utilisation).toBeGreaterThan(0.85);
  expect(learned.utilisation).toBeGreaterThan(fixed.utilisation + 0.02);
  expect(learned.peak).toBeLessThanOrEqual(learned.room);
});

const demands = fc.record({ memoryBytes: fc.integer({ min: 0, max: 200 }), cpuMillis: fc.integer({ min: 0, max: 200 }) });

test("whatever comes, grows and goes, and whatever room there is: what starts fits, nothing is lost, and nobody waits for ever", () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: demands.map((demand) => ({ demand })) },
    { weight: 4, arbitrary: fc.nat(50).map((leaves) => ({ leaves })) },
    { weight: 1, arbitrary: fc.record({ raises: fc.nat(20), to: fc.nat(150) }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 100 }).map((room) => ({ room })) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      let capacity: Demand = { memoryBytes: 100, cpuMillis: 100 };
      const packing = new Packing({ capacity, maxJobs: 20, typical: { memoryBytes: 10, cpuMillis: 10 } });
      const present = new Set<string>();
      const running = new Map<string, Demand>();
      const start = (ids: readonly string[]): void => {
        for (const id of ids) {
          expect([present.has(id), running.has(id)]).toEqual([true, false]);
          running.set(id, packing.demandOf(id));
        }
        const used = [...running.values()].reduce(plus, { memoryBytes: 0, cpuMillis: 0 });
        expect(packing.used).toEqual(used);
        // One alone may be larger than what there is now.
        if (ids.length > 0) expect(running.size === 1 || fits(used, capacity)).toBe(true);
        expect([packing.running, packing.waiting]).toEqual([running.size, present.size - running.size]);
        expect(packing.slots()).toBeGreaterThanOrEqual(Math.max(1, running.size));
        expect(packing.slots()).toBeLessThanOrEqual(20);
      };
      const leave = (id: string): void => {
        present.delete(id);
        running.delete(id);
        start(packing.leave(id));
      };
      steps.forEach((one, at) => {
        if ("demand" in one) {
          present.add(String(at));
          start(packing.arrive(String(at), one.demand));
        } else if ("raises" in one) {
          const id = [...running.keys()][one.raises] ?? "nobody";
          const before = running.get(id);
          packing.raise(id, one.to);
          if (before !== undefined) running.set(id, { ...before, memoryBytes: Math.max(before.memoryBytes, one.to) });
          start([]);
        } else if ("room" in one) {
          capacity = { memoryBytes: one.room, cpuMillis: 100 };
          start(packing.resize(capacity));
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

test("where typical jobs do not fit any more, but a tenth of the host is free, one more is asked for: it may be smaller", () => {
  const packing = new Packing({ capacity: { memoryBytes: 100, cpuMillis: 100 }, maxJobs: 100, typical: { memoryBytes: 50, cpuMillis: 5 } });
  packing.arrive("first", { memoryBytes: 60, cpuMillis: 5 });
  expect(packing.slots()).toBe(2);
  packing.arrive("second", { memoryBytes: 60, cpuMillis: 5 });
  // It waits: another may still fit beside the first.
  expect([packing.running, packing.waiting, packing.slots()]).toEqual([1, 1, 3]);
  packing.raise("first", 95);
  expect(packing.slots()).toBe(2);
});

test("what a script needs is learned: a higher peak at once, a lower one slowly, and what was declared counts", () => {
  const profiles = new Profiles(TYPICAL);
  expect(profiles.demandOf("x")).toEqual(TYPICAL);
  expect(profiles.demandOf(undefined)).toEqual(TYPICAL);
  expect(profiles.demandOf("x", { memoryBytes: 7 })).toEqual({ ...TYPICAL, memoryBytes: 7 });
  const run = (peakMemoryBytes: number, more: Partial<Usage> = {}): void => profiles.learn("x", { peakMemoryBytes, cpuMs: 100, wallMs: 1000, ...more });
  run(50 * MB);
  expect(profiles.demandOf("x")).toEqual(TYPICAL);
  run(50 * MB);
  run(50 * MB);
  expect(profiles.demandOf("x")).toEqual({ memoryBytes: 54.5 * MB, cpuMillis: 100 });
  run(500 * MB);
  expect(profiles.demandOf("x").memoryBytes).toBe(509 * MB);
  run(50 * MB);
  const faded = (500 * 0.98 + 50 * 0.02) * MB;
  expect(profiles.demandOf("x").memoryBytes).toBeCloseTo(faded * 1.01 + 4 * MB);
  run(10 * MB, { wasCut: true });
  expect(profiles.demandOf("x").memoryBytes).toBeCloseTo(faded * 1.01 + 4 * MB);
});

test("where a job can wait for a little more, a script that needs no more than it ever did is given little above that, and one that does several times as much", () => {
  const profiles = new Profiles(TYPICAL, true);
  const run = (script: string, peakMb: number): void => profiles.learn(script, { peakMemoryBytes: peakMb * MB, cpuMs: 100, wallMs: 1000 });
  for (let n = 0; n < 30; n++) {
    // Now and then one needs less, as by a colder start.
    run("alike", n % 4 === 3 ? 97 : 100.25);
    run("differs", 100 + (n % 5) * 10);
  }
  const marginMb = (script: string, peakMb: number): number => profiles.demandOf(script).memoryBytes / MB - peakMb;
  expect(marginMb("alike", 100.25)).toBeGreaterThan(0.7);
  expect(marginMb("alike", 100.25)).toBeLessThan(1.3);
  expect(marginMb("differs", 140)).toBeGreaterThan(3);
  expect(marginMb("differs", 140)).toBeLessThanOrEqual(5.4);
  // The next one that differs is believed at once.
  run("alike", 130);
  expect(marginMb("alike", 130)).toBeGreaterThan(5);
});

test("a script that ran out of memory gets twice as much for its next run", () => {
  const profiles = new Profiles(TYPICAL);
  profiles.learn("x", { peakMemoryBytes: 300 * MB, cpuMs: 1, wallMs: 100, ranOutAtBytes: 300 * MB });
  expect(profiles.demandOf("x").memoryBytes).toBe((600 * 1.01 + 4) * MB);
});

test("on busy processors a script does not seem to need less, run after run, until the host is overrun", () => {
  const profiles = new Profiles(TYPICAL);
  const run = (cpuMs: number, wasContended: boolean): void => profiles.learn("x", { peakMemoryBytes: MB, cpuMs, wallMs: 1000, wasContended });
  for (let n = 0; n < 3; n++) run(1000, false);
  for (let n = 0; n < 100; n++) run(250, true);
  expect(profiles.demandOf("x").cpuMillis).toBe(1000);
  for (let n = 0; n < 100; n++) run(250, false);
  expect(profiles.demandOf("x").cpuMillis).toBeCloseTo(250, 0);
});

test("what was learned is handed on, the script that was used longest ago first", () => {
  const first = new Profiles(TYPICAL);
  for (const script of ["a", "b", "a"]) for (let n = 0; n < 3; n++) first.learn(script, { peakMemoryBytes: 10 * MB, cpuMs: 10, wallMs: 100 });
  const second = new Profiles(TYPICAL, false, first.entries());
  expect(second.entries().map(([script]) => script)).toEqual(["b", "a"]);
  expect(second.demandOf("b")).toEqual(first.demandOf("b"));
});
