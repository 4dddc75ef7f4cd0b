import { spawn } from "node:child_process";
import { closeSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import { channelOf } from "./bwrap-process.ts";
import type { FifoPool } from "./fifo-pool.ts";
import { makeJobDir, removeJobDir, writeJobFiles } from "./job-dir.ts";
import { ownIdentity } from "./job-uids.ts";
import { launcherArgv } from "./launcher.ts";
import { type Place, type Sandbox, type SandboxIo, type SandboxProcess, type SandboxSpec, SHARED_NAME } from "./sandbox.ts";
import { supervise } from "./supervise.ts";

/** Name of the writable folder inside the job folder; it stands in for /tmp. */
const OWN_TMP = "tmp";

export interface UnsandboxedParts {
  readonly pipes: FifoPool;
  readonly jobsDir: string;
}

/**
 * Runs jobs as plain processes of the agent's own user. Scripts can read whatever the agent can: only for operators who
 * asked for it by name. What remains: a cleared environment, a private folder, limits, and a KILL of the process
 * group at the end. A process that made a session of its own survives that. Places are never prepared.
 */
export function createUnsandboxed(parts: UnsandboxedParts): Sandbox {
  let starts = 0;
  return {
    kind: "unsandboxed",
    mountPath: (mount) => mount.source,
    place: () => {
      starts += 1;
      return makePlace(parts);
    },
    prepare: () => undefined,
    stats: () => ({ ready: 0, warmReady: new Map(), warmBytes: 0, fast: 0, warm: 0, cold: starts }),
    close: () => undefined,
  };
}

function makePlace({ pipes, jobsDir }: UnsandboxedParts): Place {
  const dir = makeJobDir(jobsDir);
  const tmp = join(dir, OWN_TMP);
  return {
    paths: { job: dir, tmp },
    start: async (spec, io) => {
      mkdirSync(tmp, { mode: 0o700 });
      writeJobFiles(dir, spec.files);
      if (spec.shared !== undefined) symlinkSync(spec.shared, join(tmp, SHARED_NAME));
      return await start(pipes, tmp, spec, io);
    },
    // A folder that cannot be removed now is removed at the next start.
    discard: () => removeJobDir(dir).catch(() => undefined),
  };
}

async function start(pipes: FifoPool, cwd: string, spec: SandboxSpec, io: SandboxIo): Promise<SandboxProcess> {
  if (spec.network === "none") throw new AppError("failed_precondition", "without a sandbox a script cannot be cut off from the network");
  const { stdout, stderr } = await pipes.takePair(ownIdentity());
  try {
    const [program = "/bin/sh", ...args] = launcherArgv(spec.argv, spec.rlimits);
    const child = spawn(program, args, {
      env: Object.fromEntries(spec.env),
      cwd,
      detached: true,
      stdio: ["ignore", stdout.writeFd, stderr.writeFd, "ignore", "ignore", "pipe", ...(spec.channel === true ? (["ignore", "ignore", "pipe"] as const) : [])],
    });
    const group = (name: NodeJS.Signals): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, name);
      } catch {
        // The group is empty.
      }
    };
    const watched = supervise({ child, stdout: stdout.reader, stderr: stderr.reader, afterExit: () => group("SIGKILL") });
    watched.attach({ io, recordMaxBytes: spec.recordMaxBytes });
    const kill = (): void => (watched.exited() ? watched.cut() : group("SIGKILL"));
    const terminate = (): void => {
      if (!watched.exited()) group(watched.begun() ? "SIGTERM" : "SIGKILL");
    };
    return { done: watched.done, exited: watched.exited, terminate, kill, say: () => undefined, channel: channelOf(child) };
  } catch (error) {
    stdout.reader.destroy();
    stderr.reader.destroy();
    return {
      done: Promise.resolve({ kind: "setup_failed", message: messageOf(error) }),
      exited: () => true,
      terminate: () => undefined,
      kill: () => undefined,
      say: () => undefined,
    };
  } finally {
    closeSync(stdout.writeFd);
    closeSync(stderr.writeFd);
  }
}
