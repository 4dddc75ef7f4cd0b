/**
 * One attempt from bundle to outcome.
 *
 *   preparing → running → (stopping) → done
 *
 * Invariants: `done` resolves exactly once and never rejects. A stop (timeout, cancel, fence) that comes before the process
 * has ended decides the exit reason; the first one counts, except that a fence overrides the others. A soft timeout is a stop with
 * the grace of a cancel, and the hard timeout behind it kills. A place (job user, job folder) is given back at `done` or right after it, so that
 * the end is told first, and only after the process tree is gone.
 */
import { AppError, messageOf } from "../../kernel/app-error.ts";
import { errorResult, exitOf } from "../../kernel/exit.ts";
import { asJobId, asToken } from "../../kernel/ids.ts";
import { type Bundle, Purpose } from "../../proto/gen/millrace/agent/v1/job.ts";
import { SecretMask } from "../masking/secret-mask.ts";
import { limitHints } from "../runtimes/memory-hints.ts";
import type { InProcessRuntime, Launch, ProcessRuntime, Runtime } from "../runtimes/runtime.ts";
import { DiskGuard } from "../sandbox/disk-guard.ts";
import type { Place, SandboxEnd, SandboxIo, SandboxProcess, SandboxSpec } from "../sandbox/sandbox.ts";
import type { WorkshopSession } from "../workshop/local-workshop.ts";
import { type AttemptIo, type AttemptOutcome, OUTPUT_STREAMS, type OutputStream, type RunningAttempt } from "./attempt-types.ts";
import type { AgentExecution } from "./execution.ts";
import { type JobApi, jobEnv } from "./job-env.ts";
import { LastLine } from "./last-line.ts";
import { judgeEnd, judgeFolderLost, judgeForbidden, judgeOutOfMemory, judgeResult, judgeSetupFailure, judgeStop, type Stop, type Verdict } from "./outcome.ts";
import { parseRecord } from "./record.ts";
import { type Terms, termsOf } from "./terms.ts";

/** setTimeout's longest: 24.8 days. */
const LONGEST_MS = 2 ** 31 - 1;
const STDERR_TAIL_BYTES = 4 * 1024;
/** A record is a kind byte and the result; error records need room even when results may be tiny. */
const MIN_RECORD_BYTES = 128 * 1024;

/** Starts an attempt at once. Everything that can go wrong comes out as an exit reason. */
export function startAttempt(execution: AgentExecution, bundle: Bundle, io: AttemptIo): RunningAttempt {
  const attempt = new Attempt(execution, bundle, io);
  return {
    done: attempt.run(),
    cancel: (reason) => attempt.stop({ kind: "cancelled", message: reason === "" ? "the job was cancelled" : reason }),
    fence: (reason) => attempt.stop({ kind: "fenced", message: reason === "" ? "the attempt is no longer valid" : reason }),
  };
}

/** Microseconds since the epoch. */
function nowUs(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1_000);
}

/** What the workshop may not fetch for this job is the policy's affair; anything else is a failure of ours. */
function judgeThrown(error: unknown): Verdict {
  return error instanceof AppError && error.code === "permission_denied" ? judgeForbidden(error.message) : judgeSetupFailure(messageOf(error));
}

interface Ready {
  readonly place: Place;
  readonly launch: Launch;
  readonly workshop: WorkshopSession;
  /** The folder that the steps of its flow share. */
  readonly shared: string | undefined;
}

class Attempt {
  readonly #execution: AgentExecution;
  readonly #bundle: Bundle;
  readonly #io: AttemptIo;
  readonly #abort = new AbortController();
  #stop: Stop | undefined;
  #process: SandboxProcess | undefined;
  /** The process has ended: a stop comes too late. */
  #over = false;
  #startedAtUs = 0;
  #apiToken = "";
  #killTimer: NodeJS.Timeout | undefined;
  #stderrTail = Buffer.alloc(0);
  readonly #mask = new SecretMask();
  readonly #resultMaxBytes: number;
  #used: Pick<AttemptOutcome, "peakMemoryBytes" | "cpuMs"> = {};

  constructor(execution: AgentExecution, bundle: Bundle, io: AttemptIo) {
    this.#execution = execution;
    this.#bundle = bundle;
    this.#io = io;
    this.#resultMaxBytes = bundle.limits?.resultMaxBytes || execution.limits.resultMaxBytes;
    this.#mask.add(bundle.secrets);
  }

