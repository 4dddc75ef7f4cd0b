// The process that looks after one embedded PostgreSQL. It stands apart from the control plane (own session, own signals), so that
// kill -9 or Ctrl-C there never takes the database down uncleanly.
//
// Invariants: at most one supervisor per data folder (the lock); at most one postmaster per supervisor; the address never changes
// after the first "ready"; when the parent is gone or SIGTERM comes, the database is stopped fast and this process ends.
import { copyFileSync, fstatSync, ftruncateSync, openSync, realpathSync, rmSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import { backoffMs } from "../../kernel/backoff.ts";
import { type Account, chooseAccount } from "./embedded-account.ts";
import { chooseAddress, prepareSocketFolder } from "./embedded-address.ts";
import { locateBinaries } from "./embedded-binaries.ts";
import { ensureDataFolder, ensurePassword } from "./embedded-data-folder.ts";
import { takeLock } from "./embedded-lock.ts";
import { filesIn, type SupervisorConfig, type SupervisorMessage } from "./embedded-messages.ts";
import { settingsFor } from "./embedded-settings.ts";
import { killOrphans, type Postmaster, type PostmasterConfig, spawnPostmaster, stopPostmaster, stopStalePostmaster, waitUntilReady } from "./postmaster.ts";
import { identityOf, isAlive, ownIdentity, postgresProcessesIn } from "./process-identity.ts";
import { isReachableByOthers } from "./state-dir.ts";

const PARENT_POLL_MS = 500;
const LOG_LIMIT_BYTES = 16 * 1024 * 1024;
const FIRST_START_TRIES = 5;
/** How long orphaned backends may finish by themselves before they are killed. */
const ORPHAN_GRACE_MS = 1_000;

const config: SupervisorConfig = JSON.parse(process.argv[2] ?? "null");
const parent = identityOf(process.ppid);
const files = filesIn(config.folder);
const stopping = new AbortController();
let current: Postmaster | undefined;

function tell(message: SupervisorMessage): void {
  // A parent that is gone reads nothing; the poll below notices.
  if (process.connected) process.send?.(message, () => undefined);
}

function note(level: "info" | "warn" | "error", event: string, message: string): void {
  tell({ kind: "log", level, event, message });
}

function watchParent(logFd: number): void {
  const check = (): void => {
    if (parent === undefined || !isAlive(parent)) stopping.abort();
    boundLog(logFd);
  };
  process.on("disconnect", check);
  setInterval(check, PARENT_POLL_MS).unref();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stopping.abort());
  process.on("SIGHUP", () => undefined);
  stopping.signal.addEventListener("abort", () => void (current !== undefined && stopPostmaster(current.pid, realpathSync(files.data))));
}

/** Postgres and we append to the same file, so it can be cut while it is open: one older file is kept. */
function boundLog(logFd: number): void {
  if (fstatSync(logFd).size < LOG_LIMIT_BYTES) return;
  copyFileSync(files.log, `${files.log}.1`);
  ftruncateSync(logFd);
}

function openLog(): number {
  try {
    return openSync(files.log, "a", 0o600);
  } catch (error) {
    throw new AppError("failed_precondition", `the database's log cannot be written: ${messageOf(error)}`, {
      hint: `Make "${config.folder}" writable for this user, or set MILLRACE_STATE_DIR to another folder.`,
    });
  }
}

async function prepare(logFd: number, account: Account | undefined): Promise<PostmasterConfig> {
  if (account !== undefined && !isReachableByOthers(config.folder)) {
    throw new AppError("failed_precondition", `the user that PostgreSQL runs under (${account.uid}) cannot enter "${config.folder}"`, {
      hint: "Set MILLRACE_STATE_DIR to a folder that other users may enter.",
    });
  }
  const binaries = locateBinaries(files.binaries, account !== undefined);
  const password = ensurePassword(files.password);
  const made = ensureDataFolder(files.data, binaries, account, password, !config.disposable);
  const data = realpathSync(files.data);
  if (!made && (await stopStalePostmaster(data))) note("warn", "database.stale_stopped", "stopped a database server that had outlived its supervisor");
  const address = config.address ?? (await chooseAddress(config.folder, files.port, account));
  prepareSocketFolder(address.socketFolder, account);
  const settings = { ...settingsFor(binaries.postgres, config.disposable), ...config.settings };
  return { binary: binaries.postgres, data, log: files.log, logFd, address, settings, account, password };
}

/** Runs the server until we are told to stop; starts it again, with growing pauses, whenever it ends by itself. */
async function supervise(server: PostmasterConfig): Promise<void> {
  let wasReady = false;
  let failures = 0;
  while (!stopping.signal.aborted) {
    const run = await spawnPostmaster(server);
    current = run;
    if (stopping.signal.aborted) await stopPostmaster(run.pid, server.data);
    if (await waitUntilReady(server, run, stopping.signal)) {
      failures = 0;
      if (wasReady) note("warn", "database.restarted", "the database server runs again");
      wasReady = true;
      tell({ kind: "ready", address: server.address, postmasterPid: run.pid });
    }
    const lastWords = await run.ended;
    current = undefined;
    if (stopping.signal.aborted) return;
    failures += 1;
    if (!wasReady && failures >= FIRST_START_TRIES)
      throw new AppError("failed_precondition", `PostgreSQL does not start: ${lastWords}`, { hint: `Its log is ${server.log}.` });
    note("error", "database.ended", `the database server ended unexpectedly, starting it again: ${lastWords}`);
    await pauseBeforeRestart(server.data, failures);
  }
}

/** Orphans of a killed postmaster hold its shared memory: they get a moment, then they are killed. */
async function pauseBeforeRestart(data: string, failures: number): Promise<void> {
  const deadlineMs = performance.now() + ORPHAN_GRACE_MS;
  while (!stopping.signal.aborted && postgresProcessesIn(data).length > 0) {
    if (performance.now() > deadlineMs) killOrphans(data);
    await sleep(25);
  }
  if (failures > 1) await sleep(backoffMs(failures - 2, 200, 5_000, Math.random()), undefined, { signal: stopping.signal }).catch(() => undefined);
}

async function main(): Promise<void> {
  if (parent === undefined) return;
  const account = chooseAccount(files.data);
  const logFd = openLog();
  process.on("uncaughtException", (error) => {
    writeSync(logFd, `supervisor: ${error.stack ?? error.message}\n`);
    process.exitCode = 1;
    stopping.abort();
  });
  watchParent(logFd);
  const releaseLock = await takeLock(files.lock, files.data, { supervisor: ownIdentity(), parent }, stopping.signal);
  let socketFolder = "";
  try {
    const server = await prepare(logFd, account);
    socketFolder = server.address.socketFolder;
    await supervise(server);
  } finally {
    if (current !== undefined) await stopPostmaster(current.pid, realpathSync(files.data));
    if (socketFolder !== "" && !socketFolder.startsWith(`${config.folder}/`)) rmSync(socketFolder, { recursive: true, force: true });
    releaseLock();
    if (config.disposable) rmSync(config.folder, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  const failure = error instanceof AppError ? error : new AppError("failed_precondition", messageOf(error));
  await new Promise((resolve) => {
    const message: SupervisorMessage = { kind: "failed", code: failure.code, message: failure.message, hint: failure.hint };
    if (process.connected && process.send !== undefined) process.send(message, resolve);
    else resolve(undefined);
  });
  process.exitCode = 1;
}
if (process.connected) process.disconnect();
