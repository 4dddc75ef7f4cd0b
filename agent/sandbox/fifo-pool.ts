import { execFile } from "node:child_process";
import { closeSync, constants, fchownSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { AppError } from "../../kernel/app-error.ts";
import type { JobIdentity } from "./job-uids.ts";
import type { NamedPipe } from "./sandbox.ts";

/** Both ends of a pipe: a stream for the agent, a descriptor for the script (to be closed by the caller after the spawn). */
interface Pipe {
  readonly reader: Socket;
  readonly writeFd: number;
}

export interface PipePair {
  readonly stdout: Pipe;
  readonly stderr: Pipe;
}

/** Two are used per job, and making a batch stops the agent for milliseconds. */
const BATCH = 128;
const MKFIFO = "/usr/bin/mkfifo";
const run = promisify(execFile);

/**
 * Real pipes for stdout and stderr. Node's own `pipe` is a socket pair, and Linux refuses to open a socket through
 * /dev/stdout or /dev/stderr, which shell scripts do all the time (`echo oops > /dev/stderr`). Node cannot make pipes, so
 * a batch of FIFOs is made by one process ahead of time; each is opened at both ends, unlinked and used once.
 */
export class FifoPool {
  readonly #dir: string;
  #free: string[] = [];
  #made = 0;
  #refilling: Promise<void> | undefined;

  /** @param dir a folder of the agent's own; what an earlier run left in it is removed */
  constructor(dir: string) {
    this.#dir = dir;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(dir)) rmSync(join(dir, name), { force: true });
  }

  /** Two pipes, for stdout and stderr. @throws internal when no FIFO can be made */
  async takePair(identity: JobIdentity): Promise<PipePair> {
    const stdout = await this.#take(identity);
    try {
      return { stdout, stderr: await this.#take(identity) };
    } catch (error) {
      stdout.reader.destroy();
      closeSync(stdout.writeFd);
      throw error;
    }
  }

  /** One under a name, until it is released; whoever has the identity can open it for writing. @throws internal when no FIFO can be made */
  async takeNamed(path: string, identity: JobIdentity): Promise<NamedPipe> {
    renameSync(await this.#path(), path);
    const { reader, writeFd } = open(path, identity, "kept");
    let released = false;
    const release = (): void => {
      if (released) return;
      released = true;
      closeSync(writeFd);
      rmSync(path, { force: true });
    };
    return { reader, release };
  }

  async #take(identity: JobIdentity): Promise<Pipe> {
    return open(await this.#path(), identity, "removed");
  }

  async #path(): Promise<string> {
    for (let tries = 0; this.#free.length === 0 && tries < 3; tries++) await this.#refill();
    const path = this.#free.pop();
    if (path === undefined) throw new AppError("internal", "no pipe could be made for the script's output");
    if (this.#free.length < BATCH / 4) this.#refill().catch(() => undefined);
    return path;
  }

  #refill(): Promise<void> {
    this.#refilling ??= this.#make().finally(() => {
      this.#refilling = undefined;
    });
    return this.#refilling;
  }

  async #make(): Promise<void> {
    const first = this.#made;
    this.#made += BATCH;
    const paths = Array.from({ length: BATCH }, (_, index) => join(this.#dir, `pipe-${process.pid}-${first + index}`));
    try {
      await run(MKFIFO, ["-m", "600", ...paths], { env: {} });
    } catch (error) {
      // A disk that is full may have taken some of them.
      for (const path of paths) rmSync(path, { force: true });
      throw error;
    }
    this.#free.push(...paths);
  }
}

function open(path: string, identity: JobIdentity, name: "kept" | "removed"): Pipe {
  const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  let writeFd = -1;
  try {
    writeFd = openSync(path, constants.O_WRONLY);
    // The script opens it again through /dev/stdout, as its own user.
    if (!identity.own) fchownSync(writeFd, identity.uid, identity.gid);
    if (name === "removed") rmSync(path);
    return { reader: new Socket({ fd: readFd, readable: true, writable: false }), writeFd };
  } catch (error) {
    closeSync(readFd);
    if (writeFd !== -1) closeSync(writeFd);
    throw error;
  }
}
