import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { Writable } from "node:stream";
import { isMainThread } from "node:worker_threads";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import type { FifoPool } from "./fifo-pool.ts";
import type { JobUids } from "./job-uids.ts";
import { launcherArgv } from "./launcher.ts";
import { ARGS_FD, bubblewrapArgs, encodeArgs, INSIDE_JOB, INSIDE_TMP, STATUS_FD, type SystemTree } from "./profile.ts";
import type { Sandbox, SandboxEnd, SandboxIo, SandboxProcess, SandboxSpec } from "./sandbox.ts";
import { readableOf, supervise } from "./supervise.ts";

export interface BubblewrapParts {
  readonly bwrapPath: string;
  readonly system: SystemTree;
  /** File with the filter of `seccomp.ts`. */
  readonly seccompPath: string;
  readonly uids: JobUids;
  readonly pipes: FifoPool;
}

/** After a KILL of the sandbox's first process bwrap ends by itself; when it does not within this time it is killed too. */
const KILL_FALLBACK_MS = 1_000;

/**
 * Runs jobs in bubblewrap. bwrap starts with an empty environment and as the job's own user: inside, /proc/1/environ
 * would show the agent's secrets otherwise, and a bwrap of root leaves /proc/sys writable. The script's variables
 * and all paths travel through a descriptor, because argument lists can be read by everybody on the host.
 */
export function createBubblewrap(parts: BubblewrapParts): Sandbox {
  if (!isMainThread) throw new AppError("internal", "sandboxes must be started from the main thread: the kernel ends them with the thread that made them");
  return {
    kind: "bubblewrap",
    uids: parts.uids,
    paths: () => ({ job: INSIDE_JOB, tmp: INSIDE_TMP, mount: (mount) => mount.target }),
    start: (spec, io) => start(parts, spec, io),
  };
}

async function start(parts: BubblewrapParts, spec: SandboxSpec, io: SandboxIo): Promise<SandboxProcess> {
  const args = encodeArgs(bubblewrapArgs(spec, parts.system));
  const { stdout, stderr } = await parts.pipes.takePair(spec.identity);
  const opened = [stdout.writeFd, stderr.writeFd];
  try {
    const seccompFd = openSync(parts.seccompPath, "r");
    opened.push(seccompFd);
    const child = spawn(parts.bwrapPath, ["--args", String(ARGS_FD), "--", ...launcherArgv(spec.argv, spec.rlimits)], {
      env: {},
      cwd: "/",
      ...(spec.identity.own ? {} : { uid: spec.identity.uid, gid: spec.identity.gid }),
      // fds: 0 nothing, 1 and 2 output, 3 arguments, 4 filter, 5 record, 6 status
      stdio: ["ignore", stdout.writeFd, stderr.writeFd, "pipe", seccompFd, "pipe", "pipe"],
    });
    send(child, args);
    return follow(child, stdout.reader, stderr.reader, spec, io);
  } catch (error) {
    stdout.reader.destroy();
    stderr.reader.destroy();
    return failed(messageOf(error));
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

function send(child: ChildProcess, args: Buffer): void {
  const stream = child.stdio[ARGS_FD];
  if (!(stream instanceof Writable)) return;
  // bwrap that ends before it has read everything shows up as its exit.
  stream.on("error", () => undefined);
  stream.end(args);
}

function follow(child: ChildProcess, stdout: SandboxPipe, stderr: SandboxPipe, spec: SandboxSpec, io: SandboxIo): SandboxProcess {
  const status = new StatusReader(child);
  const watched = supervise({ child, stdout, stderr, recordMaxBytes: spec.recordMaxBytes }, io);
  const kill = (): void => {
    if (watched.exited()) {
      watched.cut();
      return;
    }
    if (status.firstPid === undefined || !signal(status.firstPid, "SIGKILL")) child.kill("SIGKILL");
    const fallback = setTimeout(() => child.kill("SIGKILL"), KILL_FALLBACK_MS);
    child.once("exit", () => clearTimeout(fallback));
  };
  const terminate = (): void => {
    if (watched.exited()) return;
    // The first process leads the group; as process 1 of its namespace it ignores the signal itself.
    if (!watched.begun() || status.firstPid === undefined || !signal(-status.firstPid, "SIGTERM")) kill();
  };
  return { done: watched.done, exited: watched.exited, terminate, kill };
}

type SandboxPipe = Parameters<typeof supervise>[0]["stdout"];

/** The status pipe of bwrap: tells the host's number of the first process inside. */
class StatusReader {
  firstPid: number | undefined;

  constructor(child: ChildProcess) {
    let text = "";
    const stream = readableOf(child, STATUS_FD);
    stream.on("error", () => undefined);
    stream.on("data", (data: Buffer) => {
      if (this.firstPid !== undefined || text.length > 4096) return;
      text += data.toString("latin1");
      const match = /"child-pid": *([0-9]+)/.exec(text);
      if (match !== null) this.firstPid = Number(match[1]);
    });
  }
}

function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

function failed(message: string): SandboxProcess {
  const end: SandboxEnd = { kind: "setup_failed", message };
  return { done: Promise.resolve(end), exited: () => true, terminate: () => undefined, kill: () => undefined };
}
