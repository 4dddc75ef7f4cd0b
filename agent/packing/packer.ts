import { ChurnMap } from "../../kernel/churn-map.ts";
import type { Clock } from "../../kernel/clock.ts";
import { formatBytes } from "../../kernel/size.ts";
import type { Bundle } from "../../proto/gen/millrace/agent/v1/job.ts";
import type { AttemptKey } from "../journal/attempt-key.ts";
import type { AttemptOutcome, AttemptRoom } from "../runner/attempt-types.ts";
import type { GroupMemory } from "../sandbox/cgroup/cgroup.ts";
import type { StartGate } from "../session/start-gate.ts";
import { type Asked, askedBy } from "./asked.ts";
import { type CpuMark, CpuWatch } from "./cpu-watch.ts";
import { type Demand, NOTHING } from "./demand.ts";
import type { HostRoom } from "./host-room.ts";
import { Loans } from "./loans-core.ts";
import { Packing } from "./packing-core.ts";
import { Profiles, type Usage } from "./profiles.ts";
import type { ProfilesFile } from "./profiles-file.ts";

export interface PackerOptions {
  readonly host: HostRoom;
  readonly file: ProfilesFile;
  /** The most that a job may use whose script asks for nothing; 0: half of all memory, and whatever processor is free. */
  readonly jobMemoryBytes: number;
  readonly jobCpuMillis: number;
  /** What the owner of the host lets one job have, bytes, as the policy is now; undefined: it sets no bound. */
  readonly policyBytes?: () => number | undefined;
  readonly clock: Clock;
  /** Jobs that waited may start. */
  readonly onRoom: () => void;
  /** Another number of slots than before. @param why jobs wait here, one line for people; empty when none does */
  readonly onSlots: (slots: number, why: string) => void;
  /** A job has waited for a while. Called once for each. */
  readonly onLongWait: (key: AttemptKey, why: string) => void;
}

export interface PackingStatus {
  readonly capacity: Demand;
  /** What the jobs that run are taken to need. */
  readonly used: Demand;
  /** Memory of other processes of the agent's: interpreters that wait, query helpers, dedicated processes without a job, builds. */
  readonly heldBytes: number;
  readonly running: number;
  readonly slots: number;
  /** Of the jobs that came and have no room yet. */
  readonly waiting: readonly { readonly needs: Demand; readonly waitsMs: number }[];
}

interface Job {
  readonly asked: Asked;
  readonly cameMs: number;
  readonly mark: CpuMark;
  saidWaiting: boolean;
  memory: GroupMemory | undefined;
}

const MB = 1024 * 1024;
/** What is assumed of a script that has not run here yet. */
const UNKNOWN: Demand = { memoryBytes: 256 * MB, cpuMillis: 500 };
/** Less than a sandbox with an interpreter needs, and less than a sandbox alone: of one that asks, and of one that was measured. */
const MIN_ASKED_BYTES = 16 * MB;
const MIN_MEASURED_BYTES = 8 * MB;
/** Part of the memory that no job is started on: it is lent to those that grow. */
const GROWTH_SHARE = 0.03;
/** A job that fills its memory as fast as one processor can gets some hundred megabytes in this time. */
const LOOK_MS = 100;
/** The processors are looked at every so many looks. */
const CPU_LOOKS = 3;
/** The control plane hears of another number of slots no more often. */
const TELL_MS = 250;
const LONG_WAIT_MS = 1_000;
const SAVE_MS = 60_000;
/** The kernel may give up a few pages before the last one. */
const AT_LIMIT = 0.9;

/**
 * Packs the jobs of one agent: lets each start when what it needs is free (`packing-core.ts`), gives it its limit of memory and moves that while it runs
 * (`loans-core.ts`), and learns from its end (`profiles.ts`).
 */
