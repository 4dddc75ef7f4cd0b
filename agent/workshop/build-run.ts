import { AppError } from "../../kernel/app-error.ts";
import { formatBytes } from "../../kernel/size.ts";
import type { GroupMemory } from "../sandbox/cgroup/cgroup.ts";
import { DiskGuard } from "../sandbox/disk-guard.ts";
import type { Place, ReadOnlyMount, Rlimits, Sandbox, SandboxSpec, WritableMount } from "../sandbox/sandbox.ts";
import { networkSurroundings } from "./build-env.ts";
import { InsideView } from "./inside-view.ts";
import type { Waiter } from "./shared-runs.ts";
import { BUILD_OUT, BUILD_TMP, type BuildStep } from "./workshop.ts";

/** Builds may do more than jobs: unpack large archives, run a compiler with many threads. */
const BUILD_RLIMITS: Rlimits = { openFiles: 8_192, fileBytes: 4 * 1024 * 1024 * 1024, processes: 1_024 };
/** Not used: a folder on disk covers it. */
const TMP_BYTES = 1024 * 1024;
const TAIL_BYTES = 4 * 1024;
/** Of one build, in the logs of jobs. */
const LOG_MAX_BYTES = 1024 * 1024;
/** As `timeout` of coreutils reports it. */
const TIMED_OUT = 124;
const OVERFLOWED = 125;
/** As a shell reports what was killed. */
const OUT_OF_MEMORY = 137;

export interface BuildFolders {
  /** Holds the other two. */
  readonly staging: string;
  readonly out: string;
  readonly tmp: string;
}

export interface BuildOutcome {
  readonly code: number;
  /** At most `stdoutMaxBytes`; empty when that is 0. */
  readonly stdout: string;
  /** The end of what was said: of both streams, or of stderr alone where stdout is kept. */
  readonly tail: string;
}

export interface BuildOptions {
  readonly sandbox: Sandbox;
  readonly buildEnv: ReadonlyMap<string, string>;
  readonly folders: BuildFolders;
  /** 0: stdout is part of the log. */
  readonly stdoutMaxBytes: number;
  /** Of everything that the build writes, the temporary files included. */
  readonly maxBytes: number;
  readonly maxEntries: number;
  /** Memory of the build with all it has; 0: only what all jobs together may use. */
  readonly memoryBytes: number;
  /** Where its memory can be seen while it runs. */
  readonly running: Set<GroupMemory>;
}

/**
 * Runs one step to its end. What goes wrong inside is an outcome.
 * Rejects with `internal` when no sandbox could be made, and with `cancelled` when nobody waits any more.
 */
export async function runBuild(options: BuildOptions, step: BuildStep, shared: Waiter): Promise<BuildOutcome> {
  const place = options.sandbox.place();
  const { spec, view } = specOf(options, step, place);
  const said = new Said(options.stdoutMaxBytes, view, shared);
  const ending = new AbortController();
  let stopped: { code: number; message: string } | undefined;
  const stop = (code: number, message: string): void => {
    stopped ??= { code, message };
    ending.abort();
  };
  const timer = setTimeout(() => stop(TIMED_OUT, `the build took longer than ${Math.round(step.timeoutMs / 1_000)} s`), step.timeoutMs);
  const { folders, maxBytes, maxEntries } = options;
  const disk = new DiskGuard({ folder: folders.staging, maxBytes, maxEntries, writer: "the build" }, (message) => stop(1, message));
  const onAbort = (): void => ending.abort();
  let memory: GroupMemory | undefined;
  shared.signal.addEventListener("abort", onAbort);
  try {
    const started = await place.start(spec, {
      onBegun: () => undefined,
      onOutput: (stream, data) => {
        const wait = said.push(stream, data);
        if (said.overflowed) stop(OVERFLOWED, "the command printed too much");
        return wait;
      },
    });
    memory = started.memory;
    if (memory !== undefined) options.running.add(memory);
    const kill = (): void => started.kill();
    ending.signal.addEventListener("abort", kill);
    if (ending.signal.aborted || shared.signal.aborted) kill();
    const end = await started.done;
    if (shared.signal.aborted) throw new AppError("cancelled", "nobody waits for this build any more");
    if (end.kind === "setup_failed") throw new AppError("internal", `a build could not be sandboxed: ${end.message}`);
    if ((end.usage?.oomKills ?? 0) > 0) stop(OUT_OF_MEMORY, `the build needed more memory than it may have${limitIn(options.memoryBytes)}`);
    if (stopped === undefined) return said.outcome(end.code);
    await said.push(1, Buffer.from(`millrace: ${stopped.message}\n`));
    return said.outcome(stopped.code);
  } finally {
    if (memory !== undefined) options.running.delete(memory);
    clearTimeout(timer);
    disk.close();
    shared.signal.removeEventListener("abort", onAbort);
    await place.discard();
  }
}

