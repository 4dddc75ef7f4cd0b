import { spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { join } from "node:path";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import type { FifoPool } from "./fifo-pool.ts";
import { createOwnUids } from "./job-uids.ts";
import { launcherArgv } from "./launcher.ts";
import type { Sandbox, SandboxIo, SandboxProcess, SandboxSpec } from "./sandbox.ts";
import { supervise } from "./supervise.ts";

/** Name of the writable folder inside the job folder; it stands in for /tmp. */
export const OWN_TMP = "tmp";

/**
 * Runs jobs as plain processes of the agent's own user. Scripts can read whatever the agent can: only for operators who
 * asked for it by name. What remains: a cleared environment, a private folder, limits, and a KILL of the process
 * group at the end. A process that made a session of its own survives that.
 */
export function createUnsandboxed(pipes: FifoPool): Sandbox {
  return {
    kind: "unsandboxed",
    uids: createOwnUids(),
    paths: (jobDir) => ({ job: jobDir, tmp: join(jobDir, OWN_TMP), mount: (mount) => mount.source }),
    start: (spec, io) => start(pipes, spec, io),
  };
}

async function start(pipes: FifoPool, spec: SandboxSpec, io: SandboxIo): Promise<SandboxProcess> {
  if (spec.network === "none") throw new AppError("failed_precondition", "without a sandbox a script cannot be cut off from the network");
  const { stdout, stderr } = await pipes.takePair(spec.identity);
  try {
    const [program = "/bin/sh", ...args] = launcherArgv(spec.argv, spec.rlimits);
    const child = spawn(program, args, {
      env: Object.fromEntries(spec.env),
      cwd: spec.jobDir === undefined ? "/" : join(spec.jobDir, OWN_TMP),
      detached: true,
      stdio: ["ignore", stdout.writeFd, stderr.writeFd, "ignore", "ignore", "pipe"],
    });
    const group = (name: NodeJS.Signals): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, name);
      } catch {
        // The group is empty.
      }
    };
    const watched = supervise(
      { child, stdout: stdout.reader, stderr: stderr.reader, recordMaxBytes: spec.recordMaxBytes, afterExit: () => group("SIGKILL") },
      io,
    );
    const terminate = (): void => {
      if (!watched.exited()) group("SIGTERM");
    };
    const kill = (): void => (watched.exited() ? watched.cut() : group("SIGKILL"));
    return { done: watched.done, exited: watched.exited, terminate, kill };
  } catch (error) {
    stdout.reader.destroy();
    stderr.reader.destroy();
    return {
      done: Promise.resolve({ kind: "setup_failed", message: messageOf(error) }),
      exited: () => true,
      terminate: () => undefined,
      kill: () => undefined,
    };
  } finally {
    closeSync(stdout.writeFd);
    closeSync(stderr.writeFd);
  }
}
