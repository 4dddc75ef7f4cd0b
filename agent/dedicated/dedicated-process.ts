/**
 * A sandboxed process that stays for one script of one workspace and runs one job at a time.
 *
 *   starting → idle ⇄ busy → ended
 *
 * Each job has pipes of its own, with names in the job folder that the process opens; when a job ends, all processes that it left are ended
 * before the next one begins (`python3/dedicated.py`, `typescript/dedicated.mjs`). So nothing of one job can reach another's log.
 * A process that ends by itself ends its job: with the job's own end if it had begun, as `setup_failed` otherwise.
 */
import type { DedicatedStart } from "../runtimes/runtime.ts";
import type { CgroupUsage } from "../sandbox/cgroup/cgroup.ts";
import type { NamedPipe, Place, Sandbox, SandboxIo, SandboxProcess, SandboxSpec } from "../sandbox/sandbox.ts";
import { type ChildExit, superviseStreams } from "../sandbox/supervise.ts";
import { ownNames, sharedEnv } from "./dedicated-key.ts";

const PIPES = ["out", "err", "record"] as const;
/** A line of the process says how a job ended: two numbers. */
const MAX_LINE = 4_096;
const TERM = "term\n";
/** The end of a job is told first: to make pipes takes the agent a while. */
const PIPES_AFTER_MS = 1;
const LOADED = "loaded";
/** Those of later jobs beyond that are masked in their own output only. */
const MAX_SECRETS = 1_000;

interface Job {
  readonly pipes: readonly NamedPipe[];
  readonly end: (exit: ChildExit) => void;
  /** What had been used when it came. */
  readonly before: CgroupUsage | undefined;
  /** What it has used itself, once it is over. */
  used: CgroupUsage | undefined;
}

export class DedicatedProcess {
  readonly key: string;
  /** Memory that the process said it had after its last job, bytes. It is the tenant's process: a hint, no limit. */
  bytes = 0;
  /** What its group may use, bytes; undefined before it has started, and where nothing limits it. */
  limitBytes: number | undefined;
  idleSinceMs: number;
  readonly madeAtMs: number;
  readonly #place: Place;
  readonly #start: DedicatedStart;
  #process: SandboxProcess | undefined;
  #pipes: Promise<NamedPipe[]> | undefined;
  #job: Job | undefined;
  #busy = false;
  #ended = false;
  #said = "";
  /** The script has been loaded: from then on jobs are forks. */
  #loaded = false;
  readonly #secrets = new Set<string>();

  /** Resolves when it is gone. */
  readonly gone: Promise<void>;
  readonly #gone = Promise.withResolvers<void>();

  constructor(sandbox: Sandbox, key: string, start: DedicatedStart, nowMs: number) {
    this.key = key;
    this.#start = start;
    this.#place = sandbox.place();
    this.idleSinceMs = nowMs;
    this.madeAtMs = nowMs;
    this.gone = this.#gone.promise;
  }

