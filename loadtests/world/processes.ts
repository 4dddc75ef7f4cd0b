import { type ChildProcess, fork } from "node:child_process";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { isPortFree } from "../../control-plane/db/embedded-address.ts";
import type { Scope } from "./scope.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const LEASH = new URL("leash.ts", import.meta.url).href;
const KILL_AFTER_MS = 20_000;

export interface Started {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Resolves when it is gone. */
  stop(signal: NodeJS.Signals): Promise<void>;
}

/** Starts a program of this repository with nothing in its environment but PATH, HOME and what is given. @param flags of Node */
export function startProgram(
  scope: Scope,
  script: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  leashed: boolean,
  flags: readonly string[] = [],
): Started {
  const child = fork(`${ROOT}/${script}`, [...args], {
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...env },
    execArgv: [...flags, ...(leashed ? ["--import", LEASH] : [])],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    serialization: "advanced",
  });
  passOn(child, script);
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const started: Started = {
    child,
    pid: child.pid ?? 0,
    async stop(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      const force = setTimeout(() => child.kill("SIGKILL"), KILL_AFTER_MS);
      await exited;
      clearTimeout(force);
    },
  };
  scope.defer(() => started.stop("SIGTERM"));
  return started;
}

const MOST_LINES = 5;
const MOST_CHARS = 400;

/** What a program says on stderr, as long as that is little: a server that refuses a thousand requests says so a thousand times. */
function passOn(child: ChildProcess, script: string): void {
  if (child.stderr === null) return;
  let lines = 0;
  createInterface({ input: child.stderr }).on("line", (line) => {
    lines += 1;
    if (lines <= MOST_LINES) process.stderr.write(`  ${script}: ${line.slice(0, MOST_CHARS)}\n`);
    if (lines === MOST_LINES) process.stderr.write(`  ${script}: what it says after this is left out\n`);
  });
}

/** Below the range from which the kernel picks ports of outgoing connections, and below that of embedded databases. */
const PORTS = { first: 10_000, count: 11_000 };
const TRIES = 50;

/**
 * A TCP port of loopback that nobody listens on and that no other program which asks here gets while this one runs: tests start dozens of servers at a time,
 * and each takes a second from here until it listens. No client takes it before a server does, or while a server that was killed starts again.
 */
export async function freePort({ first, count } = PORTS): Promise<number> {
  for (let tried = 0; tried < TRIES; tried++) {
    const port = first + Math.floor(Math.random() * count);
    if ((await claim(port)) && (await isPortFree(port))) return port;
  }
  throw new Error("no port is free");
}

/** By an abstract Unix socket, which one process can have and which goes with it however it ends. */
function claim(port: number): Promise<boolean> {
  const socket = createServer().unref();
  return new Promise((resolve, reject) => {
    socket.once("error", (error: NodeJS.ErrnoException) => (error.code === "EADDRINUSE" ? resolve(false) : reject(error)));
    socket.listen(`\0millrace-port-${port}`, () => resolve(true));
  });
}

/** Looks until it is true. @throws after `withinMs`, in these words */
export async function until(what: string, check: () => Promise<boolean> | boolean, withinMs = 60_000): Promise<void> {
  for (const begun = performance.now(); performance.now() - begun < withinMs; ) {
    if (await Promise.resolve(check()).catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`not within ${withinMs / 1000} s: ${what}`);
}
