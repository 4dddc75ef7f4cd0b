/** A seeded generator of numbers in [0, 1): mulberry32, by Tommy Ettinger. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** An entry of a list, chosen by a number in [0, 1). */
export function pick<T>(list: readonly T[], dice: number): T | undefined {
  return list[Math.min(list.length - 1, Math.floor(dice * list.length))];
}
