import { AppError, messageOf } from "../../kernel/app-error.ts";
import { background } from "../../kernel/background.ts";
import { ChurnMap } from "../../kernel/churn-map.ts";
import { type Exit, errorResult, exitOf, outcomeOf } from "../../kernel/exit.ts";
import type { AgentKey, JobId, Token, WorkspaceId } from "../../kernel/ids.ts";
import type { JobEnd, Submit } from "../jobs/model.ts";
import type { FinishVerdict } from "./agent-port.ts";
import { afterLoss, endRunning, forgetRunning, takeBack } from "./core/dispatch-core.ts";
import type { RunningJob, WaitingJob } from "./core/model.ts";
import { admitWaiting, reserveWaiting, unreserveWaiting } from "./core/queue-core.ts";
import { retryDelayMs } from "./core/retry-core.ts";
import type { OwnerDeps } from "./owner-deps.ts";

/** A job whose agents went away this often is not tried again: it may be what takes them down. */
const MAX_LOST = 3;

interface Waiters {
  readonly settled: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const ERROR_NAMES: Partial<Record<Exit["reason"], string>> = { cancelled: "Canceled", timeout: "Timeout", lost: "Lost", input_missing: "InputMissing" };

/** What the owner does for the endings of its attempts. */
export interface EndingsOwner {
  readonly wake: () => void;
  /** The row of a job that waits for its moment is committed. */
  readonly defer: (job: WaitingJob) => void;
  /** The row of a job that waits, and has to begin until then, is committed. */
  readonly expire: (job: WaitingJob, atMs: number) => void;
  /** The way of an end to the writer: that of a step goes along with what its flow makes of it. */
  readonly writeEnd: Submit;
}

/**
 * How attempts end: by the agent's report, by loss, or by force of the owner; and whether the job gets another one. An attempt is taken from its agent in memory
 * first (phase `ending`), so that exactly one of the ways wins; then the database is told, fenced by the token.
 */
export class Endings {
  readonly #deps: OwnerDeps;
  readonly #owner: EndingsOwner;
  /** Ends whose commit is under way: a report that comes (again) meanwhile waits for the same verdict. */
  readonly #reported = new ChurnMap<Token, Promise<FinishVerdict>>();
  /**
   * Attempts whose end could not be committed: it is still the valid one, and is taken when it comes again. By the attempt and not by its token:
   * when its shard has left and come back it is another one here, which runs and holds a slot.
   */
  readonly #failed = new WeakSet<RunningJob>();
  /** Who waits for a write of an attempt that is under way. */
  readonly #waiters = new ChurnMap<RunningJob, Waiters>();

  constructor(deps: OwnerDeps, owner: EndingsOwner) {
    this.#deps = deps;
    this.#owner = owner;
  }

  /** An agent's report. @param running the attempt if the agent and token are the valid ones */
  async finished(agent: AgentKey, running: RunningJob | undefined, end: Omit<JobEnd, "workspace">): Promise<FinishVerdict> {
    const underWay = this.#reported.get(end.token);
    if (underWay !== undefined) return underWay;
    if (running !== undefined && end.exit.reason === "fenced") {
      // The agent hands it back (it drains): nobody asked for an end, so it is not one.
      this.#putBack(running, false, { ...end, workspace: running.job.workspace });
      return "recorded";
    }
    const ending = running === undefined ? undefined : this.#begin(running, end.token);
    if (ending === undefined) {
      // Not valid now. It may be a report whose acknowledgement was lost; then history knows the token.
      return (await this.#deps.store.isRecorded(end.id, agent, end.token)) ? "recorded" : "stale";
    }
    this.#owner.wake();
    return this.#concludeOnce(ending, { ...end, workspace: ending.job.workspace });
  }

  /** Concludes an attempt. A report of the same attempt that comes before the commit gets the same verdict. */
  async #concludeOnce(running: RunningJob, end: JobEnd): Promise<FinishVerdict> {
    const verdict = this.#conclude(running, end);
    this.#reported.set(end.token, verdict);
    try {
      return await verdict;
    } catch (error) {
      this.#failed.add(running);
      throw error;
    } finally {
      this.#reported.delete(end.token);
    }
  }

