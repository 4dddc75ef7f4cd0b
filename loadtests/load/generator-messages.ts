import type { Arrivals } from "./arrivals.ts";

/** Which workspace a request goes to. */
type Target =
  | { readonly kind: "one"; readonly workspace: string }
  /** Drawn by rank; `sources` says for each workspace under which number its jobs are counted. */
  | { readonly kind: "zipf"; readonly workspaces: readonly string[]; readonly exponent: number; readonly sources: readonly number[] };

type Pace =
  /** Requests are due at set times, whatever becomes of those before. */
  | { readonly kind: "open"; readonly arrivals: Arrivals }
  /** As much as the system takes: so many requests at a time, held back while `backlog` jobs are accepted and not ended. */
  | { readonly kind: "closed"; readonly requests: number; readonly backlog: number };

export interface SourcePlan {
  /** Number that the jobs carry; see `Stamp`. */
  readonly source: number;
  readonly target: Target;
  readonly script: string;
  /** Jobs of one request: 1 is a request for a single job. */
  readonly batch: number;
  /** How long each job runs on a simulated agent, milliseconds. */
  readonly sleepMs: number;
  readonly pace: Pace;
  /** `monotonicUs`. */
  readonly startUs: number;
  readonly forMs: number;
  readonly seed: number;
}

export interface LoadPlan {
  /** http://host:port of each replica; after an error the next one is tried. */
  readonly bases: readonly string[];
  readonly token: string;
  /** Of each source. */
  readonly connections: number;
  /** Answer times are recorded for requests that are due from here on. */
  readonly measureFromUs: number;
  readonly sources: readonly SourcePlan[];
}

export interface SourceLoad {
  readonly acceptedJobs: number;
  readonly requests: number;
  /** Answers with 503 and broken connections: sent again under new numbers. */
  readonly repeatedRequests: number;
  /** `monotonicUs` of the first due request and of the last answer. */
  readonly firstUs: number;
  readonly lastAcceptedUs: number;
  /** From due to answered. */
  readonly answers: string;
  /** From due to written: what the generator itself is late. */
  readonly lateness: string;
}

export interface LoadReport {
  readonly sources: Readonly<Record<number, SourceLoad>>;
  /** Fate of each job number: see FATE. */
  readonly fates: Uint8Array;
  readonly acceptedJobs: number;
}

export type ToGenerator =
  | { readonly kind: "run"; readonly plan: LoadPlan }
  /** Jobs that have ended so far, for closed loops. */
  | { readonly kind: "ended"; readonly jobs: number }
  /** No new requests; those under way are waited for. */
  | { readonly kind: "cease" }
  | { readonly kind: "stop" };

export type FromGenerator =
  | { readonly kind: "ready" }
  | { readonly kind: "done"; readonly report: LoadReport }
  | { readonly kind: "failed"; readonly message: string };