export class Packer implements StartGate {
  readonly #options: PackerOptions;
  readonly #packing: Packing<AttemptKey>;
  readonly #loans: Loans<AttemptKey>;
  readonly #profiles: Profiles;
  readonly #cpu: CpuWatch;
  readonly #jobs = new ChurnMap<AttemptKey, Job>();
  /** What was told last. */
  #slots: number;
  #reason = "";
  #toldMs = Number.NEGATIVE_INFINITY;
  #savedMs: number;
  #looks = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PackerOptions) {
    this.#options = options;
    const { host, file, clock, jobCpuMillis } = options;
    const unknown = {
      memoryBytes: Math.min(UNKNOWN.memoryBytes, this.#usualCeilingBytes),
      cpuMillis: jobCpuMillis === 0 ? UNKNOWN.cpuMillis : Math.min(UNKNOWN.cpuMillis, jobCpuMillis),
    };
    this.#profiles = new Profiles(unknown, host.waitsAtLimit, file.load());
    this.#packing = new Packing<AttemptKey>({ capacity: this.#capacity(), maxJobs: host.maxJobs, typical: unknown });
    this.#loans = new Loans<AttemptKey>(host.totalMemoryBytes, {
      usedBytes: (key) => this.#jobs.get(key)?.memory?.usedBytes(),
      limit: (key, bytes) => this.#jobs.get(key)?.memory?.moveLimit(bytes) ?? false,
      wait: (key, waits) => this.#jobs.get(key)?.memory?.waitAtLimit(waits),
    });
    this.#cpu = new CpuWatch(() => host.readCpu());
    this.#slots = this.#packing.slots();
    this.#savedMs = clock.monotonicMs();
  }

  /** For the control plane, as it was told last. */
  get slots(): number {
    return this.#slots;
  }

  /** Never more jobs at once. */
  get maxJobs(): number {
    return this.#options.host.maxJobs;
  }

  status(): PackingStatus {
    const nowMs = this.#options.clock.monotonicMs();
    const waiting = this.#packing
      .waitingJobs()
      .map(({ id, demand }) => ({ needs: demand, waitsMs: Math.round(nowMs - (this.#jobs.get(id)?.cameMs ?? nowMs)) }));
    const { capacity, used, running } = this.#packing;
    return { capacity, used, heldBytes: this.#options.host.heldBytes(), running, slots: this.#slots, waiting };
  }

  arrive(key: AttemptKey, bundle: Bundle): void {
    const asked = askedBy(bundle);
    this.#jobs.set(key, { asked, cameMs: this.#options.clock.monotonicMs(), mark: this.#cpu.mark(), saidWaiting: false, memory: undefined });
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref();
    this.#resize();
    this.#packing.arrive(key, this.#demandOf(asked));
    this.#tell();
  }

  mayStart(key: AttemptKey): boolean {
    return this.#packing.isRunning(key);
  }

  roomOf(key: AttemptKey): AttemptRoom {
    const job = this.#jobs.get(key);
    const reservedBytes = this.#packing.demandOf(key).memoryBytes;
    const mayBorrow = job?.asked.mayBorrow === true;
    const ceilingBytes = mayBorrow ? this.#ceilingBytes : reservedBytes;
    // The policy may have been changed while the job waited.
    this.#loans.open(key, Math.min(reservedBytes, ceilingBytes), ceilingBytes);
    return {
      limitBytes: () => this.#loans.limitOf(key),
      hold: (memory) => {
        if (job === undefined || !this.#jobs.has(key)) return;
        job.memory = memory;
        if (mayBorrow) this.#loans.lend(key);
      },
    };
  }

  leave(key: AttemptKey, outcome?: AttemptOutcome): void {
    const job = this.#jobs.get(key);
    if (job === undefined) return;
    if (outcome !== undefined) this.#learn(job, outcome, this.#loans.limitOf(key));
    this.#jobs.delete(key);
    this.#loans.close(key);
    this.#resize();
    this.#packing.leave(key);
    this.#tell();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#options.file.save(this.#profiles);
  }

  get #ceilingBytes(): number {
    return Math.min(this.#usualCeilingBytes, this.#options.policyBytes?.() ?? Number.POSITIVE_INFINITY);
  }

  /** A job is never lent more in all: none can take everything. */
  get #usualCeilingBytes(): number {
    const { host, jobMemoryBytes } = this.#options;
    return jobMemoryBytes > 0 ? Math.min(jobMemoryBytes, host.totalMemoryBytes) : Math.floor(host.totalMemoryBytes / 2);
  }

  #demandOf({ script, declared, mayBorrow, hasGroup }: Asked): Demand {
    const { host, jobCpuMillis } = this.#options;
    // It will be refused: that need not wait.
    if ((declared.memoryBytes ?? 0) > host.totalMemoryBytes) return NOTHING;
    const wanted = this.#profiles.demandOf(script, declared);
    const memoryBytes = mayBorrow ? Math.min(wanted.memoryBytes, this.#ceilingBytes) : wanted.memoryBytes;
    const mostMillis = declared.cpuMillis === undefined && jobCpuMillis > 0 ? Math.min(jobCpuMillis, host.processorMillis) : host.processorMillis;
    const leastBytes = declared.memoryBytes === undefined ? MIN_MEASURED_BYTES : MIN_ASKED_BYTES;
    return { memoryBytes: hasGroup ? Math.max(leastBytes, memoryBytes) : memoryBytes, cpuMillis: Math.min(wanted.cpuMillis, mostMillis) };
  }

  #capacity(): Demand {
    const { host } = this.#options;
    const memoryBytes = Math.max(0, host.totalMemoryBytes * (1 - GROWTH_SHARE) - host.heldBytes());
    return { memoryBytes, cpuMillis: host.processorMillis };
  }

  /** @returns true when jobs that waited may start */
  #resize(): boolean {
    this.#loans.hold(this.#options.host.heldBytes());
    return this.#packing.resize(this.#capacity()).length > 0;
  }

  #learn({ asked, mark }: Job, { exit, peakMemoryBytes, cpuMs, startedAtUs, finishedAtUs }: AttemptOutcome, limitBytes = Number.POSITIVE_INFINITY): void {
    if (asked.script === undefined || peakMemoryBytes === undefined || cpuMs === undefined || startedAtUs === 0) return;
    const usage: Usage = {
      peakMemoryBytes,
      cpuMs,
      wallMs: (finishedAtUs - startedAtUs) / 1_000,
      wasCut: exit.reason === "cancelled" || exit.reason === "fenced",
      wasContended: this.#cpu.wasContended(mark),
    };
    const hitLimit = exit.reason === "out_of_memory" && peakMemoryBytes >= limitBytes * AT_LIMIT;
    this.#profiles.learn(asked.script, hitLimit ? { ...usage, ranOutAtBytes: peakMemoryBytes } : usage);
    for (const { id } of this.#packing.waitingJobs()) {
      const waiting = this.#jobs.get(id)?.asked;
      if (waiting?.script === asked.script) this.#packing.revise(id, this.#demandOf(waiting));
    }
  }

  #look(): void {
    this.#looks += 1;
    if (this.#looks % CPU_LOOKS === 0) this.#cpu.look();
    for (const [key, bytes] of this.#loans.look()) this.#packing.raise(key, bytes);
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#packing.waiting > 0) this.#lookAtWaiting(nowMs);
    if (this.#resize()) this.#options.onRoom();
    this.#tell();
    if (nowMs - this.#savedMs >= SAVE_MS) {
      this.#savedMs = nowMs;
      this.#options.file.save(this.#profiles);
    }
    if (this.#jobs.size > 0 || this.#isUntold) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #lookAtWaiting(nowMs: number): void {
    const { host, onLongWait } = this.#options;
    let isLong = false;
    for (const { id, demand } of this.#packing.waitingJobs()) {
      const job = this.#jobs.get(id);
      if (job === undefined || nowMs - job.cameMs < LONG_WAIT_MS) continue;
      isLong = true;
      if (job.saidWaiting) continue;
      job.saidWaiting = true;
      onLongWait(id, `waits for room on this agent: it is taken to need ${inWords(demand)}; ${this.#usedInWords()}`);
    }
    // What is only kept to be quick makes way, one at a time.
    if (isLong) host.shed();
  }

  get #isUntold(): boolean {
    return this.#packing.slots() !== this.#slots || this.#reasonNow !== this.#reason;
  }

  get #reasonNow(): string {
    const { waiting } = this.#packing;
    if (waiting === 0) return "";
    return `${waiting === 1 ? "1 job waits" : `${waiting} jobs wait`} for room: ${this.#usedInWords()}`;
  }

  #usedInWords(): string {
    const { used, capacity } = this.#packing;
    return `${inWords(used)} of ${inWords(capacity)} are taken`;
  }

  /** What has changed is told at once, and then not again for a while: numbers that go up and down all the time are of no use to anybody. */
  #tell(): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#toldMs < TELL_MS || !this.#isUntold) return;
    this.#toldMs = nowMs;
    this.#slots = this.#packing.slots();
    this.#reason = this.#reasonNow;
    this.#options.onSlots(this.#slots, this.#reason);
  }
}

function inWords({ memoryBytes, cpuMillis }: Demand): string {
  return `${formatBytes(Math.round(memoryBytes))} and ${(cpuMillis / 1_000).toFixed(2)} processors`;
}
