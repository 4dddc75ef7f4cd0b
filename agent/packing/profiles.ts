import { LruMap } from "../../kernel/lru-map.ts";
import type { Demand } from "./demand.ts";

/** What an attempt really used. */
export interface Usage {
  readonly peakMemoryBytes: number;
  /** Processor time, milliseconds. */
  readonly cpuMs: number;
  readonly wallMs: number;
}

interface Profile {
  memoryBytes: number;
  cpuMillis: number;
  runs: number;
}

const MAX_PROFILES = 20_000;
/** Until a script has run so often it is taken to need at least what is assumed of unknown ones. */
const TRUSTED_RUNS = 3;
/** A peak is forgotten slowly, a higher one is believed at once: too little memory kills a job, too much only makes others wait. */
const PEAK_FADES = 0.02;
const CPU_NEW_SHARE = 0.2;
/** What is kept free above the highest peak that was seen. */
const MARGIN = 1.1;
const MARGIN_BYTES = 16 * 1024 * 1024;
/** Shorter runs say little about the processor: most of it is starting up. */
const SHORT_MS = 50;

/** What scripts need, as declared or as learned from what they have used. Of one agent, in memory: it is learned again within a few runs. */
export class Profiles {
  readonly #unknown: Demand;
  readonly #byScript = new LruMap<string, Profile>(MAX_PROFILES);

  /** @param unknown what a script is taken to need that has not run yet */
  constructor(unknown: Demand) {
    this.#unknown = unknown;
  }

  /**
   * What to keep for the next run of a script. What was declared counts; the rest is learned.
   * @param script anything that names it, such as workspace and hash of its code
   */
  demandOf(script: string, declared: Partial<Demand> = {}): Demand {
    const learned = this.#byScript.get(script);
    const isTrusted = learned !== undefined && learned.runs >= TRUSTED_RUNS;
    const memory = learned === undefined ? 0 : learned.memoryBytes * MARGIN + MARGIN_BYTES;
    const cpu = learned?.cpuMillis ?? 0;
    return {
      memoryBytes: declared.memoryBytes ?? (isTrusted ? memory : Math.max(memory, this.#unknown.memoryBytes)),
      cpuMillis: declared.cpuMillis ?? (isTrusted ? cpu : Math.max(cpu, this.#unknown.cpuMillis)),
    };
  }

  learn(script: string, { peakMemoryBytes, cpuMs, wallMs }: Usage): void {
    const cpuMillis = (1000 * cpuMs) / Math.max(wallMs, SHORT_MS);
    const known = this.#byScript.get(script);
    if (known === undefined) {
      this.#byScript.set(script, { memoryBytes: peakMemoryBytes, cpuMillis, runs: 1 });
      return;
    }
    known.runs += 1;
    known.memoryBytes = Math.max(peakMemoryBytes, known.memoryBytes * (1 - PEAK_FADES) + peakMemoryBytes * PEAK_FADES);
    known.cpuMillis = known.cpuMillis * (1 - CPU_NEW_SHARE) + cpuMillis * CPU_NEW_SHARE;
  }
}
