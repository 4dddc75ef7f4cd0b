import type { SimulatorReport } from "../agents/simulator-messages.ts";
import type { Latencies } from "../load/latencies.ts";
import type { Chart } from "../result/model.ts";

/** Percentile curves of latencies, side by side. */
export function percentileChart(title: string, latencies: Readonly<Record<string, Latencies>>, limit?: { value: number; label: string }): Chart {
  const lines = Object.entries(latencies).map(([name, one]) => ({ name, points: one.curve() }));
  return { kind: "percentiles", title, xTitle: "percentile (%)", yTitle: "latency (ms)", lines, ...(limit !== undefined && { limit }) };
}

/** Jobs a second over time, as the agents saw them. */
export function rateChart(title: string, seen: SimulatorReport, marks: readonly { at: number; label: string }[] = []): Chart {
  const { bucketMs, buckets } = seen;
  const points = (pick: "started" | "ended") => buckets.map((bucket, at) => [((at + 0.5) * bucketMs) / 1000, (bucket[pick] * 1000) / bucketMs] as const);
  const lines = [
    { name: "assigned", points: points("started") },
    { name: "recorded", points: points("ended") },
  ];
  return { kind: "time", title, xTitle: "time (s)", yTitle: "jobs per second", lines, marks };
}

/** Dispatch latency over time. */
export function latencyOverTime(title: string, seen: SimulatorReport, marks: readonly { at: number; label: string }[] = []): Chart {
  const { bucketMs, buckets } = seen;
  const points = (pick: "p50Ms" | "p99Ms") =>
    buckets.flatMap((bucket, at) => (bucket.started === 0 ? [] : [[((at + 0.5) * bucketMs) / 1000, bucket[pick]] as const]));
  const lines = [
    { name: "p50", points: points("p50Ms") },
    { name: "p99", points: points("p99Ms") },
  ];
  return { kind: "time", title, xTitle: "time (s)", yTitle: "dispatch latency (ms)", lines, marks };
}

const MOST_SAMPLES = 3000;

/** The latencies of a source that was sampled; of very many, the longest of each stretch. */
export function sampleChart(title: string, samples: Float64Array, originUs: number, marks: readonly { at: number; label: string }[] = []): Chart {
  const all = pairs(samples).sort((a, b) => a.atUs - b.atUs);
  const stretch = Math.ceil(all.length / MOST_SAMPLES);
  const kept = Array.from({ length: Math.ceil(all.length / stretch) || 0 }, (_, at) =>
    all.slice(at * stretch, (at + 1) * stretch).reduce((longest, one) => (one.us > longest.us ? one : longest)),
  );
  const points = kept.map(({ atUs, us }) => [(atUs - originUs) / 1e6, us / 1000] as const);
  return { kind: "time", title, xTitle: "time of the request (s)", yTitle: "dispatch latency (ms)", lines: [{ name: "each job", points }], marks };
}

/** Samples as they come from a simulator: intended start and latency. */
export function pairs(samples: Float64Array): { atUs: number; us: number }[] {
  return Array.from({ length: samples.length / 2 }, (_, at) => ({ atUs: samples[2 * at] ?? 0, us: samples[2 * at + 1] ?? 0 }));
}