  /** Takes the attempt out of the running ones, or out of those whose report could not be committed before. */
  #begin(running: RunningJob | undefined, token: Token): RunningJob | undefined {
    if (running === undefined) return undefined;
    if (this.#failed.delete(running)) return running;
    return endRunning(this.#deps.state, running.job.id, token, this.#deps.clock.monotonicMs());
  }

  /** The agent went away with the attempt. One that it never confirmed did not run: it is given back, not lost. */
  lose(running: RunningJob, why: string): void {
    if (running.phase === "assigned") {
      this.giveBack(running);
      return;
    }
    this.#deps.log.warn({ event: "attempt.lost", jobId: running.job.id, attempt: running.job.attempt + 1, agentKey: running.agent }, `attempt lost: ${why}`);
    this.#deps.metrics.lost();
    this.#putBack(running, true, this.#endOf(running, exitOf("lost", why)));
  }

  /** An attempt that never ran: back into the queue. */
  giveBack(running: RunningJob): void {
    this.#putBack(running, false, undefined);
  }

  /** Resolves when the write of an attempt that is under way is committed: its claim or its end. Errors: unavailable when it cannot be. */
  settled(running: RunningJob): Promise<void> {
    const waiters: Waiters = this.#waiters.get(running) ?? newWaiters();
    this.#waiters.set(running, waiters);
    return waiters.settled;
  }

  /** Tells those who wait for the attempt that its write is through, or is not. */
  settle(running: RunningJob, error?: unknown): void {
    const waiters = this.#waiters.get(running);
    if (waiters === undefined) return;
    this.#waiters.delete(running);
    if (error === undefined) waiters.resolve();
    else waiters.reject(error);
  }

  /** Nothing more is committed by this owner. */
  stop(): void {
    for (const running of [...this.#waiters.keys()])
      this.settle(running, new AppError("unavailable", "the owner of the shards has changed", { retryAfterS: 1 }));
  }

  /** An attempt that did not end by itself: back into the queue, unless it was cancelled or was lost too often. @param end kept in history */
  #putBack(running: RunningJob, countLoss: boolean, end: JobEnd | undefined): void {
    if (!takeBack(this.#deps.state, running, this.#deps.clock.monotonicMs())) return;
    const job = afterLoss(running, countLoss);
    if (running.cancel !== undefined) this.#endWithoutAgent(running, exitOf("cancelled", running.cancel.reason));
    else if (job.lost >= MAX_LOST) this.#endWithoutAgent(running, exitOf("lost", `the agent went away during ${job.lost} attempts`));
    else if (end === undefined) this.#requeue(running, job, expiryOfUnsent(running));
    else {
      const refused = (): Promise<FinishVerdict> => {
        this.#requeue(running, job);
        return Promise.resolve("recorded");
      };
      background(this.#deps.log, "putting an attempt back", this.#tryAgain(running, job, end, 0, refused));
    }
  }

  /** Ends an attempt whose agent did not; the agent is told to kill it if it can be reached. */
  force(running: RunningJob, exit: Exit): void {
    const session = this.#deps.state.agents.get(running.agent)?.session;
    if (session !== undefined) this.#deps.agents.cancel(session, { id: running.job.id, token: running.token, reason: exit.message, fenced: true });
    if (takeBack(this.#deps.state, running, this.#deps.clock.monotonicMs())) this.#endWithoutAgent(running, exit);
  }

  /** After the commit: counts, logs and tells those who wait for the job. */
  announce(workspace: WorkspaceId, id: JobId, exit: Exit): void {
    this.#deps.metrics.ended(outcomeOf(exit.reason), exit.reason);
    this.#deps.log.debug({ event: "job.ended", jobId: id, workspaceId: workspace, reason: exit.reason }, "job ended");
    this.#deps.onChange(workspace, id, "ended");
  }

  /** Another attempt when the job's policy wants one, otherwise the end of the job. */
  #conclude(running: RunningJob, end: JobEnd): Promise<FinishVerdict> {
    const { job } = running;
    const failed = job.failed ?? 0;
    const delayMs = running.cancel === undefined ? retryDelayMs(job.policy?.retry, end.exit, failed, this.#deps.random()) : undefined;
    if (delayMs === undefined) return this.#record(running, end);
    const again = { ...job, attempt: job.attempt + 1, failed: failed + 1 };
    return this.#tryAgain(running, again, end, delayMs, () => this.#record(running, end));
  }

  /**
   * Puts the job back in the write that keeps the end of its attempt. It waits in its place in the queue, or for its moment.
   * @param refused what to do when the database does not take that end
   */
  #tryAgain(running: RunningJob, again: WaitingJob, end: JobEnd, delayMs: number, refused: () => Promise<FinishVerdict>): Promise<FinishVerdict> {
    const { state, writer, clock, log } = this.#deps;
    const deferred = delayMs > 0;
    const job = deferred ? { ...again, dueAtMs: Math.ceil(clock.wallMs() + delayMs) } : again;
    if (!deferred) reserveWaiting(state, job);
    return new Promise((resolve, reject) => {
      writer.submit(
        { kind: "retry", job, end, deferred },
        (outcome) => {
          forgetRunning(state, running);
          if (outcome === "moved") {
            log.info({ event: "job.again", jobId: job.id, attempt: job.attempt, reason: end.exit.reason, delayMs }, "the job gets another attempt");
            if (deferred) this.#owner.defer(job);
            else admitWaiting(state, job);
            this.#deps.onChange(job.workspace, job.id, "queued");
          } else if (!deferred) unreserveWaiting(state, job);
          this.#owner.wake();
          this.settle(running);
          resolve(outcome === "moved" ? "recorded" : "stale");
        },
        (error) => {
          if (!deferred) unreserveWaiting(state, job);
          if (AppError.from(error).code === "unavailable") {
            this.settle(running, error);
            reject(error);
          } else resolve(refused());
        },
      );
    });
  }

  #record(running: RunningJob, end: JobEnd): Promise<FinishVerdict> {
    return new Promise((resolve, reject) => {
      this.#owner.writeEnd(
        { kind: "finish", job: running.job, end },
        (outcome) => {
          forgetRunning(this.#deps.state, running);
          // Its permits may be what others wait for.
          if (this.#deps.state.dirty.size > 0) this.#owner.wake();
          if (outcome === "moved") this.announce(end.workspace, end.id, end.exit);
          this.settle(running);
          resolve(outcome === "moved" ? "recorded" : "stale");
        },
        (error) => {
          if (AppError.from(error).code === "unavailable" || end.exit.reason === "result_invalid") {
            this.settle(running, error);
            reject(error);
          } else resolve(this.#record(running, unstorable(end, error)));
        },
      );
    });
  }

  #requeue(running: RunningJob, job: WaitingJob, expiresAtMs?: number): void {
    const { state, writer, log } = this.#deps;
    reserveWaiting(state, job);
    writer.submit(
      { kind: "requeue", job, token: running.token, expiresAtMs },
      (outcome) => {
        forgetRunning(state, running);
        if (outcome === "gone") unreserveWaiting(state, job);
        else {
          admitWaiting(state, job);
          if (expiresAtMs !== undefined) this.#owner.expire(job, expiresAtMs);
        }
        this.settle(running);
        this.#owner.wake();
      },
      // Only a lost lease leads here: the next owner finds the row still running and waits for its agent.
      (error) => {
        unreserveWaiting(state, job);
        this.settle(running, error);
        log.error({ event: "job.requeue_failed", jobId: job.id, error: messageOf(error) }, "requeue failed");
      },
    );
  }

  #endWithoutAgent(running: RunningJob, exit: Exit): void {
    background(this.#deps.log, "end of an attempt", this.#concludeOnce(running, this.#endOf(running, exit)));
  }

  /** The end of an attempt of which its agent said nothing. */
  #endOf(running: RunningJob, exit: Exit): JobEnd {
    return {
      id: running.job.id,
      workspace: running.job.workspace,
      token: running.token,
      exit,
      resultJson: errorResult(ERROR_NAMES[exit.reason] ?? "Error", exit.message),
      startedAtMs: running.startedAtMs,
      doneAtMs: this.#deps.clock.wallMs(),
      runUs: undefined,
      logChunks: 0,
      logBytes: 0,
      logDroppedBytes: 0,
    };
  }
}

/** When the job of an attempt that is given back expires: its first one, which was never sent, does not count as its beginning. */
function expiryOfUnsent({ job, sends }: RunningJob): number | undefined {
  const { attempt, dueAtMs, policy } = job;
  return policy?.queueTtlMs === undefined || attempt > 0 || sends > 0 ? undefined : dueAtMs + policy.queueTtlMs;
}

function newWaiters(): Waiters {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  return { settled: promise, resolve, reject };
}

/** The database refused the end as it was (an agent may send anything): the job still ends, and says why. */
function unstorable(end: JobEnd, error: unknown): JobEnd {
  const message = `the result could not be stored: ${messageOf(error)}`;
  const nothing = { startedAtMs: undefined, runUs: undefined, logChunks: 0, logBytes: 0, logDroppedBytes: 0 };
  return { ...end, ...nothing, exit: exitOf("result_invalid", message), resultJson: errorResult("ResultInvalid", message) };
}
