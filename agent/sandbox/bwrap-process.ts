import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { Duplex, Writable } from "node:stream";
import { messageOf } from "../../kernel/app-error.ts";
import type { JobCgroup } from "./cgroup/cgroup.ts";
import { childrenOf } from "./children.ts";
import type { FifoPool, PipePair } from "./fifo-pool.ts";
import type { JobIdentity } from "./job-uids.ts";
import { CHANNEL_FD, CONTROL_FD, GO } from "./launcher.ts";
import { ARGS_FD, STATUS_FD } from "./profile.ts";
import type { SandboxEnd, SandboxProcess } from "./sandbox.ts";
import { type Receiver, readableOf, supervise } from "./supervise.ts";

export interface BwrapParts {
  readonly bwrapPath: string;
  /** File with the filter of `seccomp.ts`. */
  readonly seccompPath: string;
  readonly pipes: FifoPool;
}

export interface BwrapRun {
  /** Encoded arguments of bwrap, see `profile.ts`. */
  readonly args: Buffer;
  /** What bwrap runs. Constants only. */
  readonly launcher: readonly string[];
  readonly identity: JobIdentity;
  /** There is a control descriptor. */
  readonly waits: boolean;
  /** Where all of it happens. */
  readonly cgroup: Pick<JobCgroup, "place" | "doors" | "kill">;
  /** With a socket between agent and script. */
  readonly channel?: boolean;
}

export interface BwrapProcess extends SandboxProcess {
  /** See `Supervised.ready`. */
  readonly ready: Promise<boolean>;
  /** To be called before the script begins. */
  attach(receiver: Receiver): void;
  /** Lets what waits go on: the last words to it. Once. */
  go(words?: string): void;
  /** The host's number of the first process inside, as soon as it is known. */
  firstPid(): number | undefined;
}

/** After a KILL of the sandbox's first process bwrap ends by itself; when it does not within this time all that is in its group is killed, and bwrap itself. */
const KILL_FALLBACK_MS = 1_000;

/**
 * Starts one bwrap, with an empty environment and as the job's own user: inside, /proc/1/environ would show the agent's secrets
 * otherwise, and a bwrap of root leaves /proc/sys writable. What it is to do travels through a descriptor, because argument
 * lists can be read by everybody on the host. Never rejects but for a lack of pipes.
 */
