import { expect, test } from "vitest";
import { seededRandom } from "../testing/simulated-owner.ts";
import { assignOrphans, type ShardMap, surplusOf } from "./rebalance.ts";

const SHARDS = 64;

function countsOf(map: ShardMap): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const owner of map) counts[owner ?? "nobody"] = (counts[owner ?? "nobody"] ?? 0) + 1;
  return counts;
}

test("a replica alone gets every shard that nobody has", () => {
  const moves = assignOrphans(Array(SHARDS).fill(undefined), ["1"]);
  expect(moves.length).toBe(SHARDS);
});

test("the shards of a dead replica are split over the living", () => {
  const map: ShardMap = Array.from({ length: SHARDS }, (_, shard) => (shard < 22 ? "1" : shard < 43 ? "2" : undefined));
  const next = [...map];
  for (const { shard, to } of assignOrphans(map, ["1", "2"])) next[shard] = to;
  expect(countsOf(next)).toEqual({ "1": 32, "2": 32 });
});

test("a replica that leaves gives everything away, and one that is alone nothing", () => {
  expect(surplusOf(Array(SHARDS).fill("1"), ["2", "3"], "1").length).toBe(SHARDS);
  expect(surplusOf(Array(SHARDS).fill("1"), ["1"], "1")).toEqual([]);
  expect(surplusOf(Array(SHARDS).fill("1"), [], "1")).toEqual([]);
});

test("from any map, one round of everyone's moves makes all equal, and the next moves nothing", () => {
  for (let seed = 1; seed <= 500; seed++) {
    const random = seededRandom(seed);
    const all = ["1", "2", "3", "10", "11"].slice(0, 1 + Math.floor(random() * 5));
    const living = all.filter(() => random() < 0.8);
    if (living.length === 0) continue;
    const map: (string | undefined)[] = Array.from({ length: SHARDS }, () => all[Math.floor(random() * all.length)]);
    const before = [...map];
    // Everyone decides on the same view; nobody sees what the others do.
    const moves = all.flatMap((self) => surplusOf(before, living, self).map((move) => ({ ...move, from: self })));
    for (const { shard, to, from } of moves) {
      expect(map[shard], `seed ${seed}: each shard is given by its owner, once`).toBe(from);
      map[shard] = to;
    }
    const counts = living.map((replica) => map.filter((owner) => owner === replica).length);
    expect(
      counts.reduce((sum, count) => sum + count, 0),
      `seed ${seed}`,
    ).toBe(SHARDS);
    expect(Math.max(...counts) - Math.min(...counts), `seed ${seed}`).toBeLessThanOrEqual(1);
    for (const self of all) expect(surplusOf(map, living, self), `seed ${seed}`).toEqual([]);
  }
});
