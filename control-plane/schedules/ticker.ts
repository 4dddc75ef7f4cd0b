import { messageOf } from "../../kernel/app-error.ts";
import { background } from "../../kernel/background.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { elapsedMs, type Instant, instantOf } from "../../kernel/instant.ts";
import type { Service } from "../../kernel/service.ts";
import { nextTurn } from "../../kernel/slices.ts";
import { SHARDS, shardOf } from "../jobs/model.ts";
import type { Log } from "../telemetry/log.ts";
import type { ScheduleMetrics } from "../telemetry/schedule-metrics.ts";
import { sliced } from "./chunks.ts";
import { SCHEDULE_LIMITS } from "./contract.ts";
import { ticksOf } from "./cron.ts";
import { HeldRuns } from "./held-runs.ts";
import type { DueSchedule, Move, Occupancy, PlannedRun } from "./model.ts";
import { planTicks } from "./plan-core.ts";
import type { RunStarter } from "./run-starter.ts";
import { keyOf, type TickTables } from "./tick-tables.ts";

export interface TickerDeps {
  readonly tables: TickTables;
  readonly starter: RunStarter;
  /** Whether this replica is the one that starts jobs of a shard. */
  readonly owns: (shard: number) => boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: ScheduleMetrics;
}

/** A schedule in memory, with what its next tick will do, worked out before it is due. */
interface Waiting extends DueSchedule {
  readonly thenMs: number | undefined;
}

/** How far ahead schedules are in memory, and how often the table is looked at. A change through another replica is heard of at the next look. */
const HORIZON_MS = 5000;
const LOOK_EVERY_MS = 2000;
/** Patterns have whole seconds. Looks are half a second after them, so that what they read and work out is in no tick's way. */
const LOOK_AFTER_MS = 500;
/** How long before its moment a tick is recorded and its job made. Less than a second: then no two ticks of a schedule are ahead of their time. */
const LEAD_MS = 250;
/** Runs that are held until their moment, with what they run; ticks beyond are recorded at theirs. */
const MAX_HELD = 500;
/** After this a run that was recorded may have been left, and be somebody else's: less than LEFT_FOR_MS of the sweeper. */
const NEW_FOR_MS = 10_000;
/** Schedules in memory; those that come later are read when their time is nearer. */
const MAX_IN_MEMORY = 20_000;
/** Schedules that one statement moves on. */
const BATCH = 100;
/** Statements at a time, one for each connection but one. */
const CLAIMS = 2;
/** Batches whose jobs are being started while the next one is claimed. */
const MAX_STARTING = 8;
/** To find the tick after one takes a tenth of a millisecond. */
const SLICE = 20;
/** The oldest runs of a schedule are let go each time it has had so many more. */
const PRUNE_EVERY = 50;

/**
 * Ticks for the schedules whose shards this replica owns. The next seconds are in memory, so that a tick needs no look at the table; whether it
 * happens is decided by the table alone: the statement that records it moves the schedule on, if it still is where this replica believes it to
 * be. So it does no harm when two replicas tick, when clocks differ or are set, or when what is in memory is old. All of this is done shortly
 * before the moment, at which the job, made already, is only accepted.
 */
export class Ticker implements Service {
  readonly #deps: TickerDeps;
  #waiting = new Map<string, Waiting>();
  readonly #claiming = new Set<string>();
  readonly #starting = new Set<Promise<void>>();
  readonly #held: HeldRuns;
  /** Schedules up to here are in memory. */
  #horizonMs = 0;
  #looks: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #firing: Promise<void> | undefined;
  #looking: Promise<void> | undefined;
  #isStopped = false;

  constructor(deps: TickerDeps) {
    this.#deps = deps;
    this.#held = new HeldRuns(deps.clock, (runs, busy) => this.#begin(deps.starter.start(runs, busy)));
  }

  async start(): Promise<void> {
    this.#held.start();
    this.#lookNow();
    this.#lookAgain();
  }

