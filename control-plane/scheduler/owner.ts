import { AppError, messageOf } from "../../kernel/app-error.ts";
import type { JobId, WorkspaceId } from "../../kernel/ids.ts";
import type { JobPayload, NewJob, Submit } from "../jobs/model.ts";
import { Admissions } from "./admissions.ts";
import { AgentReports } from "./agent-reports.ts";
import { Arrivals } from "./arrivals.ts";
import { type CancelOutcome, Cancels } from "./cancels.ts";
import { abandonClaim, confirmClaim, dispatch } from "./core/dispatch-core.ts";
import { FLOW_AGENT } from "./core/flow-agent.ts";
import type { JobQueue, RunningJob, WaitingJob } from "./core/model.ts";
import { abortRefill, admitWaiting, finishRefill, refillRows, reserveWaiting, takeRefills } from "./core/queue-core.ts";
import { type ForgottenShards, forgetShards, isKnownQueue, type Shards } from "./core/shards-core.ts";
import { forgetIdleRoutes, type SchedulerState } from "./core/state-core.ts";
import { Endings } from "./endings.ts";
import { type Accepted, KeyedJobs } from "./keyed-jobs.ts";
import { LimitDuties } from "./limit-duties.ts";
import { overdueExit } from "./overdue.ts";
import { OwnFlows } from "./own-flows.ts";
import type { OwnerDeps } from "./owner-deps.ts";
import { PayloadCache } from "./payloads.ts";
import { QueueChanges } from "./queue-changes.ts";
import { Sending } from "./sending.ts";
import { OwnerTimers } from "./timers.ts";
import { windowRecords } from "./window-records.ts";

/** So many at a time: others have their turn in between. */
const DISPATCH_BATCH = 128;
const REFILL_ROWS = 2000;
const MAX_REFILLS = 4;
const PAYLOAD_CACHE_BYTES = 64 * 1024 * 1024;

/**
 * The shell around the scheduler core: the single writer of its shards. It turns events (a job, a frame, a commit, a tick)
 * into core calls, and the core's decisions into flush operations and frames. A job is sent only after the commit that
 * made it running; an end is acknowledged only after the commit that recorded it. All methods run on one thread, and
 * between two awaits memory is consistent.
 */
export class Owner {
  readonly #deps: OwnerDeps;
  readonly #state: SchedulerState;
  /** What its agents say. */
  readonly reports: AgentReports;
  readonly #endings: Endings;
  readonly #admissions: Admissions;
  readonly #arrivals: Arrivals;
  readonly #limits: LimitDuties;
  readonly #cancels: Cancels;
  readonly #timers: OwnerTimers;
  readonly #keyed: KeyedJobs;
  readonly #sending: Sending;
  readonly #flows: OwnFlows;
  readonly #payloads = new PayloadCache(PAYLOAD_CACHE_BYTES);
  readonly #changes = new QueueChanges();
  #scheduled = false;
  #stopped = false;
  #ticker: NodeJS.Timeout | undefined;

