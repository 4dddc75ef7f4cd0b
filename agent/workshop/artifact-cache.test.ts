import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ArtifactCache } from "./artifact-cache.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "millrace-artifacts-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function publish(cache: ArtifactCache, name: string): Promise<string> {
  const tree = join(cache.makeStaging(), "out");
  mkdirSync(tree);
  writeFileSync(join(tree, "file"), name);
  const held = await cache.publish({ workspace: "acme", abi: "a-1", inputs: [name] }, tree, { sizeBytes: 1, entries: 1, manifestSha256: "" });
  held.release();
  return held.dir;
}

test("small artifacts are bounded in number: those that were used least recently go", async () => {
  let nowMs = 0;
  const open = (): Promise<ArtifactCache> => ArtifactCache.open({ dir, maxBytes: 1024 ** 3, maxArtifacts: 3, now: () => nowMs++ });
  const cache = await open();
  const dirs: string[] = [];
  for (const name of ["a", "b", "c", "d", "e"]) {
    dirs.push(await publish(cache, name));
    cache.find({ workspace: "acme", abi: "a-1", inputs: ["a"] })?.release();
  }
  await cache.settled();
  expect(dirs.map((one) => existsSync(one))).toEqual([true, false, false, true, true]);
  expect(cache.totalBytes).toBe(3);
  const later = await open();
  expect(later.totalBytes).toBe(3);
});
