import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, stat, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type BlobEntry, type BlobStore, checkKey, checkPrefix, orUnavailable } from "./blob-store.ts";

/** Unfinished writes; the name is no key, so that it never meets an object. */
const TEMPORARY = ".tmp-";

/**
 * Objects as files below a folder. An object is written beside its place, synced, renamed over it, and the folder is synced: a crash leaves
 * the old object or the new one. What a crash leaves unfinished has a name that is no key, and is never shown.
 */
export function openFolderBlobs(path: string): BlobStore {
  const folder = resolve(path);
  const pathOf = (key: string): string => {
    checkKey(key);
    return join(folder, key);
  };
  return {
    place: `folder ${folder}`,

    put: (key, bytes) =>
      orUnavailable(`the blob folder could not write ${key}`, async () => {
        const path = pathOf(key);
        await makeFolder(dirname(path));
        const temporary = join(dirname(path), `${TEMPORARY}${randomBytes(8).toString("hex")}`);
        try {
          await writeSynced(temporary, bytes);
          await rename(temporary, path);
        } catch (error) {
          await unlink(temporary).catch(() => undefined);
          throw error;
        }
        await syncFolder(dirname(path));
      }),

    get: (key, range) =>
      orUnavailable(`the blob folder could not read ${key}`, async () => {
        const file = await openExisting(pathOf(key));
        if (file === undefined) return undefined;
        try {
          if (range === undefined) return await file.readFile();
          const left = Math.max(0, (await file.stat()).size - range.offset);
          return await readExactly(file, range.offset, Math.min(range.length, left));
        } finally {
          await file.close();
        }
      }),

    head: (key) =>
      orUnavailable(`the blob folder could not look at ${key}`, async () => {
        const found = await stat(pathOf(key)).catch(undefinedIfMissing);
        return found?.isFile() === true ? { sizeBytes: found.size } : undefined;
      }),

    delete: (key) =>
      orUnavailable(`the blob folder could not delete ${key}`, async () => {
        await unlink(pathOf(key)).catch(undefinedIfMissing);
      }),

    list: (prefix, { after, limit }) =>
      orUnavailable(`the blob folder could not list ${prefix}`, async () => {
        checkPrefix(prefix);
        const found: BlobEntry[] = [];
        await collect(folder, prefix, after ?? "", limit, found);
        return found;
      }),
  };
}

/** Depth first in the order of whole keys: a folder stands where its name with a slash does. Whole folders before `after` are passed over. */
async function collect(root: string, prefix: string, after: string, limit: number, found: BlobEntry[]): Promise<void> {
  const entries = (await readdir(join(root, prefix), { withFileTypes: true }).catch(undefinedIfMissing)) ?? [];
  const keys = entries.filter((entry) => !entry.name.startsWith(TEMPORARY)).map((entry) => `${prefix}${entry.name}${entry.isDirectory() ? "/" : ""}`);
  for (const key of keys.sort(byCodeUnits)) {
    if (found.length >= limit) return;
    if (key.endsWith("/")) {
      if (key > after || after.startsWith(key)) await collect(root, key, after, limit, found);
    } else if (key > after) {
      const size = (await stat(join(root, key)).catch(undefinedIfMissing))?.size;
      if (size !== undefined) found.push({ key, sizeBytes: size });
    }
  }
}

const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the missing folders and syncs the entries that name them. */
async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function readExactly(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

async function openExisting(path: string): Promise<FileHandle | undefined> {
  return open(path, constants.O_RDONLY).catch(undefinedIfMissing);
}

function undefinedIfMissing(error: unknown): undefined {
  if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) return undefined;
  throw error;
}
