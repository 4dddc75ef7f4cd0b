import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { zstdCompress, zstdDecompress } from "node:zlib";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import type { BlobStore } from "../blobs/blob-store.ts";

/** One object of an archived part: newline-separated JSON, one row a line, as one zstd frame. */
const archivedObject = z.object({ key: z.string(), rows: z.int(), sizeBytes: z.int(), rawBytes: z.int(), sha256: z.string() });
export type ArchivedObject = z.infer<typeof archivedObject>;

/**
 * What is in an archived part: docs/operations.md describes it for people. A table's day has one part, or several when some
 * of its jobs were not over at its first end.
 */
const manifestSchema = z.object({
  format: z.literal("millrace-archive"),
  version: z.literal(1),
  table: z.string(),
  /** YYYY-MM-DD in UTC. */
  day: z.string(),
  part: z.int(),
  columns: z.array(z.object({ name: z.string(), type: z.string() })),
  rows: z.int(),
  objects: z.array(archivedObject),
  /** Packs that hold the rest of the output of a day (table job_log only); see docs/operations.md. */
  packs: z.array(z.string()),
  writtenAt: z.iso.datetime(),
});
export type ArchiveManifest = z.infer<typeof manifestSchema>;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Writes lines as one object, reads it back and compares. Errors: unavailable when the store has other bytes than ours. */
export async function writeObject(store: BlobStore, key: string, lines: readonly string[]): Promise<ArchivedObject> {
  const raw = Buffer.from(lines.map((line) => `${line}\n`).join(""));
  const bytes = await compress(raw);
  const written = { key, rows: lines.length, sizeBytes: bytes.length, rawBytes: raw.length, sha256: sha256(bytes) };
  await putVerified(store, key, bytes, written.sha256);
  return written;
}

async function putVerified(store: BlobStore, key: string, bytes: Uint8Array, checksum = sha256(bytes)): Promise<void> {
  await store.put(key, bytes);
  const back = await store.get(key);
  if (back === undefined || sha256(back) !== checksum) throw new AppError("unavailable", `${store.place} does not give back what was written to ${key}`);
}

export async function writeManifest(store: BlobStore, key: string, manifest: ArchiveManifest): Promise<void> {
  await putVerified(store, key, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
}

/** Errors: not_found; failed_precondition when it is no manifest of this version. */
export async function readManifest(store: BlobStore, key: string): Promise<ArchiveManifest> {
  const bytes = await store.get(key);
  if (bytes === undefined) throw new AppError("not_found", `there is no ${key}`);
  const parsed = manifestSchema.safeParse(JSON.parse(bytes.toString()));
  if (!parsed.success) throw new AppError("failed_precondition", `${key} is not a manifest that this build can read`);
  return parsed.data;
}

/**
 * Rows of an archived part, each as JSON text that `json_populate_record` takes back. An object whose bytes, or whose number of rows, are not those
 * of the manifest ends it with failed_precondition; memory holds one object.
 */
export async function* readArchive(store: BlobStore, manifestKey: string): AsyncGenerator<string> {
  const manifest = await readManifest(store, manifestKey);
  for (const object of manifest.objects) {
    const bytes = await store.get(object.key);
    if (bytes === undefined || sha256(bytes) !== object.sha256) throw new AppError("failed_precondition", `${object.key} is missing or damaged`);
    const lines = (await decompress(bytes)).toString().split("\n").slice(0, -1);
    if (lines.length !== object.rows) throw new AppError("failed_precondition", `${object.key} has ${lines.length} rows instead of ${object.rows}`);
    yield* lines;
  }
}
