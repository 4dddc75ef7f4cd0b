/** Maps values of an axis to pixels, and knows where its ticks are. */
export interface Scale {
  readonly ticks: readonly number[];
  at(value: number): number;
}

/** From zero, or from `low` where that is given, to a round number above `high`, in steps of 1, 2 or 5. */
export function linearScale(high: number, pixels: readonly [from: number, to: number], low = 0, wanted = 5): Scale {
  const span = high > low ? high - low : 1;
  const rough = span / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough - 1e-12) ?? 10) * power;
  const first = Math.floor(low / step) * step;
  const count = Math.max(1, Math.ceil((low + span - first) / step - 1e-9));
  const last = first + count * step;
  const ticks = Array.from({ length: count + 1 }, (_, at) => Number((first + at * step).toPrecision(12)));
  return { ticks, at: (value) => pixels[0] + ((value - first) / (last - first)) * (pixels[1] - pixels[0]) };
}

/** Percentiles by how many nines they have: 90, 99 and 99.9 are equally far apart. 100 is drawn at the right edge. */
export function percentileScale(highest: number, pixels: readonly [from: number, to: number]): Scale {
  const nines = (percentile: number): number => -Math.log10(1 - Math.min(percentile, highest) / 100);
  const most = Math.max(1, nines(highest));
  const ticks = [0, 50, 90, 99, 99.9, 99.99, 99.999].filter((percentile) => percentile <= highest);
  return { ticks, at: (value) => pixels[0] + (nines(value) / most) * (pixels[1] - pixels[0]) };
}

/** 1200 → 1.2k, 3400000 → 3.4M; small values keep what tells them apart. */
export function shortNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) return `${trimmed(value / 1e9)}G`;
  if (size >= 1e6) return `${trimmed(value / 1e6)}M`;
  if (size >= 1e4) return `${trimmed(value / 1e3)}k`;
  return trimmed(value);
}

function trimmed(value: number): string {
  return String(Number(value.toPrecision(4)));
}
