import { readdir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";

/** How often the disk is looked at, and what must stay free. */
const DISK_LOOK_MS = 2_000;
const DISK_RESERVE_BYTES = 512 * 1024 * 1024;
/** The kernel takes no path of more than 4,096 bytes: what lies deeper could not be counted. */
const MAX_PATH_CHARS = 3_500;

/** What strangers' programs may write into a folder of the host. */
export interface FolderBounds {
  readonly folder: string;
  readonly maxBytes: number;
  /** Files and folders. */
  readonly maxEntries: number;
  /** Who writes, for messages: "the build". */
  readonly writer: string;
}

/** Ends what fills the disk: neither the folder nor the file system may become too full. */
export class DiskGuard {
  readonly #timer: NodeJS.Timeout;
  #looking = false;

  constructor(bounds: FolderBounds, stop: (message: string) => void) {
    const look = async (): Promise<void> => {
      if (this.#looking) return;
      this.#looking = true;
      try {
        const fault = (await isDiskFull(bounds.folder)) ? "the agent's disk is almost full" : await faultOfSize(bounds);
        if (fault !== undefined) stop(fault);
      } finally {
        this.#looking = false;
      }
    };
    this.#timer = setInterval(() => void look().catch(() => undefined), DISK_LOOK_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

async function isDiskFull(folder: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize < DISK_RESERVE_BYTES;
}

/** How the folder breaks its bounds; undefined when it does not. */
export async function faultOfSize({ folder, maxBytes, maxEntries, writer }: FolderBounds): Promise<string | undefined> {
  const used: Used = { bytes: 0, entries: 0, tooDeep: false };
  await measure(folder, used, { maxBytes, maxEntries });
  if (used.tooDeep) return `the folders of ${writer} are nested too deeply`;
  if (used.bytes > maxBytes) return `${writer} wrote more than ${Math.floor(maxBytes / 1024 / 1024)} MiB`;
  return used.entries > maxEntries ? `${writer} made more than ${maxEntries} files` : undefined;
}

interface Used {
  bytes: number;
  entries: number;
  tooDeep: boolean;
}

/** Adds up what lies in a folder that changes meanwhile, until a cap is passed. */
async function measure(folder: string, used: Used, caps: { maxBytes: number; maxEntries: number }): Promise<void> {
  if (folder.length > MAX_PATH_CHARS) {
    used.tooDeep = true;
    return;
  }
  const found = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of found) {
    used.entries += 1;
    if (used.bytes > caps.maxBytes || used.entries > caps.maxEntries) return;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await measure(path, used, caps);
    // Blocks, not length: a file may have holes.
    else if (entry.isFile()) used.bytes += ((await stat(path).catch(() => undefined))?.blocks ?? 0) * 512;
  }
}
