import { readFileSync } from "node:fs";

/** Time of all processors of the host, in any unit, and how often the agent's own groups were kept waiting. */
export interface CpuReading {
  readonly busy: number;
  readonly all: number;
  readonly throttled: number;
}

/** A moment, to ask later whether the processors were wanted since. */
export interface CpuMark {
  readonly looks: number;
  readonly busyLooks: number;
}

/** From this share on somebody waits for a processor, as often as not. */
const BUSY_SHARE = 0.85;
/** In this share of the looks. */
const CONTENDED_SHARE = 0.5;

/** Notices when the processors are all in use: then what a job has used says little of what it would use. */
export class CpuWatch {
  readonly #read: () => CpuReading | undefined;
  #last: CpuReading | undefined;
  #looks = 0;
  #busyLooks = 0;
  #isBusy = false;

  constructor(read: () => CpuReading | undefined) {
    this.#read = read;
    this.#last = read();
  }

  /** To be called every few hundred milliseconds while jobs run. */
  look(): void {
    const [before, now] = [this.#last, this.#read()];
    this.#last = now;
    if (before === undefined || now === undefined || now.all <= before.all) return;
    this.#isBusy = (now.busy - before.busy) / (now.all - before.all) >= BUSY_SHARE || now.throttled > before.throttled;
    this.#looks += 1;
    if (this.#isBusy) this.#busyLooks += 1;
  }

  mark(): CpuMark {
    return { looks: this.#looks, busyLooks: this.#busyLooks };
  }

  wasContended(since: CpuMark): boolean {
    const looks = this.#looks - since.looks;
    return looks === 0 ? this.#isBusy : (this.#busyLooks - since.busyLooks) / looks >= CONTENDED_SHARE;
  }
}

/** @param throttled how often the agent's groups were kept waiting so far */
export function readHostCpu(throttled: () => number): CpuReading | undefined {
  try {
    return parseCpu(readFileSync("/proc/stat", "latin1"), throttled());
  } catch {
    return undefined;
  }
}

/** Pure. The first line: user, nice, system, idle, iowait, irq, softirq, steal; what follows is in them already. */
export function parseCpu(stat: string, throttled: number): CpuReading | undefined {
  const line = /^cpu +([\d ]+)$/m.exec(stat)?.[1];
  const times = line?.split(" ").slice(0, 8).map(Number) ?? [];
  if (times.length < 4) return undefined;
  const all = times.reduce((sum, time) => sum + time, 0);
  const idle = (times[3] ?? 0) + (times[4] ?? 0);
  return { busy: all - idle, all, throttled };
}
