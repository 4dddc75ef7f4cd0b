/**
 * Microseconds of the machine's monotonic clock: all processes of a run read the same one, and nobody sets it. Read directly: `performance.now()`
 * counts from a moment of each process's own, and whatever is added to make up for that is wrong by as long as it took to find out.
 */
export function monotonicUs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + nanoseconds / 1000;
}

/** Microseconds since the epoch. */
export function wallUs(): number {
  return (performance.timeOrigin + performance.now()) * 1000;
}

const never = new Int32Array(new SharedArrayBuffer(4));
/** Timers have whole milliseconds and come late; the last stretch is slept through exactly. */
const EXACT_STRETCH_MS = 1.5;
/** The kernel wakes a thread up to 50 µs late, and a processor that has slept takes as long again: so much is waited for awake. */
const AWAKE_MS = 0.12;

/** Resolves at a moment of `monotonicUs`, not before it and hardly after it. The thread stands still for the last millisecond or so. */
export async function untilUs(dueUs: number): Promise<void> {
  for (;;) {
    const leftMs = (dueUs - monotonicUs()) / 1000;
    if (leftMs <= 0) return;
    if (leftMs < EXACT_STRETCH_MS) {
      if (leftMs > AWAKE_MS) Atomics.wait(never, 0, 0, leftMs - AWAKE_MS);
      while (monotonicUs() < dueUs);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(1, Math.floor(leftMs - 1))));
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
