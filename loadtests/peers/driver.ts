/** What a job of a peer carries. */
export interface PeerJob {
  /** When it was to be added, `monotonicUs`; 0 for one that is not measured. */
  readonly at: number;
  readonly n: number;
}

interface PeerWorkerEvents {
  onStart(job: PeerJob): void;
  /** Called when the peer has recorded the end, or as near to that as it lets one know. */
  onEnd(jobs: number): void;
}

export interface PeerProducer {
  /** One job, as a caller in a hurry adds it. */
  add(job: PeerJob): Promise<void>;
  /** Many jobs, with the peer's own call for that. */
  addMany(jobs: readonly PeerJob[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * Another job queue, used as its documentation recommends for the purpose: `latency` wants one job started soon, `throughput` wants many
 * done. Producer and worker run in processes of their own, as they do for Millrace.
 */
export interface PeerDriver {
  /** Its npm package. */
  readonly package: string;
  /** Whether it has settings beyond its defaults that make it faster. How many jobs it works on at a time, one by default, does not count. */
  readonly tuned: boolean;
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  /** Makes tables and queues. */
  prepare(url: string): Promise<void>;
  produce(url: string): Promise<PeerProducer>;
  work(url: string, purpose: "latency" | "throughput", events: PeerWorkerEvents): Promise<() => Promise<void>>;
}
