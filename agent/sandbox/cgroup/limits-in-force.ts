import type { JobLimits } from "./cgroup.ts";

/** How one driver writes each limit. Undefined: no limit. May throw as the kernel says. */
export type LimitWriters = Readonly<Record<keyof JobLimits, (value: number | undefined) => void>>;

const NAMES: readonly (keyof JobLimits)[] = ["memoryBytes", "processes", "cpuMillis"];

/**
 * The limits of one group as they stand. A write takes the kernel up to tenths of a millisecond, between an assignment and the start of its
 * script: what stands already is not written again.
 */
export class LimitsInForce {
  readonly #writers: LimitWriters;
  readonly #now = new Map<keyof JobLimits, number | undefined>();

  constructor(writers: LimitWriters) {
    this.#writers = writers;
  }

  /** Each is as given, or not bounded, from now on. @throws when the kernel refuses; those before it stand */
  set(limits: JobLimits): void {
    for (const name of NAMES) {
      const value = limits[name];
      if (value === this.#now.get(name)) continue;
      this.#writers[name](value);
      this.#now.set(name, value);
    }
  }

  /** Another limit of memory, for a group that has one. @returns false when the kernel refuses: the old one stands */
  moveMemory(memoryBytes: number): boolean {
    try {
      this.#writers.memoryBytes(memoryBytes);
      this.#now.set("memoryBytes", memoryBytes);
      return true;
    } catch {
      return false;
    }
  }

  /** As `set`, ahead of time. What the kernel refuses it will refuse again when it matters. */
  expect(limits: JobLimits): void {
    try {
      this.set(limits);
    } catch {
      // `set` will say so.
    }
  }
}
