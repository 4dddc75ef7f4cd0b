/**
 * The state of a run: plain JSON, a snapshot of it and back is the same. It follows from the definition and the events alone.
 *
 * It is a tree: a block is a list of modules that run one after the other; a step of a block that is a loop or a branch has blocks of its own.
 * Only what is under way is in it: of a block the modules that are over and the one that is not, of a loop the iterations that are open. What
 * is within a step is forgotten when the step is over. So its size is bounded by the definition and by MOST_OPEN, not by the items of a loop.
 */
import type { AgentKey, JobId } from "../../../kernel/ids.ts";
import type { Approval, Outcome, Place, Question, StepStatus, ValueRef } from "./model.ts";

/** Iterations that are open at a time, on each level of nesting: loops within the iterations of a loop, or within branches side by side, divide it. */
export const MOST_OPEN = 256;

/**
 * Steps and iterations that one event may begin. Those that need nothing (mocks, loops and branches without steps) are over at once: of loops within
 * loops of them there are more than would ever end, and all of it would be one turn.
 */
export const MOST_AT_ONCE = 2048;

/** A whileloop that has not stopped after so many iterations fails. */
export const MOST_WHILE_ITERATIONS = 10_000;

export interface FlowState {
  stage: Stage;
  readonly main: BlockState;
  /** Of the preprocessor, then of the failure module. */
  side?: BlockState;
  /** What the preprocessor made of them. */
  inputs?: ValueRef;
  /** Why the flow fails. */
  failure?: Failure;
  /** The result of an earlier run is that of this one. */
  recalled?: true;
  /** The result of the step of `early_return`. */
  early?: ValueRef;
  /** With same_worker: the agent that has the folder which the steps share, from the first one on; not while the run waits for people or for a moment. */
  folder?: AgentKey;
  /** Set once it is over; `finish` is given when no job is leaving any more. */
  end?: End;
  /** Running jobs that nobody waits for any more: they are cancelled. */
  readonly leaving: JobAt[];
  /** The last chance number that an event brought. */
  jitter: number;
  /** Of the log; absent in runs of releases that did not say. */
  format?: number;
}

/** `recalling`: a kept result is looked for. `deciding`: skip_expr is asked. `failing`: the failure module runs. */
type Stage = "new" | "preprocessing" | "recalling" | "deciding" | "running" | "failing" | "over";

export interface End {
  readonly outcome: Outcome | "skipped";
  readonly value: ValueRef;
  readonly stepId?: string;
  /** The step for whose failure the failure module ran, which made the value. */
  readonly handled?: string;
  readonly reason?: string;
}

export interface JobAt {
  readonly place: Place;
  readonly job: JobId;
}

export interface BlockState {
  /** Of the first modules, in their order. */
  readonly done: StepDone[];
  /** The module after them, while it is under way. */
  step?: StepState;
  /** Of the last of its steps that waited for people. */
  approvals?: readonly Approval[];
}

export interface StepDone {
  readonly status: StepStatus;
  readonly value: ValueRef;
  readonly attempt: number;
  /** Of a branch or a loop. */
  readonly inner?: Inner;
}

/**
 * Results by id of the steps within a step that is over, as far as each of them has one: of the branches that ran, and of the last iteration of a
 * loop whose iterations follow one another. Their number is in the definition.
 */
export type Inner = Readonly<Record<string, ValueRef>>;

export interface StepState {
  /** From 1; 0 before it is known whether it is skipped. */
  attempt: number;
  phase: Phase;
  /** Its value, or of the last attempt that failed its error object. */
  own?: ValueRef;
  /** What is within it, once its work is done. */
  inner?: Inner;
  /** Why the last attempt failed: while a retry is thought about or waited for, and for good where the failure is no matter. */
  failure?: Failure;
  /** Those that it waited for. */
  approvals?: readonly Approval[];
}

export interface Failure {
  /** An error object `{ error: … }`. */
  readonly value: ValueRef;
  readonly stepId: string;
}

export type Phase =
  /** @param branch of the question `branch` @param most of the question `iterator`: parallelism, which was asked before */
  | { readonly kind: "asking"; readonly question: Question; readonly branch?: number; readonly most?: number }
  /** Inputs of an identity are being evaluated. */
  | { readonly kind: "passing" }
  /** Inputs are being evaluated, a job is being made. */
  | { readonly kind: "starting" }
  | { readonly kind: "running"; readonly job: JobId }
  | { readonly kind: "list"; readonly list: ListState }
  | { readonly kind: "choice"; readonly branch: Branch; readonly block: BlockState }
  | { readonly kind: "retrying"; readonly untilMs: number }
  | { readonly kind: "suspended"; readonly untilMs?: number; readonly approvals: readonly Approval[] }
  | { readonly kind: "sleeping"; readonly untilMs: number };

export type Branch = number | "default";

/** A loop, or a branchall: one block for each index. */
export interface ListState {
  /** Undefined for a whileloop. */
  readonly count?: number;
  readonly most: number;
  /** The index that begins next. */
  next: number;
  readonly open: OpenItem[];
  /** No more begin. */
  broken?: boolean;
  /** The first failure that counts. */
  failure?: Failure;
  /** A branch said that the flow, or the loop around it, is to stop. */
  stop?: Stop;
  /** Of a branchall: what is within the branches that are over. */
  inner?: Inner;
  /** Of a sequential loop: the iteration before, which the next one can refer to. */
  last?: { readonly done: readonly StepDone[]; readonly value: ValueRef };
  /** The flow job with which the iterator's list is stored, when it is not this one. */
  readonly run?: JobId;
}

export interface OpenItem {
  readonly index: number;
  readonly block: BlockState;
  /** Its result, while the loop's own stop_after_if is asked. */
  value?: ValueRef;
  /** It failed, and that is no matter. */
  failed?: boolean;
  /** Of a branch that is reused: what is within it. */
  inner?: Inner;
}

export interface Stop {
  readonly value: ValueRef;
  readonly skip: boolean;
  readonly failure?: Failure;
}

/** Whether more of a list is to begin. Between two events it is so only where MOST_AT_ONCE was reached. */
export function mayBegin({ broken, open, most, next, count = Number.POSITIVE_INFINITY }: ListState): boolean {
  return broken !== true && open.length < most && next < count;
}

/** The state of a run without events. */
export function newFlowState(): FlowState {
  return { stage: "new", main: { done: [] }, leaving: [], jitter: 0 };
}
