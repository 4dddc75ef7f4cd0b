import { asJobId, type JobId } from "../../../kernel/ids.ts";
import type { Ended, StartOutcome } from "../model.ts";
import type { TickJobs, WantedJob } from "../tick-jobs.ts";

export interface ModelJob {
  readonly id: JobId;
  readonly key: string;
  readonly startedAtMs: number;
  readonly endsAtMs: number;
  readonly outcome: Ended["outcome"];
}

/** Jobs by their keys: each runs for some time and ends somehow, by chance. */
export class ModelJobs {
  readonly byKey = new Map<string, ModelJob>();
  readonly #byId = new Map<JobId, ModelJob>();
  readonly #random: () => number;
  readonly #live = new Set<JobId>();
  /** Keys of jobs that were said to be new and are not: there would be two of each. */
  readonly twice: string[] = [];
  readonly #listeners = new Map<JobId, Set<() => void>>();
  nowMs = 0;
  /** Nothing can be started. */
  isAway = false;

  constructor(random: () => number) {
    this.#random = random;
  }

  isLive(id: JobId): boolean {
    const job = this.#byId.get(id);
    return job !== undefined && job.endsAtMs > this.nowMs;
  }

  /** Time goes on: tells of jobs that end. */
  advance(toMs: number): void {
    this.nowMs = toMs;
    for (const id of [...this.#live].filter((one) => !this.isLive(one))) {
      this.#live.delete(id);
      for (const listener of this.#listeners.get(id) ?? []) listener();
      this.#listeners.delete(id);
    }
  }

  port(): TickJobs {
    return {
      make: async (_workspace, wanted) => wanted.map(() => undefined),
      start: async (_workspace, wanted) => wanted.map((one) => this.#start(one)),
      ends: async (_workspace, ids) => new Map(ids.flatMap((id) => this.#end(id))),
      onEnd: (id, then) => {
        const listeners = this.#listeners.get(id) ?? new Set();
        this.#listeners.set(id, listeners.add(then));
        return () => listeners.delete(then);
      },
      argumentsOf: async () => undefined,
    };
  }

  #start({ key, target, isNew }: WantedJob): StartOutcome {
    const known = this.byKey.get(key);
    if (known !== undefined && isNew?.() === true) this.twice.push(key);
    if (known !== undefined) return { kind: "started", job: known.id };
    if (this.isAway) return { kind: "unknown", message: "nobody answers" };
    if (target.path.endsWith("/gone")) return { kind: "refused", message: `there is no script at ${target.path}` };
    const id = asJobId(`job-${this.byKey.size + 1}`);
    const outcome = this.#random() < 0.5 ? "succeeded" : "failed";
    const job: ModelJob = { id, key, startedAtMs: this.nowMs, endsAtMs: this.nowMs + Math.round(this.#random() ** 3 * 120_000), outcome };
    this.byKey.set(key, job);
    this.#byId.set(id, job);
    this.#live.add(id);
    return { kind: "started", job: id };
  }

  #end(id: JobId): [JobId, Ended][] {
    const job = this.#byId.get(id);
    return job === undefined || this.isLive(id) ? [] : [[id, { outcome: job.outcome, message: job.outcome }]];
  }
}
