import { messageOf } from "../../kernel/app-error.ts";
import type { JobId } from "../../kernel/ids.ts";
import { type JobRef, SHARDS } from "../jobs/model.ts";
import type { WaitingJob } from "./core/model.ts";
import type { Shards } from "./core/shards-core.ts";
import {
  beginRead,
  createTimers,
  failRead,
  finishRead,
  nextDueMs,
  removeTimer,
  setTimer,
  type Timed,
  type TimerRead,
  type Timers,
  takeDue,
} from "./core/timers-core.ts";
import type { OwnerDeps } from "./owner-deps.ts";
import type { Deferred, Expiring, SleepingFlow, TimerPage } from "./timer-store.ts";

const LIMIT = 20_000;
const HORIZON_MS = 60_000;
const PAGE = 2000;
const FIRE_AT_ONCE = 1000;
/** The wall clock may be set: it is looked at this often, however far the next moment is. */
const LOOK_AGAIN_MS = 1000;

export interface TimerEvents {
  /** Its moment has come: from now on it stands in its queue. */
  readonly ready: (job: WaitingJob) => void;
  /** It did not begin in time. */
  readonly expired: (job: Expiring) => void;
  /** Something is to happen in a flow. */
  readonly flowDue: (flow: SleepingFlow) => void;
}

/**
 * The moments of an owner: when deferred jobs become ready and when jobs that still wait expire. The soonest are in memory, so that they
 * come within milliseconds; waiting writes nothing. The owner's wall clock decides: set forward by an hour, moments come an hour early and no
 * more; set back, they come late; neither loses one.
 */
export class OwnerTimers {
  readonly #deps: Pick<OwnerDeps, "store" | "state" | "clock" | "log" | "owns" | "flows">;
  readonly #events: TimerEvents;
  #deferred: Timers<Deferred> = createTimers(LIMIT, HORIZON_MS);
  #expiring: Timers<Expiring> = createTimers(LIMIT, HORIZON_MS);
  #flows: Timers<SleepingFlow> = createTimers(LIMIT, HORIZON_MS);
  /** Deferred jobs whose insert was not answered yet. Bounded by the operations of the writer. */
  readonly #arriving = new Set<JobId>();
  #alarm: NodeJS.Timeout | undefined;
  #alarmAtMs = Number.POSITIVE_INFINITY;
  #stopped = false;

  constructor(deps: Pick<OwnerDeps, "store" | "state" | "clock" | "log" | "owns" | "flows">, events: TimerEvents) {
    this.#deps = deps;
    this.#events = events;
  }

  /** Jobs up to this moment have become ready, or are about to: refills include them. */
  get firedMs(): number {
    return this.#deferred.firedMs;
  }

  /** Entries in memory. */
  get size(): number {
    return this.#deferred.entries.size + this.#expiring.entries.size + this.#flows.entries.size;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#alarm);
  }

  /** A new job that waits for its moment is being written. To be followed by `defer` or `forget`. */
  arriving(id: JobId): void {
    this.#arriving.add(id);
  }

