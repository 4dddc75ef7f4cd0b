import type { AttemptIo, AttemptOutcome, RunningAttempt } from "../agent/runner/attempt-types.ts";
import { type Exit, errorResult, exitOf } from "../kernel/exit.ts";
import type { AttemptRef, Bundle } from "../proto/gen/millrace/agent/v1/job.ts";
import { EPOCH_MS, Process, type VirtualTime } from "./virtual-time.ts";

/** Who runs what, seen from outside: the simulation's eye on the hosts. */
export interface ExecutorWatch {
  began(agent: string, ref: AttemptRef): void;
  ended(agent: string, ref: AttemptRef): void;
  broken(invariant: string, message: string): void;
}

/** What a script of the simulation is to do; travels as the arguments of its job. */
export interface ScriptArgs {
  readonly runMs: number;
  /**
   * success · failure · unspeakable: a failure whose message the database refuses · unstorable: a result that it refuses · refused: the job
   * itself is · deaf: ignores a request to end
   */
  readonly mode: "success" | "failure" | "unspeakable" | "unstorable" | "refused" | "deaf";
}

interface ExecutorOptions {
  readonly time: VirtualTime;
  readonly random: () => number;
  readonly watch: ExecutorWatch;
  readonly agent: string;
  readonly agentProcess: Process;
}

interface Script {
  readonly ref: AttemptRef;
  end(): void;
}

/** Runs scripts on a host. They are processes of their own: they go on while the agent is stopped, and die with it. */
export class Executor {
  readonly #options: ExecutorOptions;
  readonly #host: Process;
  readonly #running = new Set<Script>();

  constructor(options: ExecutorOptions) {
    this.#options = options;
    this.#host = new Process(options.time, `${options.agent} host`);
  }

  killAll(): void {
    this.#host.alive = false;
    for (const script of [...this.#running]) script.end();
  }

  start(bundle: Bundle, io: AttemptIo): RunningAttempt {
    const { agentProcess, random } = this.#options;
    const ref = { jobId: bundle.jobId, token: bundle.token };
    const args = JSON.parse(bundle.argsJson) as ScriptArgs;
    const done = Promise.withResolvers<AttemptOutcome>();
    let startedAtUs = 0;
    let over = false;
    const finish = (exit: Exit, resultJson: string): void => {
      if (over) return;
      over = true;
      const was = this.#running.delete(script);
      if (was) this.#options.watch.ended(this.#options.agent, ref);
      agentProcess.after(1, () => done.resolve({ exit, resultJson, startedAtUs, finishedAtUs: (EPOCH_MS + this.#options.time.nowMs) * 1000 }));
    };
    const stop = (exit: Exit, afterMs: number): void => void this.#host.after(afterMs, () => finish(exit, errorResult("Stopped", exit.message)));
    const script: Script = { ref, end: () => finish(exitOf("signal", "killed"), "null") };
    this.#host.after(2 + random() * 20, () => {
      if (over) return;
      this.#running.add(script);
      this.#options.watch.began(this.#options.agent, ref);
      agentProcess.after(0, () => {
        startedAtUs = (EPOCH_MS + this.#options.time.nowMs) * 1000;
        io.onStarted(startedAtUs);
      });
      const limitMs = bundle.limits?.timeoutMs ?? 60_000;
      if (args.runMs > limitMs) stop(exitOf("timeout", "too slow"), limitMs);
      else this.#host.after(args.runMs, () => finish(exitOfMode(args.mode), resultOf(args, ref)));
    });
    return {
      done: done.promise,
      cancel: (reason) => stop(exitOf("cancelled", reason), args.mode === "deaf" ? (bundle.limits?.cancelGraceMs ?? 0) : 10),
      fence: (reason) => stop(exitOf("fenced", reason), 5),
    };
  }
}

function exitOfMode(mode: ScriptArgs["mode"]): Exit {
  if (mode === "unspeakable") return exitOf("exit_code", "\u0001", { code: 1 });
  return mode === "failure" ? exitOf("exit_code", "", { code: 1 }) : exitOf("succeeded");
}

/** A result names its attempt: so history can be compared with who really ran. */
function resultOf(args: ScriptArgs, ref: AttemptRef): string {
  const text = JSON.stringify({ job: ref.jobId, token: ref.token });
  return args.mode === "unstorable" ? `${text}\u0001` : text;
}