export async function startBwrap(parts: BwrapParts, run: BwrapRun): Promise<BwrapProcess> {
  const pipes = await parts.pipes.takePair(run.identity);
  const opened = [pipes.stdout.writeFd, pipes.stderr.writeFd];
  try {
    const seccompFd = openSync(parts.seccompPath, "r");
    opened.push(seccompFd);
    const doors = run.cgroup.doors?.(run.identity);
    const [program, args] = through(doors, [parts.bwrapPath, "--args", String(ARGS_FD), "--", ...run.launcher]);
    const child = spawn(program, args, {
      env: {},
      cwd: "/",
      ...(run.identity.own ? {} : { uid: run.identity.uid, gid: run.identity.gid }),
      // fds: 0 nothing, 1 and 2 output, 3 arguments, 4 filter, 5 record, 6 status, 7 control, 8 channel
      stdio: ["ignore", pipes.stdout.writeFd, pipes.stderr.writeFd, "pipe", seccompFd, "pipe", "pipe", ...lastFds(run)],
    });
    const process = follow(child, pipes, run.cgroup);
    const trouble = doors === undefined ? await place(child, run.cgroup) : undefined;
    if (trouble === undefined) send(child, ARGS_FD, run.args);
    else child.kill("SIGKILL");
    return trouble === undefined ? process : { ...process, done: process.done.then(() => setupFailed(trouble)) };
  } catch (error) {
    pipes.stdout.reader.destroy();
    pipes.stderr.reader.destroy();
    return failed(messageOf(error));
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/**
 * A shell that enters the group itself and then becomes the program: no other process is there that could be seen half-way, so the kernel need not wait for
 * anybody, as it does for a process that is moved.
 */
function through(doors: readonly string[] | undefined, argv: readonly string[]): [program: string, args: readonly string[]] {
  if (doors === undefined) return [argv[0] ?? "", argv.slice(1)];
  return ["/bin/sh", ["-c", ENTER, "sh", String(doors.length), ...doors, ...argv]];
}

/** Whatever cannot be entered ends it, with the shell's words. */
const ENTER = 'n=$1; shift; while [ "$n" -gt 0 ]; do echo 0 > "$1" || exit 1; shift; n=$((n - 1)); done; exec "$@"';

/** Before bwrap knows what to do: it reads its arguments to their end first, so that all it starts is born in the group. @returns what went wrong */
async function place(child: ChildProcess, cgroup: BwrapRun["cgroup"]): Promise<string | undefined> {
  // Not started at all: that is told elsewhere.
  if (child.pid === undefined) return undefined;
  try {
    await cgroup.place(child.pid);
    return undefined;
  } catch (error) {
    return `the job could not be put under its limits: ${messageOf(error)}`;
  }
}

function lastFds(run: BwrapRun): ("pipe" | "ignore")[] {
  if (run.channel === true) return [run.waits ? "pipe" : "ignore", "pipe"];
  return run.waits ? ["pipe"] : [];
}

/** The agent's end of the channel, if there is one. */
export function channelOf(child: ChildProcess): Duplex | undefined {
  // The typings know five descriptors.
  const stream: unknown = Array.from<unknown>(child.stdio)[CHANNEL_FD];
  return stream instanceof Duplex ? stream : undefined;
}

/** Writes to one of the child's pipes and ends it. */
function send(child: ChildProcess, fd: number, data: Buffer | string): void {
  const stream = child.stdio[fd];
  if (!(stream instanceof Writable)) return;
  // A child that ends before it has read everything shows up as its exit.
  stream.on("error", () => undefined);
  stream.end(data);
}

/** Writes to the control pipe and keeps it open. */
function tell(child: ChildProcess, text: string): void {
  const fd: number = CONTROL_FD;
  const stream = child.stdio[fd];
  if (!(stream instanceof Writable)) return;
  if (stream.listenerCount("error") === 0) stream.on("error", () => undefined);
  stream.write(text);
}

function follow(child: ChildProcess, pipes: PipePair, cgroup: BwrapRun["cgroup"]): BwrapProcess {
  const status = new StatusReader(child);
  const watched = supervise({ child, stdout: pipes.stdout.reader, stderr: pipes.stderr.reader });
  const kill = (): void => {
    if (watched.exited()) {
      watched.cut();
      return;
    }
    status.whenFirst((pid) => {
      if (!watched.exited() && !signal(pid, "SIGKILL")) child.kill("SIGKILL");
    });
    const fallback = setTimeout(() => {
      cgroup.kill();
      killWithChildren(child);
    }, KILL_FALLBACK_MS);
    child.once("exit", () => clearTimeout(fallback));
  };
  const terminate = (): void => {
    if (watched.exited()) return;
    // The first process leads the group; as process 1 of its namespace it ignores the signal itself.
    if (!watched.begun() || status.firstPid === undefined || !signal(-status.firstPid, "SIGTERM")) kill();
  };
  const go = (words = GO): void => send(child, CONTROL_FD, words);
  const say = (text: string): void => tell(child, text);
  const firstPid = (): number | undefined => status.firstPid;
  const { done, ready, exited, attach } = watched;
  return { done, ready, exited, attach, terminate, kill, go, say, firstPid, channel: channelOf(child) };
}

/**
 * Kills bwrap and what it has started. On a host so busy that it has not said so yet, the first process would outlive it otherwise, with the job's
 * script: that one binds its life to bwrap's only when it is about to run the launcher.
 */
function killWithChildren(bwrap: ChildProcess): void {
  if (bwrap.pid === undefined) return;
  // From now on it starts nothing.
  bwrap.kill("SIGSTOP");
  for (const pid of childrenOf(bwrap.pid)) signal(pid, "SIGKILL");
  bwrap.kill("SIGKILL");
}

/** The status pipe of bwrap: tells the host's number of the first process inside, before that one goes on. */
class StatusReader {
  #firstPid: number | undefined;
  #waiting: ((pid: number) => void)[] = [];

  constructor(child: ChildProcess) {
    let text = "";
    const stream = readableOf(child, STATUS_FD);
    stream.on("error", () => undefined);
    stream.on("data", (data: Buffer) => {
      if (this.#firstPid !== undefined || text.length > 4096) return;
      text += data.toString("latin1");
      const match = /"child-pid": *([0-9]+)/.exec(text);
      if (match !== null) this.#is(Number(match[1]));
    });
  }

  get firstPid(): number | undefined {
    return this.#firstPid;
  }

  /** Now, or as soon as it is known; never when bwrap ends before. */
  whenFirst(act: (pid: number) => void): void {
    if (this.#firstPid === undefined) this.#waiting.push(act);
    else act(this.#firstPid);
  }

  #is(pid: number): void {
    this.#firstPid = pid;
    for (const act of this.#waiting.splice(0)) act(pid);
  }
}

function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

function setupFailed(message: string): SandboxEnd {
  return { kind: "setup_failed", message };
}

function failed(message: string): BwrapProcess {
  const end = setupFailed(message);
  const nothing = (): void => undefined;
  return {
    done: Promise.resolve(end),
    ready: Promise.resolve(false),
    exited: () => true,
    attach: nothing,
    terminate: nothing,
    kill: nothing,
    go: nothing,
    say: nothing,
    firstPid: () => undefined,
  };
}
