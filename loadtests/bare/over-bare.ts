import { type Latencies, latencyFigures, round } from "../load/latencies.ts";
import type { Figures } from "../result/model.ts";

/** How many times as long as the bare path: `<name>_p50_ratio` and `_p99_ratio`, each where both sides have enough values to tell it. */
export function ratiosOverBare(name: string, ours: Latencies, bare: Latencies): Figures {
  const [one, other] = [latencyFigures("x", ours), latencyFigures("x", bare)];
  return Object.fromEntries(
    ["p50", "p99"].flatMap((percentile) => {
      const [above, below] = [one[`x_${percentile}_ms`], other[`x_${percentile}_ms`]];
      return above === undefined || below === undefined || below === 0 ? [] : [[`${name}_${percentile}_ratio`, round(above / below)]];
    }),
  );
}
