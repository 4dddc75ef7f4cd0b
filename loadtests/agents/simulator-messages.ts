/** What the run says to the process with the simulated agents, and what that answers. */
export interface SimulatorOptions {
  /** host:port of each replica; an agent that is turned away or cut off tries the next. */
  readonly addresses: readonly string[];
  readonly token: string;
  readonly agents: number;
  /** Of each agent. */
  readonly slots: number;
  readonly tags: readonly string[];
  readonly seed: number;
}

/** A measurement: jobs whose intended start lies in it, in buckets of time. */
export interface Window {
  readonly fromUs: number;
  readonly toUs: number;
  readonly bucketMs: number;
  /** Sources whose every latency is kept, not only its histogram. */
  readonly sampled: readonly number[];
}

export interface SourceReport {
  readonly started: number;
  readonly ended: number;
  /** Worker time inside the window, milliseconds. */
  readonly servedMs: number;
  /** Longest time without an arrival. */
  readonly longestGapMs: number;
  readonly latencies: string;
  /** Pairs of intended start and latency, microseconds. */
  readonly samples: Float64Array;
}

export interface SimulatorReport {
  readonly sources: Readonly<Record<number, SourceReport>>;
  readonly buckets: readonly { readonly started: number; readonly ended: number; readonly p50Ms: number; readonly p99Ms: number }[];
  readonly bucketMs: number;
  /** Starts and recorded ends of each job number. */
  readonly started: Uint8Array;
  readonly recorded: Uint8Array;
  readonly ended: number;
  /** Ends that the server refused under a stale token. */
  readonly stale: number;
}

export type ToSimulator =
  | { readonly kind: "start"; readonly options: SimulatorOptions }
  | { readonly kind: "measure"; readonly window: Window }
  | { readonly kind: "report" }
  /** So many agents stop reading their streams for a while. */
  | { readonly kind: "slow"; readonly agents: number; readonly forMs: number }
  /** So many agents lose their connection and what they ran, and come back with the results that were not acknowledged. */
  | { readonly kind: "crash"; readonly agents: number }
  | { readonly kind: "stop" };

export type FromSimulator =
  | { readonly kind: "connected"; readonly agents: number }
  | { readonly kind: "progress"; readonly ended: number }
  | { readonly kind: "measuring" }
  | { readonly kind: "report"; readonly report: SimulatorReport }
  | { readonly kind: "failed"; readonly message: string };
