import { type Demand, fits, minus, NOTHING, plus } from "./demand.ts";

export interface PackingOptions {
  /** What jobs may use of the host together; see `resize`. */
  readonly capacity: Demand;
  /** Never more jobs at once than this, however small they are. */
  readonly maxJobs: number;
  /** What a job is taken to need before any has come. */
  readonly typical: Demand;
}

interface Waiting<Id> {
  readonly id: Id;
  demand: Demand;
  /** Jobs that came later and were started before it. */
  overtaken: number;
}

/** So often a job that is too large for what is free may be passed by smaller ones. After that room is left until it fits. */
const MAX_OVERTAKEN = 32;
/** Of jobs that wait here, another host could have some. */
const MAX_WAITING = 4;
/** With so much of the host free some job that is smaller than most may still fit: it is asked for one. */
const WORTH_SEEKING = 0.1;
/** Share of the newest job in what is taken for typical. */
const NEW_SHARE = 0.1;

/**
 * How many jobs a host takes at once when each says, or has shown, what it needs: as many as fit, in place of one per worker. Memory and processors
 * are added up for the jobs that run; one that does not fit waits here, with its slot, until enough of the others have ended. The control plane is
 * told a number of slots, as of any agent: those in use and as many more as typical jobs would fit. First fit with a bounded number of overtakings:
 * a large job starts later than it came, but for certain.
 */
export class Packing<Id = string> {
  readonly #maxJobs: number;
  readonly #running = new Map<Id, Demand>();
  readonly #waiting: Waiting<Id>[] = [];
  #capacity: Demand;
  #used: Demand = NOTHING;
  #typical: Demand;

  constructor({ capacity, maxJobs, typical }: PackingOptions) {
    this.#capacity = capacity;
    this.#maxJobs = maxJobs;
    this.#typical = typical;
  }

  get capacity(): Demand {
    return this.#capacity;
  }

  /** What the jobs that run are taken to need. */
  get used(): Demand {
    return this.#used;
  }

  get running(): number {
    return this.#running.size;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  isRunning(id: Id): boolean {
    return this.#running.has(id);
  }

  /** What a job that runs is taken to need. */
  demandOf(id: Id): Demand {
    return this.#running.get(id) ?? NOTHING;
  }

  /** Those that wait, the one that came first in front. */
  waitingJobs(): readonly { readonly id: Id; readonly demand: Demand }[] {
    return this.#waiting;
  }

  /** There is more room or less. What runs goes on, also when it would not fit any more. @returns the jobs that start now */
  resize(capacity: Demand): Id[] {
    this.#capacity = capacity;
    return this.#startWhatFits();
  }

  /** A job has come. @returns the jobs that start now: this one, or none */
  arrive(id: Id, demand: Demand): Id[] {
    const whole = wholeOf(demand);
    this.#typical = {
      memoryBytes: mix(this.#typical.memoryBytes, whole.memoryBytes),
      cpuMillis: mix(this.#typical.cpuMillis, whole.cpuMillis),
    };
    this.#waiting.push({ id, demand: whole, overtaken: 0 });
    return this.#startWhatFits();
  }

  /** Of a job that waits more is known than when it came. It starts at the next occasion. */
  revise(id: Id, demand: Demand): void {
    const found = this.#waiting.find((waiting) => waiting.id === id);
    if (found !== undefined) found.demand = wholeOf(demand);
  }

  /** A job that runs uses more memory than it was taken to need. */
  raise(id: Id, memoryBytes: number): void {
    const demand = this.#running.get(id);
    if (demand === undefined || demand.memoryBytes >= memoryBytes) return;
    const raised = { ...demand, memoryBytes };
    this.#running.set(id, raised);
    this.#used = plus(minus(this.#used, demand), raised);
  }

  /** A job has ended, or will not be started. @returns the jobs that start now */
  leave(id: Id): Id[] {
    const demand = this.#running.get(id);
    if (demand !== undefined) {
      this.#running.delete(id);
      this.#used = minus(this.#used, demand);
    }
    const at = this.#waiting.findIndex((waiting) => waiting.id === id);
    if (at >= 0) this.#waiting.splice(at, 1);
    return this.#startWhatFits();
  }

  /** Slots to tell the control plane: those that are taken, and those that typical jobs would find. Never fewer than run. */
  slots(): number {
    const taken = this.#running.size + this.#waiting.length;
    const isBlocked = this.#waiting.length >= MAX_WAITING || this.#waiting.some((waiting) => waiting.overtaken >= MAX_OVERTAKEN);
    return Math.min(this.#maxJobs, Math.max(1, taken + (isBlocked ? 0 : this.#more())));
  }

  /** How many more jobs to ask for. */
  #more(): number {
    const free = minus(this.#capacity, this.#used);
    const { memoryBytes, cpuMillis } = this.#typical;
    const typical = Math.floor(Math.min(free.memoryBytes / Math.max(1, memoryBytes), free.cpuMillis / Math.max(1, cpuMillis)));
    const least = { memoryBytes: this.#capacity.memoryBytes * WORTH_SEEKING, cpuMillis: this.#capacity.cpuMillis * WORTH_SEEKING };
    return Math.max(fits(least, free) ? 1 : 0, typical);
  }

  #startWhatFits(): Id[] {
    const started: Id[] = [];
    for (let at = 0; at < this.#waiting.length; ) {
      const next = this.#waiting[at];
      if (next === undefined) break;
      if (this.#mayStart(next)) {
        this.#waiting.splice(at, 1);
        this.#running.set(next.id, next.demand);
        this.#used = plus(this.#used, next.demand);
        started.push(next.id);
        for (const earlier of this.#waiting.slice(0, at)) earlier.overtaken += 1;
      } else if (next.overtaken >= MAX_OVERTAKEN) break;
      else at += 1;
    }
    return started;
  }

  /** One that needs more than there is runs alone rather than never. */
  #mayStart({ demand }: Waiting<Id>): boolean {
    if (this.#running.size >= this.#maxJobs) return false;
    return this.#running.size === 0 || fits(plus(this.#used, demand), this.#capacity);
  }
}

/** Sums of others would drift over months. */
function wholeOf({ memoryBytes, cpuMillis }: Demand): Demand {
  return { memoryBytes: Math.ceil(memoryBytes), cpuMillis: Math.ceil(cpuMillis) };
}

/** Geometric: a few large jobs among many small ones must not make the host ask for too few. */
function mix(old: number, fresh: number): number {
  return Math.exp(Math.log(Math.max(1, old)) * (1 - NEW_SHARE) + Math.log(Math.max(1, fresh)) * NEW_SHARE);
}
