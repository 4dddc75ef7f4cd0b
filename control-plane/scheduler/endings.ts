import { AppError, messageOf } from "../../kernel/app-error.ts";
import { background } from "../../kernel/background.ts";
import { type Exit, errorResult, exitOf, outcomeOf } from "../../kernel/exit.ts";
import type { AgentKey, JobId, Token, WorkspaceId } from "../../kernel/ids.ts";
import type { JobEnd } from "../jobs/model.ts";
import type { FinishVerdict } from "./agent-port.ts";
import { afterLoss, endRunning, forgetRunning, takeBack } from "./core/dispatch-core.ts";
import type { RunningJob, WaitingJob } from "./core/model.ts";
import { admitWaiting, reserveWaiting, unreserveWaiting } from "./core/queue-core.ts";
import type { OwnerDeps } from "./owner-deps.ts";

/** A job whose agents went away this often is not tried again: it may be what takes them down. */
const MAX_LOST = 3;

const ERROR_NAMES: Partial<Record<Exit["reason"], string>> = { cancelled: "Canceled", timeout: "Timeout", lost: "Lost" };

/**
 * How attempts end: by the agent's report, by loss, or by force of the owner. An attempt is taken from its agent in memory
 * first (phase `ending`), so that exactly one of the ways wins; then the database is told, fenced by the token.
 */
export class Endings {
  readonly #deps: OwnerDeps;
  readonly #owner: { wake: () => void; cancelAgain: (job: WaitingJob, reason: string) => void };
  /** Reports whose commit is under way: a resent one waits for the same verdict. */
  readonly #reported = new Map<Token, Promise<FinishVerdict>>();
  /** Reports whose commit failed: they are still the valid ones, and are taken when they come again. Bounded by the running attempts. */
  readonly #failed = new Set<Token>();

  constructor(deps: OwnerDeps, owner: { wake: () => void; cancelAgain: (job: WaitingJob, reason: string) => void }) {
    this.#deps = deps;
    this.#owner = owner;
  }

  /** An agent's report. @param running the attempt if the agent and token are the valid ones */
  async finished(agent: AgentKey, running: RunningJob | undefined, end: Omit<JobEnd, "workspace">): Promise<FinishVerdict> {
    const underWay = this.#reported.get(end.token);
    if (underWay !== undefined) return underWay;
    if (running !== undefined && end.exit.reason === "fenced") {
      // The agent hands it back (it drains): nobody asked for an end, so it is not one.
      this.giveBack(running, false);
      return "recorded";
    }
    const ending = running === undefined ? undefined : this.#begin(running, end.token);
    if (ending === undefined) {
      // Not valid now. It may be a report whose acknowledgement was lost; then history knows the token.
      return (await this.#deps.store.doneToken(end.id, agent)) === end.token ? "recorded" : "stale";
    }
    this.#owner.wake();
    const verdict = this.#record(ending, { ...end, workspace: ending.job.workspace });
    this.#reported.set(end.token, verdict);
    try {
      return await verdict;
    } catch (error) {
      this.#failed.add(end.token);
      throw error;
    } finally {
      this.#reported.delete(end.token);
    }
  }

  /** Takes the attempt out of the running ones, or out of those whose report could not be committed before. */
  #begin(running: RunningJob | undefined, token: Token): RunningJob | undefined {
    if (running === undefined) return undefined;
    if (this.#failed.delete(token)) return running;
    return endRunning(this.#deps.state, running.job.id, token, this.#deps.clock.monotonicMs());
  }

  /** The agent went away with the attempt. One that it never confirmed did not run: it is given back, not lost. */
  lose(running: RunningJob, why: string): void {
    if (running.phase === "assigned") {
      this.giveBack(running, false);
      return;
    }
    this.#deps.log.warn({ event: "attempt.lost", jobId: running.job.id, attempt: running.job.attempt + 1, agentKey: running.agent }, `attempt lost: ${why}`);
    this.#deps.metrics.lost();
    this.giveBack(running, true);
  }

  /** An attempt that will not end by itself: back into the queue, unless it was cancelled or was lost too often. */
  giveBack(running: RunningJob, countLoss: boolean): void {
    if (!takeBack(this.#deps.state, running, this.#deps.clock.monotonicMs())) return;
    const job = afterLoss(running, countLoss);
    if (running.cancel !== undefined) this.#endWithoutAgent(running, exitOf("cancelled", running.cancel.reason));
    else if (job.lost >= MAX_LOST) this.#endWithoutAgent(running, exitOf("lost", `the agent went away during ${job.lost} attempts`));
    else this.#requeue(running, job);
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

  #record(running: RunningJob, end: JobEnd): Promise<FinishVerdict> {
    return new Promise((resolve, reject) => {
      this.#deps.writer.submit(
        { kind: "finish", job: running.job, end },
        (outcome) => {
          forgetRunning(this.#deps.state, running);
          // Its permits may be what others wait for.
          if (this.#deps.state.dirty.size > 0) this.#owner.wake();
          if (outcome === "moved") this.announce(end.workspace, end.id, end.exit);
          resolve(outcome === "moved" ? "recorded" : "stale");
        },
        (error) => {
          if (AppError.from(error).code === "unavailable" || end.exit.reason === "result_invalid") reject(error);
          else resolve(this.#record(running, unstorable(end, error)));
        },
      );
    });
  }

  #requeue(running: RunningJob, job: WaitingJob): void {
    const { state, writer, log } = this.#deps;
    reserveWaiting(state, job);
    writer.submit(
      { kind: "requeue", job, token: running.token },
      (outcome) => {
        forgetRunning(state, running);
        if (outcome === "gone") {
          unreserveWaiting(state, job);
          return;
        }
        admitWaiting(state, job);
        if (running.cancel !== undefined) this.#owner.cancelAgain(job, running.cancel.reason);
        this.#owner.wake();
      },
      // Only a lost lease leads here: the next owner finds the row still running and waits for its agent.
      (error) => {
        unreserveWaiting(state, job);
        log.error({ event: "job.requeue_failed", jobId: job.id, error: messageOf(error) }, "requeue failed");
      },
    );
  }

  #endWithoutAgent(running: RunningJob, exit: Exit): void {
    const end: JobEnd = {
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
    background(this.#deps.log, "end of an attempt", this.#record(running, end));
  }
}

/** The database refused the end as it was (an agent may send anything): the job still ends, and says why. */
function unstorable(end: JobEnd, error: unknown): JobEnd {
  const message = `the result could not be stored: ${messageOf(error)}`;
  const nothing = { startedAtMs: undefined, runUs: undefined, logChunks: 0, logBytes: 0, logDroppedBytes: 0 };
  return { ...end, ...nothing, exit: exitOf("result_invalid", message), resultJson: errorResult("ResultInvalid", message) };
}
