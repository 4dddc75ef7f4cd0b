/** Support for tests of this folder, of runtimes and of the sandbox: real attempts, with what they printed. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bundle, type Limits, Purpose, type Requirements } from "../../proto/gen/millrace/agent/v1/job.ts";
import { NOTHING_ASKED } from "../policy/policy.ts";
import { closeInheritedFds } from "../sandbox/inherited-fds.ts";
import { BLANK_PREFIX } from "../sandbox/job-dir.ts";
import { startAttempt } from "./attempt.ts";
import type { AttemptOutcome, RunningAttempt } from "./attempt-types.ts";
import { type AgentExecution, type ExecutionOptions, type OpenedExecution, openExecution } from "./execution.ts";

export interface ScriptOptions {
  readonly args?: string;
  readonly limits?: Partial<Limits>;
  readonly env?: Bundle["env"];
  readonly secrets?: Bundle["secrets"];
  readonly purpose?: Purpose;
  readonly lock?: string;
  readonly workspace?: string;
  readonly requirements?: Partial<Requirements>;
  readonly dedicated?: boolean;
  readonly folder?: Bundle["folder"];
  readonly unlockedRefusal?: string;
  readonly onOutput?: (stream: number, data: Buffer) => Promise<void> | undefined;
}

export interface StartedScript extends RunningAttempt {
  /** Everything printed so far, as bytes: 0 stdout, 1 stderr, 2 agent. */
  printed(stream: 0 | 1 | 2): Buffer;
  /** Resolves when stdout holds the text. Rejects when the attempt ends without it. */
  saw(text: string): Promise<void>;
  /** How often the start was reported. */
  starts(): number;
}

export interface FinishedScript extends AttemptOutcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly agentText: string;
}

/**
 * Opens an execution in a folder of its own; `dispose` removes it.
 * @param cacheFrom folder of another one: what was built there need not be built again
 */
export async function openTestExecution(
  options: Partial<ExecutionOptions> = {},
  cacheFrom?: string,
): Promise<OpenedExecution & { readonly dir: string; dispose(): void }> {
  // What the shell that started the tests left open would reach the scripts.
  closeInheritedFds();
  const dir = mkdtempSync(join(tmpdir(), "millrace-execution-"));
  // By second names of the same files: nobody writes into artifacts, and there are thousands.
  if (cacheFrom !== undefined) execFileSync("cp", ["--archive", "--link", join(cacheFrom, "cache"), dir]);
  const opened = await openExecution({ dir, sandbox: "required", firewall: "off", ...options });
  return {
    ...opened,
    dir,
    dispose: () => {
      opened.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function requirementsOf({ requirements, dedicated = false }: ScriptOptions): Requirements | undefined {
  return requirements === undefined && !dedicated ? undefined : { ...NOTHING_ASKED, dedicated, ...requirements };
}

export function bundleOf(language: string, code: string, options: ScriptOptions = {}): Bundle {
  const limits: Limits = { timeoutMs: 0, cancelGraceMs: 0, resultMaxBytes: 0, logMaxBytes: 0, softTimeoutMs: 0, ...options.limits };
  return {
    jobId: "01890000-0000-7000-8000-000000000001",
    token: "7",
    attempt: 1,
    workspace: options.workspace ?? "acme",
    scriptPath: "f/tests/script",
    language,
    codeHash: "",
    secrets: options.secrets ?? [],
    createdBy: "",
    code,
    argsJson: options.args ?? "{}",
    env: options.env ?? [],
    limits,
    tag: "default",
    purpose: options.purpose ?? Purpose.PURPOSE_UNSPECIFIED,
    lock: options.lock ?? "",
    requirements: requirementsOf(options),
    folder: options.folder,
  };
}

export function startScript(execution: AgentExecution, language: string, code: string, options: ScriptOptions = {}): StartedScript {
  const printed: Buffer[][] = [[], [], []];
  const waiting: { text: string; resolve: () => void }[] = [];
  let starts = 0;
  const attempt = startAttempt(execution, bundleOf(language, code, options), {
    ...(options.unlockedRefusal !== undefined && { unlockedRefusal: options.unlockedRefusal }),
    onStarted: () => {
      starts += 1;
    },
    onOutput: (stream, data) => {
      printed[stream]?.push(Buffer.from(data));
      const stdout = Buffer.concat(printed[0] ?? []).toString("utf8");
      for (const wait of waiting) if (stdout.includes(wait.text)) wait.resolve();
      return options.onOutput?.(stream, data);
    },
  });
  return {
    ...attempt,
    printed: (stream) => Buffer.concat(printed[stream] ?? []),
    starts: () => starts,
    saw: (text) =>
      new Promise((resolve, reject) => {
        waiting.push({ text, resolve });
        if (Buffer.concat(printed[0] ?? []).includes(text)) resolve();
        void attempt.done.then((outcome) => reject(new Error(`ended without printing ${text}: ${JSON.stringify(outcome)}`)));
      }),
  };
}

export async function runScript(execution: AgentExecution, language: string, code: string, options: ScriptOptions = {}): Promise<FinishedScript> {
  const script = startScript(execution, language, code, options);
  const outcome = await script.done;
  const text = (stream: 0 | 1 | 2): string => script.printed(stream).toString("utf8");
  return { ...outcome, stdout: text(0), stderr: text(1), agentText: text(2) };
}

/** Resolves when so many prepared places wait. The limit is that of the test. */
export async function untilPrepared(execution: AgentExecution, count: number): Promise<void> {
  while (execution.sandbox.stats().ready < count) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Resolves when so many of each interpreter wait. The limit is that of the test. */
export async function untilWarm(execution: AgentExecution, count: number): Promise<void> {
  while (Math.min(...execution.sandbox.stats().warmReady.values()) < count) await new Promise((resolve) => setTimeout(resolve, 2));
}

/**
 * Resolves after the timers that were set for folders of jobs that have ended by now: theirs are shorter. When the event loop is late, timers of one length come
 * together, those of another before or after them: hence a turn more.
 */
export function untilCleared(): Promise<void> {
  return new Promise((resolve) => setTimeout(() => setImmediate(resolve), 5));
}

/** The files of jobs, by folder, when those of jobs that have ended are gone. Folders that wait for a job have empty ones, which do not count. */
export async function filesOfJobs(execution: AgentExecution): Promise<string[]> {
  await untilCleared();
  const files = readdirSync(execution.jobsDir).flatMap((folder) => readdirSync(join(execution.jobsDir, folder)).map((name) => `${folder}/${name}`));
  return files.filter((file) => !(file.includes(`/${BLANK_PREFIX}`) && statSync(join(execution.jobsDir, file)).size === 0));
}

/** True while some process of this machine has exactly these arguments. */
export function isRunning(...argv: string[]): boolean {
  const wanted = `${argv.join("\0")}\0`;
  return readdirSync("/proc").some((name) => {
    if (!/^[0-9]+$/.test(name)) return false;
    try {
      return readFileSync(`/proc/${name}/cmdline`, "utf8") === wanted;
    } catch {
      return false;
    }
  });
}
