/** Support for tests of this folder: sessions of a real workshop, in a real sandbox. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { detectSandbox } from "../sandbox/detect.ts";
import { closeInheritedFds } from "../sandbox/inherited-fds.ts";
import { sweepJobsDir } from "../sandbox/job-dir.ts";
import { makeReachableDir } from "../sandbox/reachable.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { LocalWorkshop, type WorkshopOptions, type WorkshopSession } from "./local-workshop.ts";
import type { ArtifactSpec, BuildStep } from "./workshop.ts";

export interface TestWorkshop {
  readonly workshop: LocalWorkshop;
  /** Memory of builds can be limited here. */
  readonly limitsMemory: boolean;
  readonly sandbox: Sandbox;
  readonly dir: string;
  /** Another workshop on the same folder, as after a restart. */
  reopen(options?: Partial<WorkshopOptions>): Promise<LocalWorkshop>;
  dispose(): void;
}

export async function openTestWorkshop(mode: "required" | "off", options: Partial<WorkshopOptions> = {}): Promise<TestWorkshop> {
  closeInheritedFds();
  const dir = makeReachableDir(mkdtempSync(join(tmpdir(), "millrace-workshop-")));
  const jobsDir = join(dir, "jobs");
  await sweepJobsDir(jobsDir);
  const { sandbox, reasons, cgroups } = await detectSandbox({ mode, stateDir: dir, jobsDir });
  if (sandbox === undefined) throw new Error(`no sandbox: ${reasons.join("; ")}`);
  const reopen = (changed: Partial<WorkshopOptions> = {}): Promise<LocalWorkshop> =>
    LocalWorkshop.open({ dir, sandbox, cacheMaxBytes: 1024 ** 3, buildEnv: new Map(), mayRunCodeOnline: false, ...options, ...changed });
  const dispose = (): void => {
    sandbox.close();
    rmSync(dir, { recursive: true, force: true });
  };
  return { workshop: await reopen(), limitsMemory: cgroups.controls.has("memory"), sandbox, dir, reopen, dispose };
}

export interface TestSession extends WorkshopSession {
  /** What came into the log. */
  log(): string;
  abort(): void;
  /** Resolves when the log holds the text. */
  saw(text: string): Promise<void>;
}

export function openSession(workshop: LocalWorkshop, workspace = "acme"): TestSession {
  const abort = new AbortController();
  let log = "";
  const waiting: { text: string; resolve: () => void }[] = [];
  const say = (data: Buffer): undefined => {
    log += data.toString("utf8");
    for (const wait of waiting) if (log.includes(wait.text)) wait.resolve();
  };
  const saw = (text: string): Promise<void> =>
    new Promise((resolve) => {
      waiting.push({ text, resolve });
      if (log.includes(text)) resolve();
    });
  return { ...workshop.session({ workspace, signal: abort.signal, say }), log: () => log, abort: () => abort.abort(), saw };
}

export function shellStep(script: string, changed: Partial<BuildStep> = {}): BuildStep {
  const files = [{ name: "build.sh", content: script }];
  return { files, argv: ["/bin/sh", "/job/build.sh"], env: new Map([["OUT", "/out"]]), mounts: [], network: false, timeoutMs: 30_000, ...changed };
}

export function shellSpec(script: string, changed: Partial<BuildStep> = {}): ArtifactSpec {
  return { abi: "shell-1", inputs: [script], build: shellStep(script, changed) };
}
