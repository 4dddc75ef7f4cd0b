import { readFileSync } from "node:fs";
import type { Logger } from "pino";
import { NOOP_LANGUAGE } from "../kernel/languages.ts";
import type { RuntimeInfo, SandboxInfo } from "../proto/gen/millrace/agent/v1/session.ts";
import type { ApiAccess } from "./api-door/api-door.ts";
import type { AgentConfig } from "./config.ts";
import type { DataFolder } from "./journal/data-folder.ts";
import { type HostRoom, openHostRoom } from "./packing/host-room.ts";
import { startAttempt } from "./runner/attempt.ts";
import { openExecution } from "./runner/execution.ts";
import { usualMemoryBytes } from "./runner/terms.ts";
import { sweepLeftOvers } from "./sandbox/job-dir.ts";
import { probe } from "./sandbox/probe.ts";
import type { StartAttempt } from "./session/attempts.ts";
import type { SharedFolders } from "./shared/shared-folders.ts";

/** What runs attempts on this host, and what it can do. */
export interface Executor {
  readonly startAttempt: StartAttempt;
  readonly runtimes: readonly RuntimeInfo[];
  readonly sandbox: SandboxInfo;
  /** What there is for jobs. Absent where nothing keeps them to it: then they are not packed. */
  readonly host?: HostRoom | undefined;
  /** How jobs reach the API from now on. */
  useApi?(access: ApiAccess): void;
  /** Folders that steps of flows share. */
  readonly folders?: Pick<SharedFolders, "refs" | "release">;
  /** Prepared sandboxes that wait for a job. */
  sandboxesReady?(): number;
  /** Memory of a job that asks for none; absent or 0 where it cannot be limited. */
  readonly usualMemoryBytes?: number;
  /** Makes a sandbox for nothing. Resolves with what is wrong, or undefined. */
  probe?(): Promise<string | undefined>;
  /** Removes what ended jobs have left behind, if anything. Resolves with how much that was. */
  sweep?(): Promise<number>;
  /** Called after the last attempt has ended. */
  close?(): void;
}

/** Runtimes of this host, in its sandbox. Rejects with `failed_precondition` when no sandbox can be made and none was asked for. */
export async function openRealExecutor(config: AgentConfig, folder: DataFolder, log: Logger): Promise<Executor> {
  const opened = await openExecution({
    dir: folder.execDir,
    sandbox: config.sandbox ? "required" : "off",
    network: config.network,
    prepared: config.prepared,
    cacheMaxBytes: config.cacheMb * 1024 * 1024,
    sharedMaxBytes: config.sharedMb * 1024 * 1024,
    buildEnv: config.buildEnv,
    warmMb: config.warmMb,
    dedicated: config.dedicated,
    memoryBytes: config.memoryBytes,
    ...(config.languages.length > 0 && { languages: config.languages }),
    noop: config.extraRuntimes.includes(NOOP_LANGUAGE),
    limits: { memoryBytes: config.jobMemoryBytes, cpuMillis: config.jobCpuMillis },
    blockMetadata: config.blockMetadata,
    ...(config.caFile !== "" && { apiCa: readFileSync(config.caFile, "utf8") }),
    onLevel: (level, reasons) => {
      sandbox = { level, reasons: [...reasons] };
      const isLess = level < opened.sandboxLevel;
      log[isLess ? "error" : "info"](
        { event: "agent.sandbox_level", level, reasons },
        isLess ? "the sandbox is not what it was: jobs that ask for more are refused" : "the sandbox is as it was",
      );
    },
  });
  let sandbox: SandboxInfo = { level: opened.sandboxLevel, reasons: [...opened.sandboxReasons] };
  const { totalMemoryBytes, kind } = opened.execution.enclosure.cgroups;
  // Version 2 of control groups has no such thing.
  const room = { totalMemoryBytes, waitsAtLimit: kind === "v1", heldBytes: () => opened.heldBytes(), shed: () => opened.shed() };
  return {
    host: totalMemoryBytes > 0 && config.packs ? openHostRoom(room) : undefined,
    startAttempt: (bundle, io) => startAttempt(opened.execution, bundle, io),
    runtimes: opened.execution.runtimes.list(),
    // Told with every Hello.
    get sandbox() {
      return sandbox;
    },
    folders: opened.execution.folders,
    useApi: (access) => opened.execution.door.use(access),
    sandboxesReady: () => opened.execution.sandbox.stats().ready,
    usualMemoryBytes: usualMemoryBytes(opened.execution),
    probe: async () => {
      // What an hourly trial has found may have been a moment's trouble: jobs are not to wait for the next hour.
      if (!opened.takesScripts() && (await opened.recheck()) === 0) return "the sandbox does not hold any more";
      const { end } = await probe(opened.execution.sandbox, ["/bin/true"]);
      if (end.kind === "setup_failed") return end.message;
      return end.code === 0 ? undefined : `a trial ended with ${end.code}`;
    },
    sweep: async () => (await sweepLeftOvers(opened.execution.jobsDir)) + (await opened.execution.folders.sweep()),
    close: () => opened.close(),
  };
}
