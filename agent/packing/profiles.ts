import { LruMap } from "../../kernel/lru-map.ts";
import type { Demand } from "./demand.ts";

/** What an attempt really used. */
export interface Usage {
  readonly peakMemoryBytes: number;
  /** Processor time, milliseconds. */
  readonly cpuMs: number;
  readonly wallMs: number;
  /** The limit at which it ran out of memory: its peak says nothing of what it needs. */
  readonly ranOutAtBytes?: number;
  /** Others wanted the processors too: it might have used more. */
  readonly wasContended?: boolean;
  /** Somebody ended it: it might have used more of everything. */
  readonly wasCut?: boolean;
}

export interface Profile {
  /** The highest peak, which fades. */
  readonly memoryBytes: number;
  /** What is kept free above it. */
  readonly marginBytes: number;
  readonly cpuMillis: number;
  readonly runs: number;
}

const MAX_PROFILES = 5_000;
/** Until a script has run so often it is taken to need at least what is assumed of unknown ones. */
const TRUSTED_RUNS = 3;
/** A peak is forgotten slowly, a higher one is believed at once: too little memory kills a job, too much only makes others wait. */
const PEAK_FADES = 0.02;
const CPU_NEW_SHARE = 0.2;
/** What is kept free above the highest peak at most: this share and so many bytes. Small, since jobs that grow are lent more (`loans-core.ts`). */
const MARGIN = 0.01;
const MARGIN_BYTES = 4 * 1024 * 1024;
/** And at least: the kernel counts in pieces, by processor. */
const MIN_MARGIN_BYTES = 1024 * 1024;
/** A script of which a run needed more than was known has so many times as much for the next. */
const MARGIN_PER_SURPRISE = 2;
/** A smaller margin is believed slowly, a larger one at once. */
const MARGIN_NEW_SHARE = 0.1;
/** One that ran out of memory gets so many times as much. */
const AFTER_OUT_OF_MEMORY = 2;
/** Shorter runs say little about the processor: most of it is starting up. */
const SHORT_MS = 50;

/** What scripts need, as declared or as learned from what they have used. Of one agent: what it forgets it learns again within a few runs. */
export class Profiles {
  readonly #unknown: Demand;
  readonly #learnsMargins: boolean;
  readonly #byScript = new LruMap<string, Profile>(MAX_PROFILES);
  #changes = 0;

  /**
   * @param unknown what a script is taken to need that has not run yet
   * @param learnsMargins a job that needs a little more than ever before only waits for it; otherwise each has the widest margin
   */
  constructor(unknown: Demand, learnsMargins = false, known: Iterable<readonly [string, Profile]> = []) {
    this.#unknown = unknown;
    this.#learnsMargins = learnsMargins;
    for (const [script, profile] of known) this.#byScript.set(script, profile);
  }

  /** Differs when something was learned. */
  get changes(): number {
    return this.#changes;
  }

  /** The one that was used longest ago comes first. */
  entries(): (readonly [string, Profile])[] {
    return [...this.#byScript.entries()];
  }

  /**
   * What to keep for the next run of a script. What was declared counts; the rest is learned.
   * @param script anything that names it, such as workspace and hash of its code; undefined for one of which nothing is learned
   */
  demandOf(script: string | undefined, declared: Partial<Demand> = {}): Demand {
    const learned = script === undefined ? undefined : this.#byScript.get(script);
    const isTrusted = learned !== undefined && learned.runs >= TRUSTED_RUNS;
    const memory = learned === undefined ? 0 : learned.memoryBytes + this.#marginOf(learned);
    const cpu = learned?.cpuMillis ?? 0;
    return {
      memoryBytes: declared.memoryBytes ?? (isTrusted ? memory : Math.max(memory, this.#unknown.memoryBytes)),
      cpuMillis: declared.cpuMillis ?? (isTrusted ? cpu : Math.max(cpu, this.#unknown.cpuMillis)),
    };
  }

  learn(script: string, usage: Usage): void {
    const known = this.#byScript.get(script);
    const { wasCut = false, wasContended = false, ranOutAtBytes = 0 } = usage;
    const peakBytes = Math.max(usage.peakMemoryBytes, ranOutAtBytes * AFTER_OUT_OF_MEMORY);
    const cpuMillis = (1000 * usage.cpuMs) / Math.max(usage.wallMs, SHORT_MS);
    this.#changes += 1;
    this.#byScript.set(script, {
      runs: (known?.runs ?? 0) + (wasCut ? 0 : 1),
      memoryBytes: known === undefined ? peakBytes : nextPeak(known.memoryBytes, peakBytes, wasCut),
      marginBytes: known === undefined ? widestMargin(peakBytes) : nextMargin(known, peakBytes, wasCut),
      cpuMillis: known === undefined ? cpuMillis : nextCpu(known.cpuMillis, cpuMillis, wasCut || wasContended),
    });
  }

  #marginOf({ memoryBytes, marginBytes }: Profile): number {
    return this.#learnsMargins ? Math.min(marginBytes, widestMargin(memoryBytes)) : widestMargin(memoryBytes);
  }
}

function widestMargin(peakBytes: number): number {
  return peakBytes * MARGIN + MARGIN_BYTES;
}

/** Jobs of a script that never need more than is known have little above it. Who needs less now and then, as by a colder start, does not count. */
function nextMargin(known: Profile, peakBytes: number, wasCut: boolean): number {
  if (wasCut) return known.marginBytes;
  const surpriseBytes = Math.max(0, peakBytes - known.memoryBytes);
  const widestBytes = widestMargin(known.memoryBytes);
  const wantedBytes = Math.min(widestBytes, Math.max(MIN_MARGIN_BYTES, surpriseBytes * MARGIN_PER_SURPRISE));
  const fadedBytes = Math.min(widestBytes, known.marginBytes) * (1 - MARGIN_NEW_SHARE) + wantedBytes * MARGIN_NEW_SHARE;
  return Math.max(wantedBytes, fadedBytes);
}

function nextPeak(known: number, seen: number, isLeast: boolean): number {
  return isLeast ? Math.max(known, seen) : Math.max(seen, known * (1 - PEAK_FADES) + seen * PEAK_FADES);
}

/**
 * On processors that all want, each job seems to need less than it would use; believing that would let more jobs in, which would seem to need
 * less again. So such a run can only raise what is known.
 */
function nextCpu(known: number, seen: number, isLeast: boolean): number {
  return isLeast && seen < known ? known : known * (1 - CPU_NEW_SHARE) + seen * CPU_NEW_SHARE;
}
