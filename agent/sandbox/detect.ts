import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../kernel/app-error.ts";
import { createBubblewrap } from "./bubblewrap.ts";
import { type CgroupDriver, type Control, noCgroups } from "./cgroup/cgroup.ts";
import { openCgroups } from "./cgroup/open.ts";
import { FifoPool } from "./fifo-pool.ts";
import { createJobUids } from "./job-uids.ts";
import { type Layer, levelOf, reasonsOf, type SandboxLevel } from "./layers.ts";
import { type Firewall, noFirewall, openFirewall } from "./network/firewall.ts";
import type { Sandbox } from "./sandbox.ts";
import { seccompFilterOfThisMachine } from "./seccomp.ts";
import { readSystemTree } from "./system-tree.ts";
import { isolationTrial, memoryTrial } from "./trials.ts";
import { createUnsandboxed } from "./unsandboxed.ts";

export interface DetectedSandbox {
  /** Undefined when jobs must be refused: bwrap is missing or does not hold, and the operator did not ask to go without. */
  readonly sandbox: Sandbox | undefined;
  readonly level: SandboxLevel;
  /** What is missing and why, for Hello and for people. */
  readonly reasons: readonly string[];
  readonly layers: readonly Layer[];
  readonly cgroups: CgroupDriver;
  readonly firewall: Firewall;
  /** Tries all layers again. */
  recheck(): Promise<readonly Layer[]>;
  /** Removes control groups and network rules. Jobs that run are not touched. */
  close(): void;
}

export interface DetectOptions {
  /** `required`: bubblewrap or nothing. `off`: the operator asked to run without. Nothing is ever downgraded silently. */
  readonly mode: "required" | "off";
  /** Folder that job users can reach, see `makeReachableDir`. */
  readonly stateDir: string;
  /** Folder for job folders, ready for use: see `sweepJobsDir`. */
  readonly jobsDir: string;
  readonly bwrapPath?: string;
  /** `off`: the rules of the host's network are not touched, and scripts with an allow list are refused. Default on. */
  readonly firewall?: "on" | "off";
  /** Whether scripts with the whole network are kept from the addresses at which clouds give out credentials. Default true. */
  readonly blockMetadata?: boolean;
  /** `off`: no control groups even where they could be had. Default on. */
  readonly cgroups?: "on" | "off";
  /** Memory that all jobs together may use, bytes; default as much as there is. */
  readonly memoryBytes?: number;
}

const DEFAULT_BWRAP = "/usr/bin/bwrap";
const NO_BWRAP_FIX = "install bubblewrap";

/** Finds out by trying: runs throw-away sandboxes and checks from inside that they hold. */
export async function detectSandbox(options: DetectOptions): Promise<DetectedSandbox> {
  const pipes = new FifoPool(join(options.stateDir, "pipes"));
  if (options.mode === "off") {
    const detail = "switched off by the operator: scripts can read what the agent can";
    return without(createUnsandboxed({ pipes, jobsDir: options.jobsDir }), { ...ISOLATION, ok: false, detail, fix: "set MILLRACE_AGENT_SANDBOX=on" });
  }
  const bwrapPath = options.bwrapPath ?? DEFAULT_BWRAP;
  if (!existsSync(bwrapPath)) return without(undefined, bwrapLayer(bwrapPath));
  const cgroups = options.cgroups === "off" ? noCgroups(["switched off"]) : await openCgroups(options.stateDir, options.memoryBytes);
  const firewall = await firewallOf(options);
  const close = (): void => {
    cgroups.close();
    firewall.close();
  };
  try {
    const uids = createJobUids();
    const system = readSystemTree(options.stateDir);
    const seccompPath = writeFilter(options.stateDir);
    const sandbox = createBubblewrap({ bwrapPath, system, seccompPath, uids, pipes, jobsDir: options.jobsDir, cgroups, firewall });
    const recheck = (): Promise<Layer[]> => tryLayers({ bwrapPath, sandbox, cgroups, firewall, separateUsers: uids.separate });
    const layers = await recheck();
    const level = levelOf(layers);
    if (level === 0) close();
    return { sandbox: level === 0 ? undefined : sandbox, level, reasons: reasonsOf(layers), layers, cgroups, firewall, recheck, close };
  } catch (error) {
    close();
    return without(undefined, { ...ISOLATION, ok: false, detail: messageOf(error), fix: "see the message" });
  }
}