  /** Ticks that are claimed are seen through, others left to the next owner. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#looks);
    clearTimeout(this.#timer);
    await Promise.allSettled([this.#looking, this.#firing]);
    await this.#held.stop();
    await Promise.allSettled(this.#starting);
  }

  /** A schedule has changed: its next tick may be sooner than what is known. */
  changed(): void {
    if (this.#looks !== undefined && !this.#isStopped) this.#lookNow();
  }

  #lookNow(): void {
    background(this.#deps.log, "a look at schedules", this.#lookAndArm());
  }

  /** Each time anew: an interval would wander. */
  #lookAgain(): void {
    const sinceMs = (this.#deps.clock.wallMs() - LOOK_AFTER_MS) % 1000;
    this.#looks = setTimeout(() => {
      this.#lookNow();
      this.#lookAgain();
    }, LOOK_EVERY_MS - sinceMs);
  }

  /** Reads which schedules tick within the horizon. One look at a time. Errors: of the tables; then what is in memory stays. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Does all that is due, and makes ready what soon is. Errors: of the tables; what is not known to be done is found at the next look. */
  async fire(): Promise<void> {
    this.#held.release();
    await Promise.all(Array.from({ length: CLAIMS }, () => this.#fireInTurn()));
  }

  async #fireInTurn(): Promise<void> {
    for (;;) {
      const now = instantOf(this.#deps.clock);
      const due = this.#dueAt(now.wallMs);
      if (due.length === 0 || this.#isStopped) return;
      for (const one of due) this.#claiming.add(keyOf(one));
      await this.#claim(due, now);
      while (this.#starting.size >= MAX_STARTING) await Promise.race(this.#starting);
    }
  }

  /** Resolves when nothing that was claimed and has come is still being started. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#starting);
  }

  async #lookAndArm(): Promise<void> {
    try {
      await this.look();
    } catch (error) {
      this.#deps.log.warn({ event: "schedules.look_failed", error: messageOf(error) }, "schedules could not be read, will be tried again");
    }
    this.#arm();
  }

  async #look(): Promise<void> {
    const { tables, owns, clock } = this.#deps;
    const shards = Array.from({ length: SHARDS }, (_, shard) => shard).filter(owns);
    const untilMs = clock.wallMs() + HORIZON_MS;
    const found = shards.length === 0 ? [] : await tables.due(shards, untilMs, MAX_IN_MEMORY);
    const before = this.#waiting;
    const next = new Map<string, Waiting>();
    let fresh = 0;
    for (const schedule of found) {
      const key = keyOf(schedule);
      const known = before.get(key);
      if (known?.nextMs === schedule.nextMs && known.timing === schedule.timing) next.set(key, known);
      else {
        next.set(key, { ...schedule, thenMs: ticksOf(schedule).after(schedule.nextMs) });
        fresh += 1;
        if (fresh % SLICE === 0) await nextTurn();
      }
    }
    // What was claimed meanwhile is further on than what was read.
    for (const [key, now] of this.#waiting) {
      const read = next.get(key);
      if (read?.timing === now.timing && read.nextMs < now.nextMs) next.set(key, now);
    }
    this.#waiting = next;
    this.#horizonMs = found.length === MAX_IN_MEMORY ? (found.at(-1)?.nextMs ?? untilMs) : untilMs;
  }

  /** What is claimed next: what is due, then what soon is. */
  #dueAt(nowMs: number): Waiting[] {
    const due: Waiting[] = [];
    for (const [key, one] of this.#waiting) if (one.nextMs <= nowMs + LEAD_MS && !this.#claiming.has(key) && this.#owns(one.workspace)) due.push(one);
    due.sort((a, b) => a.nextMs - b.nextMs);
    const late = due.filter(({ nextMs }) => nextMs <= nowMs);
    return late.length > 0 ? late.slice(0, BATCH) : due.slice(0, Math.min(BATCH, this.#room));
  }

  /** Ticks that may still be recorded ahead of their moment. */
  get #room(): number {
    return Math.max(0, MAX_HELD - this.#held.size - this.#claiming.size);
  }

  #owns(workspace: WorkspaceId): boolean {
    return this.#deps.owns(shardOf(workspace));
  }

  async #claim(due: readonly Waiting[], now: Instant): Promise<void> {
    const { tables, clock, log, metrics } = this.#deps;
    try {
      const moves: Move[] = [];
      for (const slice of sliced(due, SLICE)) {
        for (const one of slice) moves.push(moveOf(one, now.wallMs));
        // Ticks that were missed take milliseconds to look through.
        if (slice.length === SLICE && moves.some((move) => move.missed !== undefined)) await nextTurn();
      }
      const { moved, runs, busy } = await tables.claim(moves, () => elapsedMs(now, instantOf(clock)) < NEW_FOR_MS);
      this.#forget(due);
      const known = new Set(moved.map(keyOf));
      for (const [at, one] of due.entries()) if (known.has(keyOf(one))) this.#expect(one, moves[at]?.thenMs);
      for (const { missed, ...move } of moves) if (missed !== undefined && known.has(keyOf(move))) metrics.ticked("missed");
      this.#beginOrHold(runs, busy, now);
      const many = moved.filter(({ runs: total, rows }) => Math.floor(total / PRUNE_EVERY) > Math.floor((total - rows) / PRUNE_EVERY));
      if (many.length > 0) background(log, "letting go of old runs", tables.prune(many, SCHEDULE_LIMITS.runs));
    } catch (error) {
      // It may have been committed: the table tells at the next look.
      this.#forget(due);
      throw error;
    } finally {
      for (const one of due) this.#claiming.delete(keyOf(one));
    }
  }

  #forget(due: readonly Waiting[]): void {
    for (const one of due) {
      const key = keyOf(one);
      if (this.#waiting.get(key)?.nextMs === one.nextMs) this.#waiting.delete(key);
    }
  }

  /** The tick after one that was claimed, when it is near enough to be in memory. */
  #expect(one: Waiting, nextMs: number | undefined): void {
    if (nextMs === undefined || nextMs > this.#horizonMs) return;
    this.#waiting.set(keyOf(one), { ...one, nextMs, thenMs: ticksOf(one).after(nextMs) });
  }

  /** @param claimedAt what was not due yet is not judged by what was then */
  #beginOrHold(runs: readonly PlannedRun[], busy: ReadonlyMap<string, Occupancy>, claimedAt: Instant): void {
    const { starter } = this.#deps;
    const due = runs.filter(({ dueMs }) => dueMs <= claimedAt.wallMs);
    const early = runs.filter(({ dueMs }) => dueMs > claimedAt.wallMs);
    if (due.length > 0) this.#begin(starter.start(due, busy));
    if (early.length === 0) return;
    this.#begin(starter.prepare(early));
    this.#held.hold(early, busy, claimedAt);
  }

  #begin(starting: Promise<void>): void {
    const { log } = this.#deps;
    const watched: Promise<void> = starting
      .catch((error: unknown) =>
        log.warn({ event: "schedules.start_failed", error: messageOf(error) }, "runs of schedules could not be started, will be tried again"),
      )
      .finally(() => this.#starting.delete(watched));
    this.#starting.add(watched);
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#isStopped || this.#firing !== undefined) return;
    let soonestMs = Number.POSITIVE_INFINITY;
    for (const one of this.#waiting.values()) if (this.#owns(one.workspace)) soonestMs = Math.min(soonestMs, one.nextMs);
    const leadMs = this.#room > 0 ? LEAD_MS : 0;
    // Without any the next look arms. Timers may go off a little early by the wall clock: then the rest is waited for.
    if (soonestMs !== Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.#fireAndArm(), Math.max(1, soonestMs - leadMs - this.#deps.clock.wallMs()));
  }

  #fireAndArm(): void {
    const { log } = this.#deps;
    this.#firing ??= this.fire()
      .catch((error: unknown) => log.warn({ event: "schedules.claim_failed", error: messageOf(error) }, "ticks could not be recorded, will be tried again"))
      .finally(() => {
        this.#firing = undefined;
        this.#arm();
      });
  }
}

function moveOf(one: Waiting, nowMs: number): Move {
  const { workspace, id, cron, zone, nextMs, timing, thenMs, catchUp } = one;
  const known = { workspace, id, cron, zone, nextMs, timing };
  // The usual case has been worked out before.
  if (thenMs === undefined || thenMs > nowMs) {
    if (nowMs - nextMs < 1000) return { ...known, run: [nextMs], missed: undefined, thenMs };
  }
  return { ...known, ...planTicks(ticksOf(one), nextMs, nowMs, catchUp) };
}
