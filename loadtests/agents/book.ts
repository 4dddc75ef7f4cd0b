import { Latencies } from "../load/latencies.ts";
import { Tally } from "../load/tally.ts";
import type { SimulatorReport, SourceReport, Window } from "./simulator-messages.ts";

const MAX_SAMPLES = 2_000_000;
const MAX_BUCKETS = 100_000;

/** What the load generator writes into the arguments of a job. */
export interface Stamp {
  /** Intended start of the request, `monotonicUs`. */
  readonly at: number;
  /** Number of the job in this run. */
  readonly n: number;
  /** Source of load that it belongs to. */
  readonly s: number;
  /** How long the simulated run takes, milliseconds. */
  readonly sleep_ms: number;
}

interface Source {
  readonly latencies: Latencies;
  readonly samples: number[];
  started: number;
  ended: number;
  servedMs: number;
  lastUs: number;
  longestGapUs: number;
}

interface Bucket {
  started: number;
  ended: number;
  p50Ms: number;
  p99Ms: number;
}

/** What simulated agents saw: when each job arrived and which ends were recorded. One for all agents of a process. */
export class Book {
  #window: Window = { fromUs: 0, toUs: Number.MAX_SAFE_INTEGER, bucketMs: 1000, sampled: [] };
  #sampled = new Set<number>();
  #sources = new Map<number, Source>();
  #buckets: Bucket[] = [];
  #bucketLatencies = new Latencies();
  readonly #started = new Tally();
  readonly #recorded = new Tally();
  #ended = 0;
  #stale = 0;

  /** Ends that were acknowledged as recorded. */
  get ended(): number {
    return this.#ended;
  }

  /** Begins a measurement: figures start anew, the count of what each job did does not. */
  measure(window: Window): void {
    this.#window = window;
    this.#sampled = new Set(window.sampled);
    this.#sources = new Map();
    this.#buckets = [];
    this.#bucketLatencies = new Latencies();
  }

  arrived(stamp: Stamp, nowUs: number): void {
    this.#started.increment(stamp.n);
    if (nowUs < this.#window.fromUs) return;
    const source = this.#source(stamp.s);
    const us = nowUs - stamp.at;
    if (stamp.at >= this.#window.fromUs && stamp.at < this.#window.toUs) {
      source.latencies.recordUs(us);
      source.started += 1;
      if (this.#sampled.has(stamp.s) && source.samples.length < MAX_SAMPLES) source.samples.push(stamp.at, us);
    }
    if (source.lastUs > 0 && nowUs < this.#window.toUs) source.longestGapUs = Math.max(source.longestGapUs, nowUs - source.lastUs);
    source.lastUs = nowUs;
    const bucket = this.#bucket(nowUs);
    if (bucket !== undefined) bucket.started += 1;
    this.#bucketLatencies.recordUs(us);
  }

  /** A run from one moment to another; what lies outside the window is not counted. */
  served(s: number, fromUs: number, toUs: number): void {
    const within = Math.min(toUs, this.#window.toUs) - Math.max(fromUs, this.#window.fromUs);
    if (within > 0) this.#source(s).servedMs += within / 1000;
  }

  recorded(s: number, n: number, nowUs: number): void {
    this.#ended += 1;
    this.#recorded.increment(n);
    if (nowUs < this.#window.fromUs) return;
    if (nowUs < this.#window.toUs) this.#source(s).ended += 1;
    const bucket = this.#bucket(nowUs);
    if (bucket !== undefined) bucket.ended += 1;
  }

  refused(): void {
    this.#stale += 1;
  }

  report(): SimulatorReport {
    this.#closeBucket();
    const sources: Record<number, SourceReport> = {};
    for (const [s, source] of this.#sources) {
      const { started, ended, servedMs, longestGapUs } = source;
      sources[s] = {
        started,
        ended,
        servedMs,
        longestGapMs: longestGapUs / 1000,
        latencies: source.latencies.toText(),
        samples: Float64Array.from(source.samples),
      };
    }
    return {
      sources,
      buckets: this.#buckets.map((bucket) => ({ ...bucket })),
      bucketMs: this.#window.bucketMs,
      started: this.#started.toBytes(),
      recorded: this.#recorded.toBytes(),
      ended: this.#ended,
      stale: this.#stale,
    };
  }

  #source(s: number): Source {
    let source = this.#sources.get(s);
    if (source === undefined) {
      source = { latencies: new Latencies(), samples: [], started: 0, ended: 0, servedMs: 0, lastUs: 0, longestGapUs: 0 };
      this.#sources.set(s, source);
    }
    return source;
  }

  /** The bucket of a moment; a later one than the last closes the last. */
  #bucket(nowUs: number): Bucket | undefined {
    const index = Math.floor((nowUs - this.#window.fromUs) / 1000 / this.#window.bucketMs);
    if (index < 0 || index >= MAX_BUCKETS) return undefined;
    if (index >= this.#buckets.length) this.#closeBucket();
    while (this.#buckets.length <= index) this.#buckets.push({ started: 0, ended: 0, p50Ms: 0, p99Ms: 0 });
    return this.#buckets[index];
  }

  #closeBucket(): void {
    const last = this.#buckets.at(-1);
    if (last === undefined || this.#bucketLatencies.count === 0) return;
    last.p50Ms = this.#bucketLatencies.percentileMs(50);
    last.p99Ms = this.#bucketLatencies.percentileMs(99);
    this.#bucketLatencies.reset();
  }
}
