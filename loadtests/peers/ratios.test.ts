import { expect, test } from "vitest";
import type { PeerResult } from "../result/model.ts";
import { peerRatios } from "./ratios.ts";

const peer = (figures: Record<string, number>): PeerResult => ({ kind: "measured", version: "1", figures, settings: {} });
const at = (lifecycle_jobs_per_s: number): PeerResult => peer({ lifecycle_jobs_per_s });

test("each peer has its ratio, the fastest counts, and the fastest of those that are not tuned", () => {
  const peers = { "fast-one": at(20_000), "fast-one-defaults": at(4000), other: at(8000) };
  expect(peerRatios(12_000, peers, ["fast-one"])).toEqual({
    sustained_fast_one_ratio: 0.6,
    sustained_fast_one_defaults_ratio: 3,
    sustained_other_ratio: 1.5,
    sustained_best_peer_ratio: 0.6,
    sustained_best_default_peer_ratio: 1.5,
  });
});

test("a peer that was not measured has no ratio, and none stands for none", () => {
  const skipped: PeerResult = { kind: "skipped", reason: "not there" };
  expect(peerRatios(1000, { a: at(500), b: skipped, c: peer({}) }, ["a"])).toEqual({ sustained_a_ratio: 2, sustained_best_peer_ratio: 2 });
  expect(peerRatios(1000, { b: skipped }, [])).toEqual({});
});
