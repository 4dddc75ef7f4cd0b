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

/** Every latency of a source that was sampled. */
export function sampleChart(title: string, samples: Float64Array, originUs: number, marks: readonly { at: number; label: string }[] = []): Chart {
  const points = pairs(samples).map(({ atUs, us }) => [(atUs - originUs) / 1e6, us / 1000] as const);
  return { kind: "time", title, xTitle: "time of the request (s)", yTitle: "dispatch latency (ms)", lines: [{ name: "each job", points }], marks };
}

/** Samples as they come from a simulator: intended start and latency. */
export function pairs(samples: Float64Array): { atUs: number; us: number }[] {
  return Array.from({ length: samples.length / 2 }, (_, at) => ({ atUs: samples[2 * at] ?? 0, us: samples[2 * at + 1] ?? 0 }));
}
