import type { JobId, WorkspaceId } from "../../kernel/ids.ts";
import type { RUN_STATES } from "./contract.ts";
import type { Health } from "./handlers-core.ts";
import type { Overlap } from "./overlap-core.ts";
import type { CatchUp } from "./plan-core.ts";

/** One schedule; its number is never used again, so that nothing of a deleted one is taken for a new one at its path. */
export interface ScheduleRef {
  readonly workspace: WorkspaceId;
  readonly id: string;
}

/** One run of a schedule: of the tick of that moment, or asked for at it. */
export interface RunRef extends ScheduleRef {
  readonly dueMs: number;
}

/** When it ticks: five or six fields of cron, read in a zone of the IANA database. */
export interface Timing {
  readonly cron: string;
  readonly zone: string;
}

export interface Target {
  readonly kind: "script" | "flow";
  readonly path: string;
}

/** A script that is run when runs begin or cease to fail. */
export interface Handler {
  readonly script: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** Runs in a row that must have ended so. */
  readonly after: number;
}

export interface Handlers {
  /** @param exact once, at that number, instead of at each failure from it on */
  readonly error: (Handler & { readonly exact: boolean }) | undefined;
  readonly recovery: Handler | undefined;
}

/** What a run needs of its schedule. */
export interface Work {
  readonly path: string;
  readonly target: Target;
  /** JSON text of an object. */
  readonly argsJson: string;
  /** JSON text of the settings that a run takes. */
  readonly settingsJson: string;
  readonly overlap: Overlap;
  readonly handlers: Handlers;
  /** The label of whoever wrote the schedule last: its jobs act for an account. */
  readonly updatedBy: string;
}

/** A schedule whose next tick is near. */
export interface DueSchedule extends ScheduleRef, Timing {
  readonly nextMs: number;
  /** Grows when the ticks are others from now on. */
  readonly timing: number;
  readonly catchUp: CatchUp;
}

/** A step from one tick to the next, with what becomes of the ticks in between. */
export interface Move extends ScheduleRef, Timing {
  /** As the ticker knows it; if it is not so any more nothing happens. */
  readonly nextMs: number;
  readonly timing: number;
  readonly run: readonly number[];
  readonly missed: { readonly fromMs: number; readonly untilMs: number } | undefined;
  readonly thenMs: number | undefined;
}

/** A run that is recorded and whose job is to be started. */
export interface PlannedRun extends RunRef {
  readonly work: Work;
  /** Undefined: it is a tick's. */
  readonly askedBy: string | undefined;
  /** True while nobody else can have started its job, so that it need not be looked for. Undefined: somebody may have. */
  readonly isNew?: (() => boolean) | undefined;
}

/** What is still to be done about a run. start: its job · wait: for the run before · watch: for the end of its job · handle: a handler is to be run */
export type Todo = "start" | "wait" | "watch" | "handle";

/** A run about which something is to be done. */
export interface OpenRun extends PlannedRun {
  readonly todo: Todo;
  readonly job: JobId | undefined;
  /** Why it could not be started. */
  readonly note: string | undefined;
  readonly handler: "error" | "recovery" | undefined;
  readonly health: Health;
  /** Since `todo` was said, and since the tick was claimed, by the database's clock. */
  readonly todoForMs: number;
  readonly claimedForMs: number;
}

/** What has become of a run. */
export interface RunRecord {
  readonly run: RunRef;
  readonly state: (typeof RUN_STATES)[number];
  readonly job?: JobId | undefined;
  readonly note?: string | undefined;
  /** What is to be done next about it. */
  readonly todo?: Todo | undefined;
}

/** What is known about earlier runs when the next one is due. */
export interface Occupancy {
  /** An earlier one is being started, runs or waits. */
  readonly isBusy: boolean;
  readonly waiting: number;
}

/** What became of the attempt to start a run. */
export type StartOutcome =
  | { readonly kind: "started"; readonly job: JobId }
  /** For good: the message says why. */
  | { readonly kind: "refused"; readonly message: string }
  /** It is not known, or cannot be done at the moment. */
  | { readonly kind: "unknown"; readonly message: string };

export interface Ended {
  readonly outcome: "succeeded" | "failed" | "cancelled";
  readonly message: string | undefined;
}

export function hasHandlers({ error, recovery }: Handlers): boolean {
  return error !== undefined || recovery !== undefined;
}

/** Whether somebody must learn of the end of this run. What people ask for says nothing about the schedule, and nothing waits for it. */
export function isWatched({ askedBy, work }: Pick<PlannedRun, "askedBy" | "work">): boolean {
  return askedBy === undefined && (hasHandlers(work.handlers) || work.overlap === "queue");
}
