import { asAgentKey, asJobId, asSessionId, asWorkspaceId } from "../../../kernel/ids.ts";
import { admit } from "../core/admission-core.ts";
import { attachAgent } from "../core/agents-core.ts";
import { confirmClaim, dispatch, endRunning, forgetRunning, offerJob } from "../core/dispatch-core.ts";
import type { JobLimits, LimitSpec } from "../core/limit-model.ts";
import { nextWakeMs, openWindows } from "../core/limits-core.ts";
import type { RunningJob, WaitingJob } from "../core/model.ts";
import { admitWaiting, removeWaiting, reserveWaiting } from "../core/queue-core.ts";
import { createSchedulerState, type SchedulerState } from "../core/state-core.ts";

let made = 0;

/** A job for tests of the core; ids ascend in the order of the calls. */
export function testJob(workspace: string, fields: Partial<WaitingJob> = {}): WaitingJob {
  made += 1;
  return {
    id: asJobId(`00000000-0000-7000-8000-${made.toString(16).padStart(12, "0")}`),
    workspace: asWorkspaceId(workspace),
    shard: 0,
    tag: "default",
    language: "bash",
    prio: 4,
    dueAtMs: 1000,
    attempt: 0,
    lost: 0,
    scriptId: undefined,
    timeoutMs: undefined,
    ...fields,
  };
}

/** Limits of a job of workspace 1. */
export function limitedBy(...specs: LimitSpec[]): { limits: JobLimits } {
  return { limits: { group: `g-${specs.map((spec) => spec.id).join("-")}`, specs } };
}
export const atMost = (max: number, key = "k"): LimitSpec => ({ kind: "running", id: key, key, strategy: "queue", max });
export const perWindow = (starts: number, windowMs: number, key = "w"): LimitSpec => ({ kind: "rate", id: key, key, strategy: "queue", starts, windowMs });
export const debounced = (delayMs: number, maxMs?: number): LimitSpec => ({ kind: "debounce", id: "d", key: "d", strategy: "queue", delayMs, maxMs });

/** The core with commits that take no time, and a clock that is moved by hand. */
export class CoreWorld {
  readonly state: SchedulerState;
  nowMs = 0;

  constructor(hotLimit = 100_000) {
    this.state = createSchedulerState(1, hotLimit);
  }

  connect(key: string, slots: number, tags: readonly string[] = ["default"]): void {
    const hello = { key: asAgentKey(key), name: key, session: asSessionId(key), workspace: undefined, languages: ["bash", "python3"], held: new Map() };
    attachAgent(this.state, { ...hello, tags, slots });
  }

  wait(...jobs: readonly WaitingJob[]): void {
    for (const job of jobs) {
      reserveWaiting(this.state, job);
      admitWaiting(this.state, job);
    }
  }

  /** As the owner does it: a new job is decided over, and either starts at once, waits, or ends. @returns what became of it */
  /** @param sinceMs when it came, for one that was noticed late */
  arrive(job: WaitingJob, sinceMs = this.nowMs): { started: RunningJob | undefined; refused: LimitSpec | undefined; victims: string[] } {
    const admission = admit(this.state, job, this.nowMs, () => [], sinceMs);
    if (admission.kind === "refuse") return { started: undefined, refused: admission.spec, victims: [] };
    const started = this.offer(job);
    if (started === undefined) this.wait(job);
    const victims = admission.victims.flatMap(({ running, waiting }) => [...running.map((entry) => entry.job.id), ...waiting.map((entry) => entry.id)]);
    for (const { running, waiting } of admission.victims) {
      for (const entry of running) entry.cancel = { reason: "replaced", atMs: this.nowMs };
      for (const entry of waiting) removeWaiting(this.state, entry.id);
    }
    return { started, refused: undefined, victims };
  }

  offer(job: WaitingJob): RunningJob | undefined {
    const running = offerJob(this.state, job, this.nowMs)?.running;
    if (running !== undefined) confirmClaim(this.state, running);
    return running;
  }

  round(most = 1000): RunningJob[] {
    const wakeMs = nextWakeMs(this.state);
    if (wakeMs !== undefined && wakeMs <= this.nowMs) openWindows(this.state, this.nowMs);
    const started = dispatch(this.state, this.nowMs, most).map(({ running }) => running);
    for (const running of started) confirmClaim(this.state, running);
    return started;
  }

  end(running: RunningJob): void {
    endRunning(this.state, running.job.id, running.token, this.nowMs);
    forgetRunning(this.state, running);
  }
}
