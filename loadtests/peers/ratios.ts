import { round } from "../load/latencies.ts";
import type { Figures, PeerResult } from "../result/model.ts";

/**
 * Our rate against each peer's lifecycle: `sustained_<peer>_ratio`; against the fastest of all, and against the fastest of those that run with
 * their default settings. A peer that was not measured has no ratio.
 */
export function peerRatios(jobsPerS: number, peers: Readonly<Record<string, PeerResult>>, tuned: readonly string[]): Figures {
  const each = Object.entries(peers).flatMap(([name, peer]) => {
    const theirs = peer.kind === "measured" ? (peer.figures["lifecycle_jobs_per_s"] ?? 0) : 0;
    return theirs > 0 ? [{ name, ratio: round(jobsPerS / theirs) }] : [];
  });
  const asTheyCome = each.filter(({ name }) => !tuned.includes(name));
  return {
    ...Object.fromEntries(each.map(({ name, ratio }) => [`sustained_${name.replaceAll("-", "_")}_ratio`, ratio])),
    ...(each.length > 0 && { sustained_best_peer_ratio: lowest(each) }),
    ...(asTheyCome.length > 0 && { sustained_best_default_peer_ratio: lowest(asTheyCome) }),
  };
}

function lowest(each: readonly { readonly ratio: number }[]): number {
  return Math.min(...each.map(({ ratio }) => ratio));
}
