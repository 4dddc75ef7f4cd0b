import type { FlushOperation, NewJob } from "../control-plane/jobs/model.ts";
import type { LimitSpec } from "../control-plane/scheduler/core/limit-model.ts";
import type { WaitingJob } from "../control-plane/scheduler/core/model.ts";
import { asJobId, type JobId, type WorkspaceId } from "../kernel/ids.ts";
import type { ModelStore } from "./model-store.ts";
import { EPOCH_MS } from "./virtual-time.ts";

/** Clocks are sums of floating numbers. */
const ROUNDING_MS = 0.001;

export interface LimitsWorld {
  readonly nowMs: () => number;
  store(): ModelStore;
  broken(invariant: string, message: string): void;
}

/** Promise 6 for caps, rates and debounces, over all owners: what the rows show, whoever wrote them. */
export class LimitsWatch {
  readonly #world: LimitsWorld;
  /** True time at which an operation was decided, and what the owner's wall clock showed. */
  readonly #decided = new WeakMap<FlushOperation, { readonly trueMs: number; readonly wallMs: number }>();
  /** Moments of jobs that were to wait for one. */
  readonly #scheduledForMs = new Map<JobId, number>();
  readonly #arrivedMs = new Map<JobId, number>();
  /** Starts of a rate, in the order of time. */
  readonly #starts = new Map<string, number[]>();
  /** Jobs by their ids, as they came. */
  readonly #jobs = new Map<JobId, WaitingJob>();
  /** The highest cap that a workspace ever had: caps are only raised. */
  readonly #caps = new Map<WorkspaceId, number>();

  constructor(world: LimitsWorld) {
    this.#world = world;
  }

  made({ job, special }: NewJob): void {
    this.#jobs.set(job.id, job);
    if (special?.scheduledForMs !== undefined) this.#scheduledForMs.set(job.id, special.scheduledForMs);
  }

  capped(workspace: WorkspaceId, most: number): void {
    this.#caps.set(workspace, Math.max(most, this.#caps.get(workspace) ?? 0));
  }

  /** @param wallMs the latest that the owner's wall clock has shown */
  submitted(operation: FlushOperation, wallMs: number): void {
    const trueMs = this.#world.nowMs();
    this.#decided.set(operation, { trueMs, wallMs });
    if (operation.kind === "insert") this.#arrivedMs.set(operation.job.id, trueMs);
  }

  committed(operation: FlushOperation): void {
    if (operation.kind === "claim" || (operation.kind === "insert" && operation.direct !== undefined)) this.#begins(operation);
    if (operation.kind === "refuse") this.#refused(operation);
    if (operation.kind === "cancel") this.#replaced(operation);
  }

  #begins(operation: Extract<FlushOperation, { kind: "claim" | "insert" }>): void {
    const { job } = operation;
    const { running } = this.#world.store();
    const { trueMs: decidedMs, wallMs } = this.#decided.get(operation) ?? { trueMs: 0, wallMs: 0 };
    const cap = this.#caps.get(job.workspace);
    if (cap !== undefined) {
      let count = 0;
      for (const row of running.values()) if (row.job.workspace === job.workspace) count += 1;
      if (count > cap) this.#world.broken("caps", `workspace ${job.workspace} runs ${count} jobs, its cap is ${cap}`);
    }
    for (const spec of job.limits?.specs ?? []) {
      if (spec.kind === "running") this.#runs(job, spec);
      else if (spec.kind === "rate") this.#starting(spec.id, spec.starts, spec.windowMs, decidedMs);
      else if (job.attempt === 0 && spec.maxMs === undefined) this.#waited(job, spec.delayMs, decidedMs, wallMs);
    }
  }

  #runs(job: WaitingJob, { id, key, max }: Extract<LimitSpec, { kind: "running" }>): void {
    let count = 0;
    for (const row of this.#world.store().running.values()) if (row.job.limits?.specs.some((spec) => spec.id === id) === true) count += 1;
    if (count > max) this.#world.broken("caps", `${job.id} is number ${count} that runs under ${key} of workspace ${job.workspace}, where ${max} may`);
  }

  #starting(id: string, starts: number, windowMs: number, decidedMs: number): void {
    const times = [...(this.#starts.get(id) ?? []), decidedMs].sort((a, b) => a - b);
    this.#starts.set(id, times);
    times.forEach((atMs, at) => {
      const first = times[at - starts];
      if (first !== undefined && atMs - first < windowMs - ROUNDING_MS)
        this.#world.broken("rates", `${starts + 1} starts of limit ${id} within ${atMs - first} of ${windowMs} ms`);
    });
  }

  /**
   * A job that waits for its moment arrives then, by a clock of its owner, also of one that notices it late. The next owner counts from the row's
   * time: that is when the request came, which may have waited for an owner.
   */
  #waited({ id, dueAtMs }: WaitingJob, delayMs: number, decidedMs: number, wallMs: number): void {
    const byItsClockMs = wallMs - (this.#scheduledForMs.get(id) ?? Number.POSITIVE_INFINITY);
    const waitedMs = Math.max(byItsClockMs, decidedMs - Math.min(this.#arrivedMs.get(id) ?? 0, dueAtMs - EPOCH_MS));
    if (waitedMs < delayMs - ROUNDING_MS) this.#world.broken("debounce", `${id} begins ${waitedMs} ms after it came, its debounce is ${delayMs} ms`);
  }

  #refused({ job, exit }: Extract<FlushOperation, { kind: "refuse" }>): void {
    const strategy = exit.reason === "limit_reached" ? "fail" : "cancel_newest";
    if (job.limits?.specs.some((spec) => spec.strategy === strategy) !== true)
      this.#world.broken("strategy", `${job.id} ends as ${exit.reason}, and no limit of it says so`);
  }

  /** Who takes a place has a limit that says so, and shares it with the one that goes. */
  #replaced({ job, exit }: Extract<FlushOperation, { kind: "cancel" }>): void {
    const by = /^replaced by job ([0-9a-f-]+)/.exec(exit.message)?.[1];
    if (by === undefined) return;
    const taker = this.#jobs.get(asJobId(by));
    const ids = new Set(this.#jobs.get(job.id)?.limits?.specs.map((spec) => spec.id));
    const shared = taker?.limits?.specs.some((spec) => ids.has(spec.id) && (spec.kind === "debounce" || spec.strategy === "cancel_oldest"));
    if (shared !== true || taker?.id === job.id) this.#world.broken("strategy", `${job.id} was cancelled for ${by}, which has no right to its place`);
  }
}
