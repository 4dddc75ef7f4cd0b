import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from "hdr-histogram-js";

/** An hour, in microseconds: what is longer is recorded as this. */
const LONGEST_US = 3_600_000_000;
/** Clocks that differ by more than this measure nothing. */
const CLOCKS_DIFFER_US = 1000;
const CURVE = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 97.5, 99, 99.5, 99.9, 99.95, 99.99, 99.999] as const;

/** Latencies in an HDR histogram: microseconds in, milliseconds out, exact to a thousandth of the value. */
export class Latencies {
  readonly #histogram: Histogram;

  constructor(histogram?: Histogram) {
    this.#histogram = histogram ?? build({ bitBucketSize: 64, highestTrackableValue: LONGEST_US, numberOfSignificantValueDigits: 3, autoResize: false });
  }

  /**
   * A moment before the intended start (moments are whole microseconds) counts as zero.
   * @throws when it lies so far before that the two clocks cannot be the same
   */
  recordUs(us: number): void {
    if (!(us >= -CLOCKS_DIFFER_US)) throw new RangeError(`a latency of ${us} µs: the clocks of two processes differ`);
    this.#histogram.recordValue(Math.min(LONGEST_US, Math.max(0, Math.round(us))));
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  get maxMs(): number {
    return this.count === 0 ? 0 : this.#histogram.maxValue / 1000;
  }

  percentileMs(percentile: number): number {
    return this.count === 0 ? 0 : this.#histogram.getValueAtPercentile(percentile) / 1000;
  }

  /** Points of the percentile curve, only as far out as there are values to tell them apart, and the maximum at 100. */
  curve(): (readonly [percentile: number, ms: number])[] {
    if (this.count === 0) return [];
    const known = CURVE.filter((percentile) => isTold(percentile, this.count));
    return [...known.map((percentile) => [percentile, this.percentileMs(percentile)] as const), [100, this.maxMs] as const];
  }

  add(other: Latencies): void {
    this.#histogram.add(other.#histogram);
  }

  reset(): void {
    this.#histogram.reset();
  }

  /** For another process: see `fromText`. */
  toText(): string {
    return encodeIntoCompressedBase64(this.#histogram);
  }

  static fromText(text: string): Latencies {
    const latencies = new Latencies();
    latencies.#histogram.add(decodeFromCompressedBase64(text));
    return latencies;
  }

  static of(valuesUs: Iterable<number>): Latencies {
    const latencies = new Latencies();
    for (const us of valuesUs) latencies.recordUs(us);
    return latencies;
  }
}

/** Of few values, where a histogram would be too much. @throws for none */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [below, above] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  if (below === undefined || above === undefined) throw new RangeError("there is no median of nothing");
  return (below + above) / 2;
}

/** Flat figures of a latency: `name_p50_ms` and so on. A percentile of too few values is left out: it would only repeat the maximum. */
export function latencyFigures(name: string, latencies: Latencies): Record<string, number> {
  const figures: Record<string, number> = { [`${name}_samples_count`]: latencies.count };
  if (latencies.count === 0) return figures;
  for (const percentile of [50, 90, 99, 99.9]) {
    if (!isTold(percentile, latencies.count)) continue;
    figures[`${name}_p${String(percentile).replace(".", "")}_ms`] = round(latencies.percentileMs(percentile));
  }
  return { ...figures, [`${name}_max_ms`]: round(latencies.maxMs) };
}

/** A percentile needs at least one value beyond it: the 99th a hundred values. */
function isTold(percentile: number, count: number): boolean {
  return count * (100 - percentile) >= 100 - 1e-6;
}

/** Four significant digits: more than a measurement is worth. */
export function round(value: number): number {
  return value === 0 || !Number.isFinite(value) ? value : Number(value.toPrecision(4));
}
