import type { PeerName } from "./drivers.ts";

/** Single jobs at the moments of a Poisson process. */
export interface Stretch {
  readonly jobs: number;
  readonly perS: number;
  readonly isMeasured: boolean;
}

export type ToPeer =
  | { readonly kind: "prepare"; readonly peer: PeerName; readonly url: string }
  | { readonly kind: "work"; readonly peer: PeerName; readonly url: string; readonly purpose: "latency" | "throughput" }
  | { readonly kind: "produce"; readonly peer: PeerName; readonly url: string }
  /** So many jobs, as fast as the peer takes them. */
  | { readonly kind: "fill"; readonly jobs: number; readonly batch: number; readonly callers: number }
  /** For a time, held back while `backlog` jobs are open. */
  | { readonly kind: "steady"; readonly forMs: number; readonly batch: number; readonly callers: number; readonly backlog: number }
  /** One at a time, at the moments of a Poisson process; the first ones warm up and are not measured. */
  | { readonly kind: "trickle"; readonly stretches: readonly Stretch[]; readonly seed: number }
  | { readonly kind: "ended"; readonly jobs: number }
  | { readonly kind: "report" };

export interface PeerReport {
  readonly started: number;
  readonly ended: number;
  /** Job numbers that were started more than once. */
  readonly again: number;
  readonly latencies: string;
  /** `monotonicUs` of the first start and the last end. */
  readonly firstStartUs: number;
  readonly lastEndUs: number;
}

export type FromPeer =
  | { readonly kind: "ready" }
  | { readonly kind: "progress"; readonly ended: number }
  | { readonly kind: "produced"; readonly jobs: number; readonly tookMs: number }
  | { readonly kind: "report"; readonly report: PeerReport }
  | { readonly kind: "failed"; readonly message: string };