function limitIn(bytes: number): string {
  return bytes === 0 ? "" : ` (${formatBytes(bytes)})`;
}

function specOf(options: BuildOptions, step: BuildStep, place: Place): { spec: SandboxSpec; view: InsideView } {
  const { sandbox, folders, memoryBytes } = options;
  const isolated = sandbox.kind === "bubblewrap";
  const surroundings = step.network ? networkSurroundings(options.buildEnv, (mount) => sandbox.mountPath(mount)) : undefined;
  const mounts: readonly ReadOnlyMount[] = [...step.mounts, ...(surroundings?.mounts ?? [])];
  const view = new InsideView(isolated ? undefined : { job: place.paths.job, out: folders.out, tmp: place.paths.tmp }, mounts);
  const writable: readonly WritableMount[] = [
    { source: folders.out, target: BUILD_OUT },
    { source: folders.tmp, target: BUILD_TMP },
  ];
  const env = new Map<string, string>([
    ["PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    ["LANG", "C.UTF-8"],
    ["TZ", "UTC"],
    ["HOME", place.paths.tmp],
    ["TMPDIR", place.paths.tmp],
    ...(surroundings?.env ?? []),
  ]);
  for (const [name, value] of step.env) env.set(name, view.toHost(value));
  const spec = {
    files: step.files,
    argv: step.argv.map((argument) => view.toHost(argument)),
    env,
    mounts,
    writable,
    network: step.network || !isolated ? ("full" as const) : ("none" as const),
    tmpBytes: TMP_BYTES,
    rlimits: BUILD_RLIMITS,
    ...(memoryBytes === 0 ? {} : { limits: { memoryBytes } }),
    recordMaxBytes: 0,
  };
  return { spec, view };
}

/** What a build has said: for the log, for the failure, and what was asked for. */
class Said {
  readonly #stdoutMaxBytes: number;
  readonly #view: InsideView;
  readonly #shared: Waiter;
  readonly #stdout: Buffer[] = [];
  #stdoutBytes = 0;
  #tail = Buffer.alloc(0);
  #logged = 0;

  constructor(stdoutMaxBytes: number, view: InsideView, shared: Waiter) {
    this.#stdoutMaxBytes = stdoutMaxBytes;
    this.#view = view;
    this.#shared = shared;
  }

  get overflowed(): boolean {
    return this.#stdoutMaxBytes > 0 && this.#stdoutBytes > this.#stdoutMaxBytes;
  }

  push(stream: number, data: Buffer): Promise<void> | undefined {
    if (stream === 0 && this.#stdoutMaxBytes > 0) {
      this.#stdoutBytes += data.length;
      if (!this.overflowed) this.#stdout.push(data);
      return undefined;
    }
    const shown = this.#view.toInside(data);
    this.#tail = Buffer.concat([this.#tail, shown]).subarray(-TAIL_BYTES);
    return this.#log(shown);
  }

  outcome(code: number): BuildOutcome {
    // A character that the cut went through is left out.
    const from = this.#tail.length < TAIL_BYTES ? 0 : this.#tail.findIndex((byte) => (byte & 0xc0) !== 0x80);
    const tail = this.#tail.subarray(Math.max(0, from)).toString("utf8");
    return { code, stdout: this.#view.toInside(Buffer.concat(this.#stdout)).toString("utf8"), tail };
  }

  #log(data: Buffer): Promise<void> | undefined {
    if (this.#logged > LOG_MAX_BYTES) return undefined;
    this.#logged += data.length;
    if (this.#logged <= LOG_MAX_BYTES) return this.#shared.say(data);
    return this.#shared.say(Buffer.from("\nmillrace: the build says more than is kept in the log\n"));
  }
}
