import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ArtifactCache, type HeldArtifact } from "./artifact-cache.ts";

const MAX_BYTES = 1_000;

describe("the cache of artifacts", () => {
  let dir = "";
  let cache: ArtifactCache;
  let nowMs = 0;

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), "millrace-cache-"));
    cache = await ArtifactCache.open({ dir, maxBytes: MAX_BYTES, now: () => (nowMs += 1) });
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const publish = (name: string, sizeBytes: number, files = 1): Promise<HeldArtifact> => {
    const tree = join(cache.makeStaging(), "out");
    mkdirSync(tree);
    for (let at = 0; at < files; at++) writeFileSync(join(tree, String(at)), name);
    return cache.publish({ workspace: "acme", abi: "x-1", inputs: [name] }, tree, { sizeBytes, entries: files, manifestSha256: "" });
  };

  it("takes again what it has just thrown out, while much else is still being removed", async () => {
    for (const held of [await publish("large", 500, 300), await publish("small", 100)]) held.release();
    const huge = await publish("huge", MAX_BYTES);
    const again = await publish("small", 100);
    expect(existsSync(join(again.dir, "0"))).toBe(true);
    await cache.settled();
    expect(existsSync(join(again.dir, "0"))).toBe(true);
    expect(cache.totalBytes).toBe(MAX_BYTES + 100);
    huge.release();
  });

  it("keeps one of two that are put away at the same time, and nothing of the other", async () => {
    const [one, two] = await Promise.all([publish("same", 100), publish("same", 100)]);
    expect([one.dir, cache.totalBytes]).toEqual([two.dir, 100]);
    // What is left are the folders in which the trees were built: whoever made them removes them.
    expect(readdirSync(join(dir, "staging")).map((name) => readdirSync(join(dir, "staging", name)))).toEqual([[], []]);
  });

  it("bounds small artifacts in number: those that were used least recently go", async () => {
    const open = (): Promise<ArtifactCache> => ArtifactCache.open({ dir, maxBytes: 1024 ** 3, maxArtifacts: 3, now: () => (nowMs += 1) });
    cache = await open();
    const dirs: string[] = [];
    for (const name of ["a", "b", "c", "d", "e"]) {
      const held = await publish(name, 1);
      held.release();
      dirs.push(held.dir);
      cache.find({ workspace: "acme", abi: "x-1", inputs: ["a"] })?.release();
    }
    await cache.settled();
    expect(dirs.map((one) => existsSync(one))).toEqual([true, false, false, true, true]);
    expect(cache.totalBytes).toBe(3);
    expect((await open()).totalBytes).toBe(3);
  });
});
