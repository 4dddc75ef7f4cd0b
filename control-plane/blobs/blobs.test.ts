import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import S3rver from "s3rver";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BlobStore } from "./blob-store.ts";
import { openFolderBlobs } from "./folder-blobs.ts";
import { openS3Blobs } from "./s3-blobs.ts";

// The contract of the seam: every driver goes through the same list.

const folder = mkdtempSync(join(tmpdir(), "millrace-blobs-"));
const credentials = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };
const server = new S3rver({
  address: "127.0.0.1",
  port: 0,
  silent: true,
  directory: join(folder, "s3"),
  configureBuckets: [{ name: "millrace", configs: [] }],
});
const stores = new Map<string, BlobStore>();

beforeAll(async () => {
  const { port } = await server.run();
  stores.set("folder", openFolderBlobs(join(folder, "blobs")));
  stores.set(
    "s3",
    await openS3Blobs({ bucket: "millrace", prefix: "site-a/", region: "us-east-1", endpoint: `http://127.0.0.1:${port}`, pathStyle: true, credentials }),
  );
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.each(["folder", "s3"])("blob store: %s", (name) => {
  const store = (): BlobStore => {
    const found = stores.get(name);
    if (found === undefined) throw new Error(`no store ${name}`);
    return found;
  };
  const text = async (key: string, range?: { offset: number; length: number }): Promise<string | undefined> => (await store().get(key, range))?.toString();

  test("an object is read as it was written, and replaced as a whole", async () => {
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, at) => at % 256));
    await store().put("a/b/one.bin", bytes);
    expect(Buffer.compare((await store().get("a/b/one.bin")) ?? Buffer.alloc(0), bytes)).toBe(0);
    expect(await store().head("a/b/one.bin")).toEqual({ sizeBytes: 70_000 });
    await store().put("a/b/one.bin", Buffer.from("short"));
    expect(await text("a/b/one.bin")).toBe("short");
    await store().put("a/b/empty", Buffer.alloc(0));
    expect([await text("a/b/empty"), await store().head("a/b/empty")]).toEqual(["", { sizeBytes: 0 }]);
  });

  test("a range gives its bytes, is cut at the end, and beyond the end is empty", async () => {
    await store().put("range", Buffer.from("0123456789"));
    expect(await text("range", { offset: 0, length: 2 })).toBe("01");
    expect(await text("range", { offset: 3, length: 4 })).toBe("3456");
    expect(await text("range", { offset: 8, length: 100 })).toBe("89");
    expect(await text("range", { offset: 10, length: 1 })).toBe("");
  });

  test("what is not there is undefined, and may be deleted", async () => {
    expect([await text("none"), await text("none", { offset: 0, length: 1 }), await store().head("none")]).toEqual([undefined, undefined, undefined]);
    await store().delete("none");
    await store().put("gone", Buffer.from("x"));
    await store().delete("gone");
    expect(await text("gone")).toBeUndefined();
  });

  test("lists are in the order of keys, below a prefix, and go on after a key", async () => {
    const keys = ["list/a", "list/b/1", "list/b/2", "list/c", "lister/x"];
    for (const key of [...keys].reverse()) await store().put(key, Buffer.from(key));
    const all = await store().list("list/", { limit: 10 });
    expect(all).toEqual(keys.slice(0, 4).map((key) => ({ key, sizeBytes: key.length })));
    expect((await store().list("list/", { limit: 10, after: "list/b/1" })).map((entry) => entry.key)).toEqual(["list/b/2", "list/c"]);
    expect((await store().list("list/b/", { limit: 10 })).map((entry) => entry.key)).toEqual(["list/b/1", "list/b/2"]);
    expect(await store().list("nothing/", { limit: 10 })).toEqual([]);
  });

  test.each(["", "/a", "a/", "a//b", "../a", "a/../b", ".tmp-x", "a b", "a\u0000b", "x".repeat(600)])("%j is refused as a key", async (key) => {
    await expect(store().put(key, Buffer.from("x"))).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(store().get(key)).rejects.toMatchObject({ code: "invalid_argument" });
  });
});

// The S3 server of the tests neither orders nor cuts its lists as S3 does.
test("a folder's list is in the order of whole keys, in pages of any size", async () => {
  const store = openFolderBlobs(join(folder, "pages"));
  const keys = ["a-b", "a.b", "a/b", "a/c/d", "a/c/e", "a0", "b"];
  for (const key of [...keys].reverse()) await store.put(key, Buffer.from(key));
  for (const limit of [1, 2, 3, 100]) {
    const seen: string[] = [];
    for (;;) {
      const page = await store.list("", { limit, ...(seen.length > 0 && { after: seen.at(-1) ?? "" }) });
      expect(page.length).toBeLessThanOrEqual(limit);
      seen.push(...page.map((entry) => entry.key));
      if (page.length < limit) break;
    }
    expect(seen).toEqual(keys);
  }
});

test("a write that a crash left unfinished is never seen", async () => {
  const store = openFolderBlobs(join(folder, "crashed"));
  await store.put("day/one", Buffer.from("1"));
  writeFileSync(join(folder, "crashed", "day", ".tmp-0123456789abcdef"), "half");
  expect((await store.list("", { limit: 10 })).map((entry) => entry.key)).toEqual(["day/one"]);
  await store.put("day/two", Buffer.from("2"));
  expect(readdirSync(join(folder, "crashed", "day")).sort()).toEqual([".tmp-0123456789abcdef", "one", "two"]);
});

test("a folder that cannot be written and a bucket that is not there are unavailable, worth another try", async () => {
  writeFileSync(join(folder, "file"), "");
  await expect(openFolderBlobs(join(folder, "file", "below")).put("a", Buffer.from("x"))).rejects.toMatchObject({ code: "unavailable", retryable: true });
  const { port } = server.httpServer.address();
  const bucket = await openS3Blobs({ bucket: "other", prefix: "", region: "us-east-1", endpoint: `http://127.0.0.1:${port}`, pathStyle: true, credentials });
  await expect(bucket.put("a", Buffer.from("x"))).rejects.toMatchObject({ code: "unavailable" });
});
