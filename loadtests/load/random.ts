/** Numbers in [0, 1) that a seed repeats exactly. */
export type Random = () => number;

/** The mulberry32 generator (Tommy Ettinger, public domain): 32 bits of state, good enough to place arrivals. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A seed of its own for each part of a run, so that one more draw in one part changes nothing in another. */
export function seedFor(seed: number, part: number): number {
  return Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(part + 1, 0x85ebca6b);
}
