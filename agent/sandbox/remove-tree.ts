import { execFile } from "node:child_process";
import { chmod, lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
/** Goes down folder by folder, so that no path is too long for it. */
const RM = "/bin/rm";

/**
 * Removes a folder in which programs of strangers may have written. Who is not root must make read-only folders writable before; links are never
 * followed. There may be folders so deep that the kernel takes no path to them any more: those are left to a program that needs none.
 */
export async function removeTree(path: string): Promise<void> {
  try {
    if (process.getuid?.() !== 0) await openFolders(path);
    await rm(path, { recursive: true, force: true, maxRetries: 2 });
  } catch (error) {
    if (!isTooLong(error)) throw error;
    await run(RM, ["-rf", "--", path], { env: {} });
  }
}

function isTooLong(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENAMETOOLONG";
}

async function openFolders(path: string): Promise<void> {
  const stat = await lstat(path).catch(() => undefined);
  if (stat?.isDirectory() !== true) return;
  await chmod(path, 0o700).catch(() => undefined);
  for (const entry of await readdir(path, { withFileTypes: true })) if (entry.isDirectory()) await openFolders(join(path, entry.name));
}
