// Finds out, after a deploy, which versions of packages a script depends on. The table `script_lock` is the truth: a row that waits is work for
// any replica, and every step may be done twice (the job of a round has an idempotency key, a row is settled only while it waits for that round).
// So nothing is lost when a replica dies between any two steps: whoever looks next goes on.
// The replica that took the deploy looks at once and is told of the job's end; while any row waits all replicas look at all of them every few seconds.
import { AppError, messageOf } from "../../kernel/app-error.ts";
import { background } from "../../kernel/background.ts";
import type { JobId, WorkspaceId } from "../../kernel/ids.ts";
import type { Service } from "../../kernel/service.ts";
import type { Changes } from "../db/change-watch.ts";
import type { Pool } from "../db/pools.ts";
import type { DependencyJobs } from "../jobs/dependency-jobs.ts";
import type { Log } from "../telemetry/log.ts";
import { lockEnd } from "./lock-result.ts";
import { askAgain, hasPendingLocks, noteLockJob, type PendingLock, pendingLockOf, pendingLocks, settleLock } from "./lock-store.ts";
import type { ScriptCache } from "./script-cache.ts";

export interface ScriptLocksDeps {
  readonly pool: Pool;
  readonly scripts: ScriptCache;
  readonly jobs: DependencyJobs;
  readonly log: Log;
  /** Tells that locks wait. Without it only those of deploys here are found out. */
  readonly changes?: Changes;
}

const LOOK_EVERY_MS = 5000;
/** Rows of one look; the next one goes on behind them. */
const LOOK_AT = 50;
/** Ends that this replica waits to be told of; all others are found by looking. */
const MAX_FOLLOWED = 200;
const FOLLOW_MS = 15 * 60 * 1000;

export class ScriptLocks implements Service {
  readonly #deps: ScriptLocksDeps;
  readonly #stopped = new AbortController();
  readonly #followed = new Set<JobId>();
  #unwatch: (() => void) | undefined;
  #looking: Promise<void> | undefined;
  /** The last row of the look before. */
  #after: PendingLock | undefined;

  constructor(deps: ScriptLocksDeps) {
    this.#deps = deps;
  }

  async start(): Promise<void> {
    const waiting = { name: "locks of scripts", isNew: hasPendingLocks, since: () => "", read: () => this.#lookAtAll(), restMs: LOOK_EVERY_MS };
    this.#unwatch = this.#deps.changes?.watch(waiting);
  }

  async stop(): Promise<void> {
    this.#unwatch?.();
    this.#stopped.abort();
    await this.#looking?.catch(() => undefined);
  }

  /** A version was just deployed: its lock is looked at without waiting for the next round. */
  look(workspace: WorkspaceId, hash: string): void {
    background(
      this.#deps.log,
      "lock of a script",
      (async () => {
        const lock = await pendingLockOf(this.#deps.pool, workspace, hash);
        if (lock !== undefined) await this.#advance(lock);
      })(),
    );
  }

  /** Looks at some of the locks that wait, in turn. One look at a time. */
  #lookAtAll(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookOnce(): Promise<void> {
    const locks = await pendingLocks(this.#deps.pool, this.#after, LOOK_AT);
    this.#after = locks.length < LOOK_AT ? undefined : locks.at(-1);
    for (const lock of locks) {
      if (this.#stopped.signal.aborted) return;
      await this.#advance(lock);
    }
  }

  /** The next step of one lock. What fails now is tried again by a later look. */
  async #advance(lock: PendingLock): Promise<void> {
    try {
      if (lock.jobId === undefined) await this.#ask(lock);
      else await this.#collect(lock, lock.jobId);
    } catch (error) {
      const known = AppError.from(error);
      this.#deps.log.warn({ event: "script.lock_delayed", hash: lock.hash, code: known.code, error: messageOf(error) }, "the lock of a script has to wait");
    }
  }

  async #ask(lock: PendingLock): Promise<void> {
    const { pool, scripts, jobs } = this.#deps;
    const version = await scripts.loadVersion(lock.workspace, lock.hash);
    if (version === undefined) return settleLock(pool, lock, { kind: "failed", error: "the version does not exist any more" });
    const jobId = await jobs.ask(lock.workspace, version, lock.round);
    await noteLockJob(pool, lock, jobId);
    scripts.changed(lock.workspace, version.path, lock.hash);
    await this.#collect({ ...lock, jobId }, jobId);
  }

  async #collect(lock: PendingLock, jobId: JobId): Promise<void> {
    const { pool, scripts, jobs, log } = this.#deps;
    // Listened first, looked second: the end may come between.
    const unfollow = this.#follow(lock, jobId);
    const outcome = await jobs.outcome(lock.workspace, jobId);
    if (outcome === "alive") return;
    unfollow();
    if (outcome === "gone") return askAgain(pool, lock.workspace, lock.hash, "pending", lock.round);
    const end = lockEnd(outcome);
    await settleLock(pool, lock, end);
    const version = await scripts.loadVersion(lock.workspace, lock.hash);
    if (version !== undefined) scripts.changed(lock.workspace, version.path, lock.hash);
    log.info({ event: "script.locked", hash: lock.hash, jobId, state: end.kind }, "the dependencies of a script are known");
  }

  /** Collects again when the end is told of, unless somebody here listens already, or too many do. @returns the function that ends it */
  #follow(lock: PendingLock, jobId: JobId): () => void {
    if (this.#followed.has(jobId) || this.#followed.size >= MAX_FOLLOWED || this.#stopped.signal.aborted) return () => undefined;
    this.#followed.add(jobId);
    const enough = new AbortController();
    const told = this.#deps.jobs.ended(jobId, FOLLOW_MS, AbortSignal.any([this.#stopped.signal, enough.signal])).then(async (hasEnded) => {
      this.#followed.delete(jobId);
      if (hasEnded) await this.#advance({ ...lock, jobId });
    });
    background(this.#deps.log, "end of a dependency job", told);
    return () => enough.abort();
  }
}