  constructor(deps: OwnerDeps) {
    this.#deps = deps;
    this.#state = deps.state;
    const wake = (): void => this.#schedule();
    this.#limits = new LimitDuties(deps, wake);
    const writeEnd: Submit = (operation, settle, fail) => this.#flows.writeEnd({ operation, settle, fail });
    this.#endings = new Endings(deps, {
      wake,
      defer: (job) => this.#timers.defer(job),
      expire: (job, atMs) => this.#timers.expire(job, atMs),
      writeEnd,
    });
    const forget = (id: JobId): void => {
      this.#payloads.drop(id);
      this.#timers.forget(id);
      // Its place in line may be what others wait for.
      if (this.#state.dirty.size > 0) this.#schedule();
    };
    const cancelFlow = (running: RunningJob): void => this.#flows.runner?.cancel(running);
    this.#cancels = new Cancels(deps, this.#endings, { forget, ended: (id) => this.#ended(id), wake, writeEnd, cancelFlow });
    this.#admissions = new Admissions(deps, this.#cancels, this.#endings);
    this.#timers = new OwnerTimers(deps, {
      ready: (job) => this.#ready(job),
      expired: (job) => this.#cancels.expire(job),
      flowDue: ({ id }) => this.#flows.runner?.due(id),
    });
    this.#arrivals = new Arrivals(deps, {
      admissions: this.#admissions,
      endings: this.#endings,
      timers: this.#timers,
      payloads: this.#payloads,
      changes: this.#changes,
      claimed: (running, payload) => this.#claimed(running, payload),
      takesBegin: (running, payload, write) => this.#flows.takesBegin(running, payload, write),
      wake,
    });
    this.reports = new AgentReports(deps, {
      endings: this.#endings,
      cancels: this.#cancels,
      arrivals: this.#arrivals,
      wake,
    });
    this.#keyed = new KeyedJobs(deps, (jobs) => this.enqueue(jobs));
    this.#sending = new Sending(deps, this.#endings, wake);
    this.#flows = new OwnFlows(deps, {
      arrivals: this.#arrivals,
      cancels: this.#cancels,
      endings: this.#endings,
      timers: this.#timers,
      wake,
    });
  }

  get state(): SchedulerState {
    return this.#state;
  }

  /** Payloads of waiting jobs that are held in memory, bytes. */
  get payloadBytes(): number {
    return this.#payloads.bytes;
  }

  start(): void {
    this.#ticker = setInterval(() => this.tick(), 1000);
    this.#limits.start();
    this.#flows.attach();
    this.#timers.look();
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#flows.runner?.stop();
    this.#arrivals.stop();
    this.#timers.stop();
    this.#endings.stop();
    clearInterval(this.#ticker);
    this.#limits.stop();
  }

  /** All of them, anew: to be called before jobs of shards that were gained are picked. Errors: those of the database. */
  readWorkspaceLimits(): Promise<void> {
    return this.#limits.readWorkspaceLimits();
  }

  /**
   * Accepts jobs of one workspace. Resolves when all are committed: from then on none is ever lost.
   * Errors: unavailable when Postgres does not keep up or the lease is gone; nothing is enqueued then, or it cannot be known.
   */
  enqueue(jobs: readonly NewJob[]): Promise<void> {
    const { writer } = this.#deps;
    if (this.#stopped || !writer.accepts) {
      return Promise.reject(new AppError("unavailable", "the database does not keep up: try again in a moment", { retryAfterS: 1 }));
    }
    return new Promise((resolve, reject) => {
      let open = jobs.length;
      const settled = (): void => {
        if (--open === 0) resolve();
      };
      for (const made of jobs) this.#arrivals.accept(made, settled, reject);
    });
  }

  /** As enqueue, for jobs of which some come with an idempotency key. Errors: those of KeyedJobs.enqueue. */
  enqueueOnce(jobs: readonly NewJob[]): Promise<Accepted[]> {
    return this.#keyed.enqueue(jobs);
  }

  /** An answer to a flow of this owner may have come. */
  lookForAnswers(): void {
    this.#flows.runner?.lookForAnswers();
  }

  /** Ends a job early; see Cancels. */
  cancel(job: { id: JobId; workspace: WorkspaceId; shard: number }, reason: string): Promise<CancelOutcome> {
    return this.#cancels.cancel(job, reason);
  }

  /** Once a second: silent agents, unconfirmed assignments, attempts far beyond their deadline. */
  tick(): void {
    const { clock, times } = this.#deps;
    const nowMs = clock.monotonicMs();
    this.reports.lookForSilent(nowMs);
    this.#limits.tick(nowMs);
    for (const running of this.#state.running.values()) {
      if (running.agent === FLOW_AGENT) {
        this.#flows.endOverdue(running, nowMs);
        continue;
      }
      if (running.phase === "assigned" && running.sentAtMs > 0 && nowMs - running.sentAtMs > times.resendMs) this.#sending.again(running, nowMs);
      const overdue = overdueExit(this.#deps, running, nowMs);
      if (overdue !== undefined) this.#endings.force(running, overdue);
    }
    forgetIdleRoutes(this.#state);
    this.#schedule();
  }

  /** Shards are about to be given to another owner: what was held back for a moment is on its way to the tables when this returns. */
  release(): void {
    this.#arrivals.release();
  }

  /** Shards were given to another owner; nothing of them is in flight. */
  forget(shards: Shards): ForgottenShards {
    this.#sending.forget(shards);
    this.#flows.runner?.forget(shards);
    this.#timers.forgetShards(shards);
    const forgotten = forgetShards(this.#state, shards);
    for (const id of forgotten.waiting) this.#payloads.drop(id);
    return forgotten;
  }

  /** Shards were taken over, or kept after all: looks at what can be dispatched, and at what happens to their jobs at a moment. */
  resume(): void {
    this.#timers.restart();
    this.#flows.adopt();
    this.#schedule();
  }

  /** An attempt was taken over that is to be cancelled. */
  adoptedCancelled(running: RunningJob, reason: string): void {
    this.#cancels.tell(running, reason);
  }

  /** The moment of a deferred job has come. */
  #ready(job: WaitingJob): void {
    const victims = this.#admissions.ready(job);
    if (victims === undefined) return;
    reserveWaiting(this.#state, job);
    admitWaiting(this.#state, job);
    this.#admissions.replace(job, victims);
    this.#schedule();
  }

  /** A commit took the row of a job out of the queue: reads under way may have it as it was before, also those of the timers. */
  #leftQueue(id: JobId): void {
    this.#timers.forget(id);
    this.#changes.left(id);
  }

  #ended(id: JobId): void {
    this.#leftQueue(id);
    this.#changes.ended(this.#state, id);
  }

  /** Runs once per turn of the event loop, however many events asked for it. */
  #schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#stopped) this.#round();
    });
  }

  #round(): void {
    const nowMs = this.#deps.clock.monotonicMs();
    this.#limits.openWindows(nowMs);
    this.#arrivals.round(nowMs);
    for (const { running } of dispatch(this.#state, nowMs, DISPATCH_BATCH)) this.#claim(running);
    for (const queue of takeRefills(this.#state, MAX_REFILLS)) void this.#refill(queue);
    this.#sending.sendUnsent();
    if (this.#state.dirty.size > 0) this.#schedule();
    this.#limits.setAlarm(nowMs);
    this.#deps.afterRound();
  }

  #claim(running: RunningJob): void {
    if (running.job.policy?.queueTtlMs !== undefined) this.#timers.forget(running.job.id);
    this.#deps.writer.submit(
      { kind: "claim", job: running.job, token: running.token, agent: running.agent, windows: windowRecords(this.#deps, running) },
      (outcome) => {
        if (outcome === "gone") {
          abandonClaim(this.#state, running);
          this.#endings.settle(running);
          // The slot is free again: the next one must not wait for a tick.
          this.#schedule();
        } else {
          this.#leftQueue(running.job.id);
          this.#claimed(running, this.#payloads.get(running.job.id));
        }
        this.#payloads.drop(running.job.id);
      },
      // The lease is gone or the database refuses the row: a new owner, or the next load, finds it still pending.
      (error) => {
        this.#deps.log.error({ event: "job.claim_failed", jobId: running.job.id, error: messageOf(error) }, "claim failed");
        abandonClaim(this.#state, running);
        this.#payloads.drop(running.job.id);
        this.#endings.settle(running, error);
        this.#schedule();
      },
    );
  }

  #claimed(running: RunningJob, payload: JobPayload | undefined): void {
    if (!confirmClaim(this.#state, running)) {
      this.#endings.giveBack(running);
      return;
    }
    this.#endings.settle(running);
    this.#deps.onChange(running.job.workspace, running.job.id, "running");
    if (running.agent === FLOW_AGENT) this.#flows.begin(running, payload);
    else this.#sending.claimed(running, payload);
  }

  async #refill(queue: JobQueue): Promise<void> {
    try {
      const limit = refillRows(this.#state, queue, Math.min(REFILL_ROWS, this.#state.hotLimit));
      const { rows, read } = await this.#changes.read(queue, () => this.#deps.store.refill(queue, limit, this.#timers.firedMs));
      if (!isKnownQueue(this.#state, queue)) return;
      const ready = rows.filter((row) => this.#timers.refilled(row));
      finishRefill(this.#state, queue, ready, read < limit);
      this.#schedule();
    } catch (error) {
      if (isKnownQueue(this.#state, queue)) abortRefill(this.#state, queue);
      this.#deps.log.warn({ event: "queue.refill_failed", error: messageOf(error) }, "queue could not be read, will be retried");
    }
  }
}
