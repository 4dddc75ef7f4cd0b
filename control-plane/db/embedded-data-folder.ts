import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import type { Account } from "./embedded-account.ts";
import type { PostgresBinaries } from "./embedded-binaries.ts";
import { DATABASE_USER } from "./embedded-messages.ts";

/** A child of a process that knows secrets gets none of its environment. */
export const POSTGRES_ENV = { PATH: "/usr/bin:/bin", LANG: "C", LC_ALL: "C", TZ: "UTC" };

/** The password of the superuser; made at random when the file is missing. Only its owner may read the file. */
export function ensurePassword(file: string): string {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, randomBytes(24).toString("base64url"), { mode: 0o600 });
  try {
    // A link fails when the file is there already, and never shows half a password.
    linkSync(draft, file);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return readFileSync(file, "utf8").trim();
}

/**
 * Makes the data folder when there is none, and checks the one that is there.
 * @returns true when it was made now
 * @throws AppError failed_precondition for data of another major version, a folder that is not ours, or a failed initdb
 */
export function ensureDataFolder(data: string, binaries: PostgresBinaries, account: Account | undefined, password: string, durable: boolean): boolean {
  removePartial(data);
  if (existsSync(data) && readdirSync(data).length > 0) {
    checkVersion(data, binaries.major);
    if (account !== undefined) takeOwnership(data, account);
    return false;
  }
  if (existsSync(data)) rmdirSync(data);
  // An interrupted initdb leaves a partial folder, never a half-made data folder.
  const partial = `${data}.partial-${process.pid}`;
  try {
    runInitdb(partial, binaries, account, password, durable);
    renameSync(partial, data);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return true;
}

function removePartial(data: string): void {
  const parent = join(data, "..");
  for (const name of readdirSync(parent)) if (name.startsWith("data.partial-")) rmSync(join(parent, name), { recursive: true, force: true });
}

function checkVersion(data: string, major: number): void {
  let found = "";
  try {
    found = readFileSync(join(data, "PG_VERSION"), "utf8").trim();
  } catch {
    throw new AppError("failed_precondition", `"${data}" holds files, but no PostgreSQL data`, { hint: "Move the folder away and start again." });
  }
  if (found === String(major)) return;
  throw new AppError("failed_precondition", `the data folder "${data}" was made by PostgreSQL ${found}, this build brings PostgreSQL ${major}`, {
    hint: `Dump it with the tools of version ${found} and restore it, or move the folder away to start with an empty database.`,
  });
}

/** Data that was copied by root belongs to root; Postgres wants to own it. */
function takeOwnership(path: string, account: Account): void {
  if (statSync(path).uid !== 0) return;
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) chownSync(join(entry.parentPath, entry.name), account.uid, account.gid);
  }
  chownSync(path, account.uid, account.gid);
  chmodSync(path, 0o700);
}

function runInitdb(folder: string, binaries: PostgresBinaries, account: Account | undefined, password: string, durable: boolean): void {
  mkdirSync(folder, { mode: 0o700 });
  const passwordFile = `${folder}.password`;
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (account !== undefined) for (const path of [folder, passwordFile]) chownSync(path, account.uid, account.gid);
  const locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
  const access = [`--username=${DATABASE_USER}`, "--auth=scram-sha-256", `--pwfile=${passwordFile}`];
  const args = ["-D", folder, ...locale, ...access, "--data-checksums", "--no-instructions", ...(durable ? [] : ["--no-sync"])];
  try {
    const run = spawnSync(binaries.initdb, args, { cwd: "/", env: POSTGRES_ENV, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], ...account });
    if (run.status === 0) return;
    const output = run.error === undefined ? `${run.stdout}\n${run.stderr}` : messageOf(run.error);
    throw new AppError("failed_precondition", `initdb failed for "${folder}": ${lastLines(output, 5)}`, {
      hint: "Check free space and permissions of the folder.",
    });
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/** The end of a text, on one line. */
export function lastLines(text: string, count: number): string {
  return text.trim().split("\n").slice(-count).join(" | ").slice(-1500);
}