  async run(): Promise<AttemptOutcome> {
    const timeoutMs = Math.min(this.#bundle.limits?.timeoutMs || this.#execution.limits.timeoutMs, LONGEST_MS);
    const timer = setTimeout(() => this.#timeout({ kind: "timeout", message: `the script ran longer than ${timeoutMs / 1_000} s` }), timeoutMs);
    const softMs = this.#bundle.limits?.softTimeoutMs ?? 0;
    // One that is not shorter than the timeout itself changes nothing.
    const soft =
      softMs === 0 || softMs >= timeoutMs
        ? undefined
        : setTimeout(() => this.stop({ kind: "timeout", soft: true, message: `the script ran longer than its soft timeout of ${softMs / 1_000} s` }), softMs);
    let verdict: Verdict;
    try {
      verdict = await this.#verdict();
    } catch (error) {
      // A build that was ended because of the stop rejects too.
      verdict = this.#stop === undefined ? judgeThrown(error) : judgeStop(this.#stop);
    }
    clearTimeout(timer);
    clearTimeout(soft);
    clearTimeout(this.#killTimer);
    for (const stream of OUTPUT_STREAMS) void this.#passOn(stream, this.#mask.end(stream));
    return { ...this.#masked(verdict), startedAtUs: this.#startedAtUs, finishedAtUs: nowUs(), ...this.#used };
  }

  stop(stop: Stop): void {
    if (this.#over || this.#stop?.kind === "fenced") return;
    // Its output may still be read, but the script has come to its end: that end counts. A process that ended before its script began may have a successor.
    const isTooLate = this.#startedAtUs > 0 && this.#process?.exited() === true;
    if (stop.kind !== "fenced" && (this.#stop !== undefined || isTooLate)) return;
    this.#stop = stop;
    this.#abort.abort();
    this.#carryOut(stop);
  }

  /** The time is up: TERM and a short grace, or KILL when the soft timeout has sent TERM before. */
  #timeout(stop: Stop): void {
    if (this.#stop?.kind === "timeout" && !this.#over) this.#process?.kill();
    else this.stop(stop);
  }

  #verdict(): Promise<Verdict> | Verdict {
    const runtime = this.#execution.runtimes.find(this.#bundle.language);
    if (runtime === undefined) {
      const message = `this agent has no runtime for ${this.#bundle.language}`;
      return { exit: exitOf("runtime_missing", message), resultJson: errorResult("RuntimeMissing", message) };
    }
    if (this.#bundle.purpose === Purpose.PURPOSE_LOCK) return this.#lock(runtime);
    const { sandbox, enclosure, network, limits } = this.#execution;
    const terms = termsOf({ requirements: this.#bundle.requirements, sandbox, enclosure, network, defaults: limits, roomBytes: this.#io.room?.limitBytes() });
    if (typeof terms === "string") return judgeSetupFailure(terms);
    return runtime.kind === "process"
      ? this.#inFolder((shared) => this.#runProcess(runtime, terms, shared))
      : this.#inFolder(() => this.#runInProcess(runtime, terms));
  }

  /** In the folder that the steps of its flow share, if it is such a step. */
  async #inFolder(work: (shared: string | undefined) => Promise<Verdict>): Promise<Verdict> {
    const { folder, token } = this.#bundle;
    if (folder === undefined) return work(undefined);
    const use = await this.#execution.folders.take(folder, token);
    if (use === undefined) return judgeFolderLost();
    const guard = new DiskGuard(use.bounds, (message) => this.stop({ kind: "disk_full", message }));
    try {
      const verdict = await work(use.bounds.folder);
      // What was written after the guard's last look.
      const fault = verdict.exit.reason === "succeeded" ? await use.fault() : undefined;
      return fault === undefined ? verdict : judgeStop({ kind: "disk_full", message: fault });
    } finally {
      guard.close();
      use.leave();
    }
  }

  /** Does not run the script: finds out what it depends on. */
  async #lock(runtime: Runtime): Promise<Verdict> {
    this.#started(nowUs());
    if (runtime.kind !== "process" || runtime.lock === undefined) return { exit: exitOf("succeeded"), resultJson: JSON.stringify({ lock: "" }) };
    const workshop = this.#openWorkshop();
    try {
      const lock = await runtime.lock({ code: this.#bundle.code, workshop });
      if (this.#stop !== undefined) return judgeStop(this.#stop);
      if (lock.kind === "refused") return { exit: lock.exit, resultJson: lock.resultJson };
      return judgeResult(JSON.stringify({ lock: lock.lock }), this.#resultMaxBytes);
    } finally {
      workshop.release();
    }
  }

  /** Undefined before the control plane has said how tokens are made. */
  #openDoor(): JobApi | undefined {
    const { door } = this.#execution;
    this.#apiToken = door.admit(asJobId(this.#bundle.jobId), asToken(this.#bundle.token), {
      onSecrets: (secrets) => this.#mask.add(secrets),
      onResult: (data) => this.#emit(3, data),
    });
    return this.#apiToken === "" ? undefined : { token: this.#apiToken, socket: door.insidePath, commands: door.commands, url: door.apiUrl };
  }

  #openWorkshop(): WorkshopSession {
    const say = (data: Buffer): Promise<void> | undefined => this.#emit(2, data);
    const { unlockedRefusal } = this.#io;
    const bound = unlockedRefusal === undefined ? {} : { unlockedRefusal };
    return this.#execution.workshop.session({ workspace: this.#bundle.workspace, signal: this.#abort.signal, say, ...bound });
  }

  async #runInProcess(runtime: InProcessRuntime, { network, allow, notes }: Terms): Promise<Verdict> {
    this.#started(nowUs());
    try {
      const { workspace, code, argsJson } = this.#bundle;
      for (const note of notes) await this.#say(note);
      const say = (text: string): void => void this.#say(text);
      const request = { workspace, code, argsJson, resultMaxBytes: this.#resultMaxBytes, network, allow, say };
      const result = await runtime.run(request, this.#abort.signal);
      this.#over = true;
      if (this.#stop !== undefined) return judgeStop(this.#stop);
      if (typeof result !== "string") return { exit: result.exit, resultJson: result.resultJson };
      return { exit: exitOf("succeeded"), resultJson: result };
    } catch (error) {
      if (this.#stop !== undefined) return judgeStop(this.#stop);
      return { exit: exitOf("exit_code", messageOf(error), { code: 1 }), resultJson: errorResult("Error", messageOf(error)) };
    }
  }

  async #runProcess(runtime: ProcessRuntime, terms: Terms, shared: string | undefined): Promise<Verdict> {
    const place = this.#execution.sandbox.place();
    const { code, argsJson, lock } = this.#bundle;
    const workshop = this.#openWorkshop();
    try {
      const memory = terms.chosenMemoryBytes === undefined ? {} : { memoryBytes: terms.chosenMemoryBytes };
      const launch = await runtime.launch({ code, argsJson, lock, paths: place.paths, workshop, ...memory });
      if (this.#stop !== undefined) return judgeStop(this.#stop);
      if (launch.kind === "refused") return { exit: launch.exit, resultJson: launch.resultJson };
      return await this.#runLaunch({ place, launch, workshop, shared }, terms);
    } finally {
      this.#execution.door.dismiss(this.#apiToken);
      await place.discard();
      workshop.release();
    }
  }

  async #runLaunch(ready: Ready, terms: Terms): Promise<Verdict> {
    const { launch, place, shared } = ready;
    const { network, allow, limits } = terms;
    const runtimeEnv = new Map([...limitHints(this.#bundle.language, limits), ...launch.env]);
    const { env, refused } = jobEnv(this.#bundle, place.paths.tmp, runtimeEnv, this.#openDoor());
    for (const note of terms.notes) await this.#say(note);
    if (refused.length > 0)
      await this.#say(
        `not passed on to the script: ${refused
          .map((name) => JSON.stringify(name.slice(0, 100)))
          .slice(0, 20)
          .join(", ")}`,
      );
    const lastLine = launch.resultFrom === "last_stdout_line" ? new LastLine(this.#resultMaxBytes) : undefined;
    const recordMaxBytes = Math.max(this.#resultMaxBytes + 1, MIN_RECORD_BYTES);
    const { tmpBytes, rlimits } = this.#execution.limits;
    const end = await this.#toEnd(
      ready,
      {
        files: launch.files,
        argv: launch.argv,
        env,
        mounts: [...launch.mounts, this.#execution.door.mount],
        network,
        allow,
        limits,
        tmpBytes,
        rlimits,
        recordMaxBytes,
        ...(launch.warm === undefined ? {} : { warm: launch.warm }),
        ...(shared === undefined ? {} : { shared }),
      },
      { onBegun: (atUs) => this.#started(atUs), onOutput: (stream, data) => this.#output(stream, data, lastLine) },
    );
    this.#over = true;
    return this.#judge(end, lastLine, this.#io.room?.limitBytes() ?? limits.memoryBytes);
  }

  /** In the script's dedicated process if it asked for one, in the place otherwise, and also when that process ends before the script has begun. */
  async #toEnd({ place, launch, workshop }: Ready, spec: SandboxSpec, io: SandboxIo): Promise<SandboxEnd> {
    const start = this.#bundle.requirements?.dedicated === true && spec.shared === undefined ? launch.dedicated : undefined;
    const dedicated = start && (await this.#execution.dedicated.start({ bundle: this.#bundle, start, spec, io, mask: this.#mask, hold: workshop.hold }));
    if (dedicated !== undefined) {
      const end = await this.#follow(dedicated);
      if (end.kind === "ended" || this.#stop !== undefined) return end;
    }
    return await this.#follow(await place.start(spec, io));
  }

  #follow(process: SandboxProcess): Promise<SandboxEnd> {
    this.#process = process;
    if (process.memory !== undefined) this.#io.room?.hold(process.memory);
    // A stop that came while the process was being made found nothing to end.
    if (this.#stop !== undefined) process.kill();
    return process.done;
  }

  async #judge(end: SandboxEnd, lastLine: LastLine | undefined, memoryBytes: number | undefined): Promise<Verdict> {
    const usage = end.kind === "ended" ? end.usage : undefined;
    if (usage?.peakMemoryBytes !== undefined) this.#used = { ...this.#used, peakMemoryBytes: usage.peakMemoryBytes };
    if (usage?.cpuMs !== undefined) this.#used = { ...this.#used, cpuMs: usage.cpuMs };
    if (end.kind === "ended" && end.outputCut) await this.#say("some output was lost: a process outlived the script and held its pipes");
    if (this.#stop !== undefined) return judgeStop(this.#stop);
    if (end.kind === "setup_failed") return judgeSetupFailure(end.message);
    if (usage !== undefined && usage.oomKills > 0) return judgeOutOfMemory(usage, memoryBytes);
    return judgeEnd({
      code: end.code,
      record: parseRecord(end.record),
      recordOverflowed: end.recordOverflowed,
      lastLine: lastLine === undefined ? undefined : { line: lastLine.end() },
      stderrTail: this.#stderrTail.toString("latin1"),
      resultMaxBytes: this.#resultMaxBytes,
    });
  }

  #started(atUs: number): void {
    this.#startedAtUs = atUs;
    this.#io.onStarted(atUs);
  }

  #output(stream: OutputStream, data: Buffer, lastLine: LastLine | undefined): Promise<void> | undefined {
    if (stream === 0) lastLine?.push(data);
    if (stream === 1) this.#stderrTail = Buffer.concat([this.#stderrTail.subarray(-STDERR_TAIL_BYTES), data.subarray(-STDERR_TAIL_BYTES)]);
    return this.#emit(stream, data);
  }

  async #say(text: string): Promise<void> {
    await this.#emit(2, Buffer.from(`millrace: ${text}\n`));
  }

  /** All output goes through here: what leaves the agent has no secrets in it. */
  #emit(stream: OutputStream, data: Buffer): Promise<void> | undefined {
    return this.#passOn(stream, this.#mask.write(stream, data));
  }

  #passOn(stream: OutputStream, data: Buffer): Promise<void> | undefined {
    return data.length === 0 ? undefined : this.#io.onOutput(stream, data);
  }

  /** What a script raises often quotes its input. A result that it returned is its own business. */
  #masked(verdict: Verdict): Verdict {
    if (verdict.exit.reason === "succeeded") return verdict;
    return { exit: { ...verdict.exit, message: this.#mask.text(verdict.exit.message) }, resultJson: this.#mask.json(verdict.resultJson) };
  }

  #carryOut(stop: Stop): void {
    const running = this.#process;
    if (running === undefined) return;
    if (stop.kind === "fenced" || stop.kind === "disk_full") {
      running.kill();
      return;
    }
    const { limits } = this.#execution;
    const graceMs = stop.kind === "timeout" && stop.soft !== true ? limits.timeoutGraceMs : this.#bundle.limits?.cancelGraceMs || limits.cancelGraceMs;
    running.terminate();
    this.#killTimer = setTimeout(() => running.kill(), Math.min(graceMs, LONGEST_MS));
  }
}