  /** The row of a deferred job is committed. */
  defer(job: WaitingJob): void {
    this.#arriving.delete(job.id);
    setTimer(this.#deferred, { id: job.id, atMs: job.dueAtMs, job });
    this.#wakeAt(job.dueAtMs);
  }

  /** The row of a job that may expire is committed. */
  expire(job: WaitingJob, atMs: number): void {
    setTimer(this.#expiring, { id: job.id, atMs, workspace: job.workspace, shard: job.shard });
    this.#wakeAt(atMs);
  }

  /** The moment at which something happens in a flow is committed; undefined: nothing does by itself. */
  flowAt({ id, workspace, shard }: JobRef, atMs: number | undefined): void {
    if (atMs === undefined) {
      removeTimer(this.#flows, id);
      return;
    }
    setTimer(this.#flows, { id, atMs, workspace, shard });
    this.#wakeAt(atMs);
  }

  /** An attempt begins, or the job has ended while it waited. */
  forget(id: JobId): void {
    this.#arriving.delete(id);
    removeTimer(this.#deferred, id);
    removeTimer(this.#expiring, id);
  }

  /**
   * A refill has read the job; the timer is of no use any more. @returns false for a job that is left to its timer, which is about to be set or
   * to fire: the limits of a job have their say at its moment
   */
  refilled({ id, limits, attempt, dueAtMs }: WaitingJob): boolean {
    const isAboutToFire = this.#arriving.has(id) || (this.#deferred.entries.has(id) && dueAtMs <= this.#deps.clock.wallMs());
    if (limits !== undefined && attempt === 0 && isAboutToFire) return false;
    removeTimer(this.#deferred, id);
    return true;
  }

  /**
   * Shards came: what is in memory lacks their moments, so it is read anew from the first one on. A read that is under way did not ask for
   * them; it ends in what is thrown away here.
   */
  restart(): void {
    const { firedMs } = this.#deferred;
    this.#deferred = createTimers(LIMIT, HORIZON_MS);
    this.#deferred.firedMs = firedMs;
    this.#expiring = createTimers(LIMIT, HORIZON_MS);
    this.#flows = createTimers(LIMIT, HORIZON_MS);
    this.look();
  }

  /** Shards went. What a read brings of them yet is left out when it is due. */
  forgetShards(shards: Shards): void {
    for (const { id, job } of [...this.#deferred.entries.values()]) if (shards.has(job.shard)) removeTimer(this.#deferred, id);
    for (const { id, shard } of [...this.#expiring.entries.values()]) if (shards.has(shard)) removeTimer(this.#expiring, id);
    for (const { id, shard } of [...this.#flows.entries.values()]) if (shards.has(shard)) removeTimer(this.#flows, id);
  }

  /** Fires what is due and reads what comes next; call it now and then, since the wall clock may be set. */
  look(): void {
    if (this.#stopped) return;
    clearTimeout(this.#alarm);
    const { store, state, owns, clock } = this.#deps;
    const nowMs = clock.wallMs();
    // A shard that is being given away: its next owner reads them, or we do when it stays.
    for (const { job } of takeDue(this.#deferred, nowMs, FIRE_AT_ONCE)) if (owns(job.shard)) this.#events.ready(job);
    for (const entry of takeDue(this.#expiring, nowMs, FIRE_AT_ONCE)) if (owns(entry.shard)) this.#events.expired(entry);
    for (const entry of takeDue(this.#flows, nowMs, FIRE_AT_ONCE)) if (owns(entry.shard)) this.#events.flowDue(entry);
    const shards = (): number[] => Array.from({ length: SHARDS }, (_, shard) => shard).filter(owns);
    this.#read(
      this.#deferred,
      nowMs,
      (read) => store.deferred(read, PAGE, shards()),
      (id) => state.waiting.has(id) || state.running.has(id),
    );
    this.#read(
      this.#expiring,
      nowMs,
      (read) => store.expiring(read, PAGE, shards()),
      (id) => state.running.has(id),
    );
    // One that has ended meanwhile is not found by its engine.
    if (this.#deps.flows !== undefined)
      this.#read(
        this.#flows,
        nowMs,
        (read) => store.dueFlows(read, PAGE, shards()),
        () => false,
      );
    this.#alarmAtMs = Number.POSITIVE_INFINITY;
    // More of them than may be handed out at once: what is left is due now.
    const moments = [nextDueMs(this.#deferred), nextDueMs(this.#expiring), nextDueMs(this.#flows)].map((ms) => ms ?? Number.POSITIVE_INFINITY);
    this.#wakeAt(Math.min(...moments, nowMs + LOOK_AGAIN_MS));
  }

  #wakeAt(atMs: number): void {
    if (this.#stopped || atMs >= this.#alarmAtMs) return;
    clearTimeout(this.#alarm);
    this.#alarmAtMs = atMs;
    this.#alarm = setTimeout(() => this.look(), Math.max(0, Math.min(atMs - this.#deps.clock.wallMs(), LOOK_AGAIN_MS)));
  }

  #read<T extends Timed>(timers: Timers<T>, nowMs: number, page: (read: TimerRead) => Promise<TimerPage<T>>, isKnown: (id: JobId) => boolean): void {
    const read = beginRead(timers, nowMs);
    if (read === undefined) return;
    page(read).then(
      ({ rows, complete }) => {
        finishRead(timers, read, rows, complete, isKnown);
        this.look();
      },
      (error: unknown) => {
        failRead(timers);
        this.#deps.log.warn({ event: "timers.read_failed", error: messageOf(error) }, "jobs that wait for a moment could not be read, will be retried");
      },
    );
  }
}
