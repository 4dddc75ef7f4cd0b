import { type ChildProcess, fork } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import { background } from "../../kernel/background.ts";
import { backoffMs } from "../../kernel/backoff.ts";
import { ensurePassword } from "./embedded-data-folder.ts";
import { databaseUrl, filesIn, type ServerAddress, type SupervisorConfig, type SupervisorMessage } from "./embedded-messages.ts";
import { isReachableByOthers } from "./state-dir.ts";

/** The part of a logger that is needed here; pino fits. */
interface EmbeddedLog {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

export interface EmbeddedOptions {
  /** Where the data lives, in its subfolder `postgres`. Required unless `test` is set. */
  readonly stateDir?: string;
  readonly log: EmbeddedLog;
  /** Server settings that win over our own. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Durability off, data in a temporary folder that is removed at the end. */
  readonly test?: boolean;
}

export interface EmbeddedPostgres {
  /** Address of the database `millrace`, with its password: keep it out of logs. Stays the same over restarts of the server. */
  readonly url: string;
  /** The server's process at the moment; changes when it had to be started again. */
  readonly pid: number;
  /** Stops the server (fast shutdown) and its supervisor; idempotent. */
  stop(): Promise<void>;
}

const SUPERVISOR = fileURLToPath(new URL("embedded-supervisor.ts", import.meta.url));
/** Recovery after a crash replays up to max_wal_size. */
const START_LIMIT_MS = 5 * 60_000;
const STOP_LIMIT_MS = 60_000;

/**
 * Starts PostgreSQL from the programs in node_modules, under a supervisor process of its own that restarts it when it dies and stops
 * it when this process is gone, however that ended.
 * @throws AppError failed_precondition when the folder is in use, unusable, or holds data of another major version
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const disposable = options.test === true;
  const folder = serverFolder(options.stateDir, disposable);
  const server = new SupervisedServer({ folder, disposable, settings: options.settings ?? {}, address: undefined }, options.log);
  await server.start();
  return server;
}

function serverFolder(stateDir: string | undefined, disposable: boolean): string {
  const asRoot = process.getuid?.() === 0;
  if (disposable) {
    const base = asRoot && !isReachableByOthers(tmpdir()) ? "/tmp" : tmpdir();
    const folder = mkdtempSync(join(base, "millrace-test-"));
    if (asRoot) chmodSync(folder, 0o755);
    return folder;
  }
  if (stateDir === undefined) throw new AppError("invalid_argument", "stateDir is needed for a database that stays");
  const folder = join(stateDir, "postgres");
  try {
    mkdirSync(folder, { recursive: true });
    if (asRoot) chmodSync(folder, 0o755);
  } catch (error) {
    throw new AppError("failed_precondition", `the database folder "${folder}" cannot be made: ${messageOf(error)}`, {
      hint: "Make the state folder writable, or set MILLRACE_STATE_DIR to one that is.",
      cause: error,
    });
  }
  return folder;
}

/** Launches the supervisor and launches it again when it dies; clients keep the same address. */
class SupervisedServer implements EmbeddedPostgres {
  readonly #config: SupervisorConfig;
  readonly #log: EmbeddedLog;
  #child: ChildProcess | undefined;
  #address: ServerAddress | undefined;
  #password = "";
  #pid = 0;
  #stopping: Promise<void> | undefined;

  constructor(config: SupervisorConfig, log: EmbeddedLog) {
    this.#config = config;
    this.#log = log;
  }

  get url(): string {
    if (this.#address === undefined) throw new AppError("internal", "the database has no address yet");
    return databaseUrl(this.#address, this.#password);
  }

  get pid(): number {
    return this.#pid;
  }

  async start(): Promise<void> {
    await this.#launch();
    this.#password = ensurePassword(filesIn(this.#config.folder).password);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGTERM");
    const limit = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
    await exited;
    clearTimeout(limit);
  }

  /** Resolves at the first "ready"; rejects when the supervisor says "failed", ends, or takes too long. */
  #launch(): Promise<void> {
    const config: SupervisorConfig = { ...this.#config, address: this.#address };
    const child = fork(SUPERVISOR, [JSON.stringify(config)], {
      detached: true,
      execArgv: [],
      env: { PATH: process.env["PATH"], TMPDIR: process.env["TMPDIR"] },
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    this.#child = child;
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => child.kill("SIGTERM"), START_LIMIT_MS);
      let failure = new AppError("unavailable", "the database's supervisor ended before the database was ready");
      let ready = false;
      child.on("message", (message: SupervisorMessage) => {
        if (message.kind === "log") this.#log[message.level]({ event: message.event }, message.message);
        else if (message.kind === "failed") failure = new AppError(message.code, message.message, message.hint === undefined ? {} : { hint: message.hint });
        else {
          ready = true;
          clearTimeout(limit);
          this.#address = message.address;
          this.#pid = message.postmasterPid;
          // From here on the database does not keep this process alive.
          child.unref();
          child.channel?.unref();
          resolve();
        }
      });
      child.once("error", (error) => {
        failure = new AppError("failed_precondition", `the database's supervisor cannot be started: ${error.message}`, { cause: error });
        if (child.pid === undefined) reject(failure);
      });
      child.once("exit", (code, signal) => {
        clearTimeout(limit);
        if (!ready) reject(failure);
        else if (this.#stopping === undefined)
          background(this.#log, "database.relaunch", this.#relaunch(new AppError("unavailable", `ended by ${signal ?? `exit code ${code}`}`)));
      });
    });
  }

  async #relaunch(cause: AppError): Promise<void> {
    let failure = cause;
    for (let attempt = 0; this.#stopping === undefined; attempt++) {
      this.#log.error({ event: "database.supervisor_ended", error: failure.message }, "the database's supervisor ended, starting it again");
      await sleep(backoffMs(attempt, 100, 10_000, Math.random()), undefined, { ref: false });
      if (this.#stopping !== undefined) return;
      try {
        await this.#launch();
        return;
      } catch (error) {
        failure = AppError.from(error);
      }
    }
  }
}
