import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../kernel/app-error.ts";
import { createBubblewrap } from "./bubblewrap.ts";
import { FifoPool } from "./fifo-pool.ts";
import { createJobUids } from "./job-uids.ts";
import { probe } from "./probe.ts";
import type { Sandbox } from "./sandbox.ts";
import { seccompFilterOfThisMachine } from "./seccomp.ts";
import { readSystemTree } from "./system-tree.ts";
import { createUnsandboxed } from "./unsandboxed.ts";

/** 0 nothing · 1 namespaces, all jobs under the agent's user · 2 namespaces, a user per job · 3 also hard limits by cgroups (not built yet). */
export type SandboxLevel = 0 | 1 | 2 | 3;

export interface DetectedSandbox {
  /** Undefined when jobs must be refused: bwrap is missing or does not hold, and the operator did not ask to go without. */
  readonly sandbox: Sandbox | undefined;
  readonly level: SandboxLevel;
  /** What is missing and why, for Hello and for people. */
  readonly reasons: readonly string[];
}

export interface DetectOptions {
  /** `required`: bubblewrap or nothing. `off`: the operator asked to run without. Nothing is ever downgraded silently. */
  readonly mode: "required" | "off";
  /** Folder that job users can reach, see `makeReachableDir`. */
  readonly stateDir: string;
  /** Folder for job folders, ready for use: see `sweepJobsDir`. */
  readonly jobsDir: string;
  readonly bwrapPath?: string;
}

const DEFAULT_BWRAP = "/usr/bin/bwrap";
const NO_CGROUP = "no cgroup limits: memory and processor use of a job are not bounded";

/** Finds out by trying: runs a throw-away sandbox and checks from inside that it holds. */
export async function detectSandbox(options: DetectOptions): Promise<DetectedSandbox> {
  const pipes = new FifoPool(join(options.stateDir, "pipes"));
  if (options.mode === "off") {
    return {
      sandbox: createUnsandboxed({ pipes, jobsDir: options.jobsDir }),
      level: 0,
      reasons: ["switched off by the operator: scripts can read what the agent can"],
    };
  }
  const bwrapPath = options.bwrapPath ?? DEFAULT_BWRAP;
  if (!existsSync(bwrapPath)) return refused(`${bwrapPath} is missing; install bubblewrap`);
  try {
    const uids = createJobUids();
    const system = readSystemTree(options.stateDir);
    const sandbox = createBubblewrap({ bwrapPath, system, seccompPath: writeFilter(options.stateDir), uids, pipes, jobsDir: options.jobsDir });
    const faults = await selfTest(sandbox);
    if (faults.length > 0) return { sandbox: undefined, level: 0, reasons: faults };
    if (uids.separate) return { sandbox, level: 2, reasons: [NO_CGROUP] };
    return { sandbox, level: 1, reasons: [NO_CGROUP, "the agent is not root: all jobs run under its own user, kept apart by namespaces only"] };
  } catch (error) {
    return refused(messageOf(error));
  }
}

function refused(reason: string): DetectedSandbox {
  return { sandbox: undefined, level: 0, reasons: [reason] };
}

function writeFilter(stateDir: string): string {
  const path = join(stateDir, "seccomp.bpf");
  writeFileSync(path, seccompFilterOfThisMachine());
  chmodSync(path, 0o644);
  return path;
}

/** Shell built-ins only, so that it says the same on every host. `-w` asks the kernel and writes nothing. */
const SELF_TEST = [
  "while read -r key value rest; do",
  '  case "$key" in NoNewPrivs:|Seccomp:|CapEff:) echo "$key$value";; esac',
  "done < /proc/self/status",
  "[ -w /proc/sys/kernel/core_pattern ] && echo writable:core_pattern",
  "[ -w / ] && echo writable:/",
  "[ -w /dev ] && echo writable:/dev",
  "[ -r /etc/shadow ] && echo readable:shadow",
  "count=0; while read -r line; do count=$((count + 1)); done < /proc/net/dev; echo net:$count",
  "echo pid:$PPID",
].join("\n");

const EXPECTED = ["CapEff:0000000000000000", "NoNewPrivs:1", "Seccomp:2", "pid:1"];
/** Two heading lines and the loopback device. */
const ISOLATED_NET = "net:3";

async function selfTest(sandbox: Sandbox): Promise<string[]> {
  const { end, stdout, stderr } = await probe(sandbox, ["/bin/sh", "-c", SELF_TEST]);
  if (end.kind === "setup_failed") return [`a trial sandbox could not be made: ${end.message}`];
  if (end.code !== 0) return [`a trial sandbox ended with code ${end.code}: ${stderr.slice(0, 200)}`];
  const lines = new Set(stdout.split("\n"));
  const faults = [...EXPECTED, ISOLATED_NET].filter((line) => !lines.has(line)).map((line) => `the trial sandbox did not show ${line}`);
  for (const line of lines) if (/^(?:writable|readable):/.test(line)) faults.push(`inside the trial sandbox: ${line}`);
  return faults;
}
