import { createHash } from "node:crypto";
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { AppError, messageOf } from "../../kernel/app-error.ts";

const SHARED_STATE_ROOT = "/var/lib/millrace";
const SEARCHABLE_BY_OTHERS = 0o001;
const HINT = "Make the folder writable for this user, or set MILLRACE_STATE_DIR to a folder that is.";

/**
 * The folder that holds everything which outlives a process: the database, the agents' state, caches. Made when missing.
 *
 * By default `<projectRoot>/.millrace`. As root below a folder that other users may not enter, Postgres and sandboxed jobs (which run
 * under their own users) could not reach it: then it lives below /var/lib/millrace and `.millrace` is a symbolic link to it.
 * The variable MILLRACE_STATE_DIR overrides both.
 * @throws AppError failed_precondition when the folder cannot be made or written
 */
export function resolveStateDir(projectRoot: string, env: NodeJS.ProcessEnv, sharedRoot = SHARED_STATE_ROOT): string {
  const override = env["MILLRACE_STATE_DIR"];
  if (override !== undefined && override !== "") return ensureWritable(resolve(override));
  const root = resolve(projectRoot);
  const local = join(root, ".millrace");
  if (!isRoot() || isReachableByOthers(root)) return ensureWritable(follow(local));
  return ensureWritable(sharedFolder(root, local, sharedRoot));
}

/** True when every user may enter the path: it and all its parents, links resolved, are searchable by others (and a file is readable). */
export function isReachableByOthers(path: string): boolean {
  let at = realpathSync(path);
  const self = statSync(at);
  if (!self.isDirectory()) {
    if ((self.mode & 0o004) === 0) return false;
    at = dirname(at);
  }
  for (;;) {
    if ((statSync(at).mode & SEARCHABLE_BY_OTHERS) === 0) return false;
    const parent = dirname(at);
    if (parent === at) return true;
    at = parent;
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Where a link points, also when nothing is there yet; the path itself when it is not a link. */
function follow(path: string): string {
  const target = linkTarget(path);
  return target === undefined ? path : follow(target);
}

function linkTarget(path: string): string | undefined {
  try {
    return resolve(dirname(path), readlinkSync(path));
  } catch {
    return undefined;
  }
}

/**
 * A clone that was renamed keeps its state, a clone that was copied (with the link inside) gets its own: `origin` in the folder
 * names the clone that it belongs to.
 */
function sharedFolder(root: string, local: string, sharedRoot: string): string {
  const linked = linkTarget(local);
  if (linked !== undefined && existsSync(linked) && isReachableByOthers(linked) && belongsTo(linked, root, sharedRoot)) return linked;
  const hash = createHash("sha256").update(root).digest("hex").slice(0, 8);
  const target = join(sharedRoot, `${basename(root)}-${hash}`);
  makeFolder(sharedRoot);
  if (linked === undefined && existsSync(local)) moveState(local, target);
  makeFolder(target);
  writeFileSync(join(target, "origin"), `${root}\n`);
  try {
    if (linked !== undefined) rmSync(local);
    symlinkSync(target, local);
  } catch {
    // The link is a convenience for people; a read-only clone works without it.
  }
  return target;
}

function belongsTo(folder: string, root: string, sharedRoot: string): boolean {
  if (dirname(folder) !== sharedRoot) return true;
  try {
    const origin = readFileSync(join(folder, "origin"), "utf8").trim();
    if (origin === root) return true;
    if (linkTarget(join(origin, ".millrace")) === folder) return false;
    writeFileSync(join(folder, "origin"), `${root}\n`);
  } catch {
    // No usable note: whoever links here owns it.
  }
  return true;
}

/** State that was written before the parent folder was closed to others. */
function moveState(local: string, target: string): void {
  try {
    if (lstatSync(local).isDirectory() && readdirSync(local).length === 0) rmdirSync(local);
    else renameSync(local, target);
  } catch (error) {
    throw new AppError(
      "failed_precondition",
      `the state folder "${local}" lies below a folder that only root may enter, and it could not be moved to "${target}": ${messageOf(error)}`,
      {
        hint: `Stop millrace and move it by hand: mv "${local}" "${target}"`,
        cause: error,
      },
    );
  }
}

function makeFolder(path: string): void {
  try {
    makeFolders(path);
  } catch (error) {
    throw new AppError("failed_precondition", `the state folder "${path}" cannot be made: ${messageOf(error)}`, { hint: HINT, cause: error });
  }
}

/**
 * Makes a folder and those above it. Not by Node's `recursive` option: below /proc, where the parent is there and mkdir still
 * says ENOENT, Node 24 tries for ever.
 */
function makeFolders(path: string): void {
  if (existsSync(path)) return;
  makeFolders(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    if (!existsSync(path)) throw error;
  }
}

function ensureWritable(path: string): string {
  makeFolder(path);
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    // A strict umask of root must not lock out the users that Postgres and the jobs run under.
    const mode = statSync(path).mode & 0o7777;
    if (isRoot() && (mode & SEARCHABLE_BY_OTHERS) === 0) chmodSync(path, mode | 0o055);
  } catch (error) {
    throw new AppError("failed_precondition", `the state folder "${path}" is not writable: ${messageOf(error)}`, { hint: HINT, cause: error });
  }
  return path;
}
