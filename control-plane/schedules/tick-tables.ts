import type { JobId } from "../../kernel/ids.ts";
import type { Health } from "./handlers-core.ts";
import type { DueSchedule, Move, Occupancy, OpenRun, PlannedRun, RunRecord, RunRef, ScheduleRef } from "./model.ts";

/** What a claim has done. */
export interface Claimed {
  /** Schedules that were moved on; the others were not as the ticker knew them. */
  readonly moved: readonly (ScheduleRef & { readonly runs: number; readonly rows: number })[];
  /** Recorded, and now to be started by the one who claimed. */
  readonly runs: readonly PlannedRun[];
  /** What earlier runs did at that moment, of schedules that ask. */
  readonly busy: ReadonlyMap<string, Occupancy>;
}

/**
 * The tables of schedules as the ticker uses them. Each method is one transaction; all may be called by several replicas at once, in which
 * case one of them does the thing. The simulation has a model of them.
 */
export interface TickTables {
  /** Schedules of these shards whose next tick is not after a moment, soonest first. */
  due(shards: readonly number[], untilMs: number, limit: number): Promise<DueSchedule[]>;
  /**
   * Moves schedules on and records what becomes of their ticks. A tick that is recorded already is not recorded again.
   * @param isNew what is said of runs of schedules that had none of that moment or later before: rows of earlier ones may have been let go
   */
  claim(moves: readonly Move[], isNew: () => boolean): Promise<Claimed>;
  /** What earlier runs do, for schedules that ask. @param refs with the first of the ticks that are due */
  occupancy(refs: readonly RunRef[]): Promise<ReadonlyMap<string, Occupancy>>;
  /** What was done about runs that were to be started. One that has a job already stays as it is. */
  record(records: readonly RunRecord[]): Promise<void>;
  /** Hands out the oldest run that waits, if nothing is before it any more. */
  nextWaiting(schedule: ScheduleRef): Promise<PlannedRun | undefined>;
  /** Runs about which something is to be done, in a fixed order. @param after the last one of the page before */
  open(after: RunRef | undefined, limit: number): Promise<OpenRun[]>;
  /** Those of the runs whose start was left undone for this long; they are the caller's then. */
  retake(runs: readonly RunRef[], leftForMs: number): Promise<RunRef[]>;
  /** Keeps the end of a run. @param next what it makes of the schedule's health; undefined: nothing @returns false when somebody else has */
  settle(run: RunRef, next: ((health: Health) => { readonly health: Health; readonly call: "error" | "recovery" | undefined }) | undefined): Promise<Settled>;
  /** The handler was run, or cannot be. */
  handled(run: RunRef, job: JobId | undefined, note: string | undefined): Promise<void>;
  /** Lets go of the oldest runs of schedules that have many. */
  prune(schedules: readonly ScheduleRef[], keep: number): Promise<void>;
}

/** call: the handler that is to be run, with the number of failures before */
export type Settled = { readonly kind: "elsewhere" } | { readonly kind: "settled"; readonly call: "error" | "recovery" | undefined; readonly failures: number };

export const keyOf = ({ workspace, id }: ScheduleRef): string => `${workspace}/${id}`;