function without(sandbox: Sandbox | undefined, layer: Layer): DetectedSandbox {
  const layers = [layer];
  const [cgroups, firewall] = [noCgroups([layer.detail]), noFirewall(layer.detail)];
  const recheck = (): Promise<Layer[]> => Promise.resolve(layers);
  return { sandbox, level: 0, reasons: [layer.detail], layers, cgroups, firewall, recheck, close: () => undefined };
}

async function firewallOf(options: DetectOptions): Promise<Firewall> {
  if (options.firewall === "off") return noFirewall("the agent was told to leave the network's rules alone");
  return await openFirewall({ stateDir: options.stateDir, blockMetadata: options.blockMetadata ?? true });
}

interface Parts {
  readonly bwrapPath: string;
  readonly sandbox: Sandbox;
  readonly cgroups: CgroupDriver;
  readonly firewall: Firewall;
  readonly separateUsers: boolean;
}

const ISOLATION = { name: "isolation", level: 1 } as const;

async function tryLayers(parts: Parts): Promise<Layer[]> {
  const faults = existsSync(parts.bwrapPath) ? await isolationTrial(parts.sandbox) : [`${parts.bwrapPath} is missing`];
  const holds = faults.length === 0;
  const isolation: Layer = {
    ...ISOLATION,
    ok: holds,
    detail: holds ? "namespaces, no capabilities, system calls filtered, read-only system: a trial sandbox holds" : faults.join("; "),
    fix: holds ? "" : "allow user namespaces to this user (sysctl, AppArmor, the container's seccomp profile)",
  };
  const { separateUsers, cgroups, firewall } = parts;
  const users: Layer = {
    name: "user per job",
    level: 2,
    ok: separateUsers,
    detail: separateUsers ? "each job has a user of its own" : "the agent is not root: all jobs run under its own user, kept apart by namespaces only",
    fix: separateUsers ? "" : "start the agent as root",
  };
  // Without isolation there is nothing that could be tried.
  const memory = holds ? await memoryTrial(parts.sandbox, cgroups) : "not tried";
  const rules: Layer = {
    name: "network rules",
    level: undefined,
    ok: firewall.missing === undefined,
    detail: firewall.missing ?? "nftables can limit what a script reaches",
    fix: firewall.missing === undefined ? "" : "install nftables and give the agent CAP_NET_ADMIN",
  };
  return [
    bwrapLayer(parts.bwrapPath),
    isolation,
    users,
    limitLayer("memory limit", memory, cgroups),
    limitLayer("process limit", missing(cgroups, "pids"), cgroups),
    limitLayer("processor limit", missing(cgroups, "cpu"), cgroups),
    rules,
  ];
}

function bwrapLayer(path: string): Layer {
  const ok = existsSync(path);
  return { name: "bubblewrap", level: 1, ok, detail: ok ? path : `${path} is missing; ${NO_BWRAP_FIX}`, fix: ok ? "" : NO_BWRAP_FIX };
}

function missing(cgroups: CgroupDriver, control: Control): string | undefined {
  if (cgroups.controls.has(control)) return undefined;
  return cgroups.reasons.find((reason) => reason.includes(control)) ?? cgroups.reasons.join("; ");
}

function limitLayer(name: Layer["name"], trouble: string | undefined, cgroups: CgroupDriver): Layer {
  const ok = trouble === undefined;
  const fix = "give the agent a control group of its own: Delegate=yes in its systemd unit, or a writable /sys/fs/cgroup in its container";
  return { name, level: 3, ok, detail: ok ? `control groups, ${cgroups.kind === "v2" ? "version 2" : "version 1"}` : trouble, fix: ok ? "" : fix };
}

function writeFilter(stateDir: string): string {
  const path = join(stateDir, "seccomp.bpf");
  writeFileSync(path, seccompFilterOfThisMachine());
  chmodSync(path, 0o644);
  return path;
}