  get busy(): boolean {
    return this.#busy;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** What jobs before knew and a later one may print: where the script's state stays. */
  get secrets(): ReadonlySet<string> {
    return this.#secrets;
  }

  /** A job has known these. */
  remember(secrets: Iterable<string>): void {
    if (this.#start.forks) return;
    for (const secret of secrets) if (this.#secrets.size < MAX_SECRETS) this.#secrets.add(secret);
  }

  /** Whether places of this kind can have such a process. */
  get possible(): boolean {
    return this.#place.pipes !== undefined;
  }

  /**
   * Runs a job, on a process that is started with the first one. Only when it is neither busy nor ended.
   * @param job what the program is told of this one, see `DedicatedStart`
   */
  async run(spec: SandboxSpec, job: DedicatedStart["job"], io: SandboxIo): Promise<SandboxProcess> {
    this.#busy = true;
    try {
      this.#process ??= await this.#open(spec);
      const pipes = await (this.#pipes ?? this.#makePipes());
      this.#pipes = undefined;
      return this.#begin(this.#process, pipes, spec, job, io);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Ends it, with its job if it has one. Idempotent. */
  close(): void {
    this.#ended = true;
    if (this.#process === undefined) void this.#place.discard().then(() => this.#gone.resolve());
    else this.#process.kill();
  }

  async #open(spec: SandboxSpec): Promise<SandboxProcess> {
    const { files, argv } = this.#start;
    this.limitBytes = spec.limits?.memoryBytes;
    const nothing = (): undefined => undefined;
    const process = await this.#place.start(
      { ...spec, files, argv, env: sharedEnv(spec.env), onSaid: (data) => this.#hear(data) },
      { onBegun: nothing, onOutput: nothing },
    );
    void process.done.then(async (end) => {
      this.#ended = true;
      if (end.kind === "ended") this.#endJob({ code: end.code }, end.usage);
      else this.#endJob({ code: -1, error: end.message });
      for (const pipe of (await this.#pipes?.catch(() => [])) ?? []) {
        pipe.release();
        pipe.reader.destroy();
      }
      await this.#place.discard();
      this.#gone.resolve();
    });
    return process;
  }

  async #makePipes(): Promise<NamedPipe[]> {
    return (await this.#place.pipes?.(PIPES)) ?? [];
  }

  #begin(process: SandboxProcess, pipes: readonly NamedPipe[], spec: SandboxSpec, job: DedicatedStart["job"], io: SandboxIo): SandboxProcess {
    const [out, err, record] = pipes;
    if (out === undefined || err === undefined || record === undefined) throw new Error("three pipes were asked for");
    const exit = Promise.withResolvers<ChildExit>();
    const watched = superviseStreams({ stdout: out.reader, stderr: err.reader, record: record.reader, exit: exit.promise });
    const onBegun = (atUs: number): void => {
      // The process has opened them; from now on they end when it closes them.
      for (const pipe of pipes) pipe.release();
      io.onBegun(atUs);
    };
    watched.attach({ io: { onBegun, onOutput: (stream, data) => io.onOutput(stream, data) }, recordMaxBytes: spec.recordMaxBytes });
    const mine: Job = { pipes, end: exit.resolve, before: process.usage?.(), used: undefined };
    this.#job = mine;
    if (process.exited()) this.#endJob({ code: -1, error: "the dedicated process has ended" });
    const names = { out: PIPES[0], err: PIPES[1], record: PIPES[2] };
    process.say(`${JSON.stringify({ ...job, env: Object.fromEntries(spec.env), own: ownNames(spec.env), pipes: names })}\n`);
    const kill = (): void => (watched.exited() ? watched.cut() : process.kill());
    const terminate = (): void => {
      if (watched.exited()) return;
      if (!watched.begun()) process.kill();
      else if (this.#start.forks && this.#loaded) process.say(TERM);
      else process.terminate();
    };
    const done = watched.done.then((end) => (end.kind === "ended" && mine.used !== undefined ? { ...end, usage: mine.used } : end)).finally(() => this.#rest());
    return { done, exited: watched.exited, terminate, kill, say: () => undefined };
  }

  /** The next job finds its pipes made, unless it comes at once. */
  #rest(): void {
    this.#busy = false;
    this.idleSinceMs = performance.now();
    setTimeout(() => {
      if (this.#busy || this.#ended || this.#pipes !== undefined) return;
      this.#pipes = this.#makePipes();
      this.#pipes.catch(() => this.close());
    }, PIPES_AFTER_MS);
  }

  #endJob(exit: ChildExit, now?: CgroupUsage): void {
    const job = this.#job;
    this.#job = undefined;
    if (job === undefined) return;
    for (const pipe of job.pipes) pipe.release();
    job.used = between(job.before, now);
    job.end(exit);
  }

  #hear(data: Buffer): void {
    this.#said += data.toString("latin1");
    for (let end = this.#said.indexOf("\n"); end !== -1; end = this.#said.indexOf("\n")) {
      const line = this.#said.slice(0, end);
      this.#said = this.#said.slice(end + 1);
      if (line === LOADED) this.#loaded = true;
      else this.#hearEnd(line);
    }
    if (this.#said.length > MAX_LINE) this.close();
  }

  #hearEnd(line: string): void {
    const match = /^\{"code": ?(\d{1,3}), ?"bytes": ?(\d{1,15})\}$/.exec(line);
    // Who says anything else has been tampered with by its own script.
    if (match === null) {
      this.close();
      return;
    }
    this.bytes = Number(match[2]);
    const job = this.#job;
    this.#endJob({ code: Number(match[1]) & 0xff }, this.#process?.usage?.());
    // All that is in the group is about to be killed, and the next job would go with it.
    if ((job?.used?.oomKills ?? 0) > 0) this.close();
  }
}

/** What one job has used. Its peak of memory is not known: the kernel counts that for all jobs of the process together. */
function between(before: CgroupUsage | undefined, now: CgroupUsage | undefined): CgroupUsage | undefined {
  if (before === undefined || now === undefined) return undefined;
  const cpuMs = before.cpuMs === undefined || now.cpuMs === undefined ? undefined : now.cpuMs - before.cpuMs;
  return { peakMemoryBytes: undefined, cpuMs, oomKills: now.oomKills - before.oomKills };
}
