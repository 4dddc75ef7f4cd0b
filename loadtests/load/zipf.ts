import type { Random } from "./random.ts";

/**
 * Ranks 0 … count-1 with a chance that falls with 1/(rank+1)^exponent: a few tenants make most of the load, most make hardly any.
 * @returns a function that draws one
 */
export function zipf(count: number, exponent: number, random: Random): () => number {
  const sums: number[] = [];
  let sum = 0;
  for (let rank = 0; rank < count; rank++) {
    sum += 1 / (rank + 1) ** exponent;
    sums.push(sum);
  }
  return () => {
    const wanted = random() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sums[middle] ?? sum) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
