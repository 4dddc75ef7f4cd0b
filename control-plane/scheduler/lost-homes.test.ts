import { expect, test } from "vitest";
import { LostHomes } from "./lost-homes.ts";

test("an agent that may be with a home that was lost counts as silent from when that home has certainly given it up", () => {
  const homes = new LostHomes(20_000);
  expect(homes.silentSince(100_000)).toBe(100_000);
  homes.lost(90_000);
  // The home ends what its agents run for us at 110 s; one that was heard elsewhere after that has nothing to do with it.
  expect(homes.silentSince(100_000)).toBe(110_000);
  expect(homes.silentSince(110_000)).toBe(110_000);
  expect(homes.silentSince(115_000)).toBe(115_000);
});

test("homes that were lost when the agent's own lease was over do not matter: links that come and go hold nothing up for ever", () => {
  const homes = new LostHomes(20_000);
  for (let ms = 100_000; ms < 1_000_000; ms += 5000) homes.lost(ms);
  homes.lost(1_000_000);
  expect(homes.silentSince(700_000)).toBe(740_000);
  expect(homes.silentSince(990_000)).toBe(1_020_000);
});
