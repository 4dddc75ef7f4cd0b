import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { AppError } from "../../kernel/app-error.ts";
import type { Account } from "./embedded-account.ts";
import { isPortFree, removeStaleSockets } from "./embedded-address.ts";
import { lastLines, POSTGRES_ENV } from "./embedded-data-folder.ts";
import { DATABASE_NAME, DATABASE_USER, type ServerAddress } from "./embedded-messages.ts";
import { settingArguments } from "./embedded-settings.ts";
import { identityOf, isAlive, postgresProcessesIn } from "./process-identity.ts";

export interface PostmasterConfig {
  readonly binary: string;
  readonly data: string;
  readonly log: string;
  /** Open for appending; Postgres writes there by itself, so that its words survive the supervisor. */
  readonly logFd: number;
  readonly address: ServerAddress;
  readonly settings: Readonly<Record<string, string>>;
  readonly account: Account | undefined;
  readonly password: string;
}

const READY_POLL_MS = 15;
const FAST_STOP_MS = 30_000;
const IMMEDIATE_STOP_MS = 5_000;

/** One run of the server: from spawn to exit. */
export interface Postmaster {
  readonly pid: number;
  /** Resolves when it has ended, with what it said last. */
  readonly ended: Promise<string>;
}

/** Starts the server. It may still recover from a crash when this returns: see `waitUntilReady`. */
export async function spawnPostmaster(config: PostmasterConfig): Promise<Postmaster> {
  const { address, data } = config;
  removeStaleSockets(address.socketFolder);
  removeForeignPidFile(data);
  const tcp = (await isPortFree(address.port)) ? "127.0.0.1" : "";
  const where = { listen_addresses: tcp, port: String(address.port), unix_socket_directories: address.socketFolder };
  const logStart = statSync(config.log).size;
  const child = spawn(config.binary, ["-D", data, ...settingArguments({ ...config.settings, ...where })], {
    cwd: "/",
    env: POSTGRES_ENV,
    stdio: ["ignore", config.logFd, config.logFd],
    ...config.account,
  });
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) =>
      resolve(signal === null ? `exit code ${code}, ${lastLines(readFileSync(config.log).subarray(logStart).toString(), 5)}` : `ended by ${signal}`),
    );
  });
  if (child.pid === undefined) throw new AppError("failed_precondition", `"${config.binary}" cannot be run: ${await ended}`);
  return { pid: child.pid, ended };
}

/** A pid file of a killed server whose pid now belongs to another program would stop Postgres from starting. */
function removeForeignPidFile(data: string): void {
  const pid = pidInFile(data);
  if (pid !== undefined && identityOf(pid) !== undefined && postgresProcessesIn(data).length === 0) rmSync(join(data, "postmaster.pid"), { force: true });
}

function pidInFile(data: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(join(data, "postmaster.pid"), "utf8"), 10);
    return Number.isInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Waits until the server answers a query in our database, which is made at the first start.
 * @returns false when the server ended or the deadline passed first
 */
export async function waitUntilReady(config: PostmasterConfig, run: Postmaster, signal: AbortSignal): Promise<boolean> {
  let over = false;
  const stopWaiting = (): void => {
    over = true;
  };
  run.ended.then(stopWaiting, stopWaiting);
  while (!over && !signal.aborted) {
    const answer = await ask(config, DATABASE_NAME, "select 1");
    if (answer === "ok") return true;
    // 3D000: there is no such database yet.
    if (answer === "3D000") await ask(config, "postgres", `create database ${DATABASE_NAME}`);
    else if (answer === "28P01")
      throw new AppError("failed_precondition", `the file "password" beside "${config.data}" does not hold the password that the database was made with`, {
        hint: "Put the file back from a copy.",
      });
    else await sleep(READY_POLL_MS);
  }
  return false;
}

/** Runs one statement on a connection of its own; returns "ok" or the code of the failure. */
async function ask(config: PostmasterConfig, database: string, sql: string): Promise<string> {
  if (!existsSync(join(config.address.socketFolder, `.s.PGSQL.${config.address.port}`))) return "ENOENT";
  const client = new Client({
    host: config.address.socketFolder,
    port: config.address.port,
    user: DATABASE_USER,
    password: config.password,
    database,
    connectionTimeoutMillis: 10_000,
  });
  client.on("error", () => {
    // The query reports it; without a listener it would end this process.
  });
  try {
    await client.connect();
    await client.query(sql);
    return "ok";
  } catch (error) {
    return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "failed";
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Stops the server: fast (SIGINT: rolls back, checkpoints), then at once (SIGQUIT: recovers at the next start), then SIGKILL. */
export async function stopPostmaster(pid: number, data: string): Promise<void> {
  const ladder = [
    ["SIGINT", FAST_STOP_MS],
    ["SIGQUIT", IMMEDIATE_STOP_MS],
    ["SIGKILL", IMMEDIATE_STOP_MS],
  ] as const;
  const server = identityOf(pid);
  for (const [signal, graceMs] of ladder) {
    if (server === undefined || !isAlive(server)) break;
    trySignal(pid, signal);
    const deadlineMs = performance.now() + graceMs;
    while (isAlive(server) && performance.now() < deadlineMs) await sleep(10);
  }
  killOrphans(data);
}

/** Stops a server that outlived its supervisor. */
export async function stopStalePostmaster(data: string): Promise<boolean> {
  const pid = pidInFile(data);
  const running = postgresProcessesIn(data);
  if (running.length === 0) return false;
  if (pid !== undefined && running.includes(pid)) await stopPostmaster(pid, data);
  else killOrphans(data);
  return true;
}

/**
 * Backends whose postmaster was killed notice it only when they next wait for something; a long query holds the shared memory until
 * its end, and the new server may not start before. Crash recovery follows in any case, so nothing is lost by killing them.
 */
export function killOrphans(data: string): void {
  for (const pid of postgresProcessesIn(data)) trySignal(pid, "SIGKILL");
}

function trySignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
