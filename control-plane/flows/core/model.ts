/**
 * The words between the pure core of flows and whoever runs it. The core decides what happens next; the engine (`flows/engine/`) carries it out:
 * it evaluates expressions, makes jobs, keeps timers and the log. A flow's state is a function of its definition and its events, which are
 * numbered from 1 and stored in the transaction of what caused them.
 *
 *   events → advance(definition, state, event) → commands → (the engine) → events …
 *
 * A command is no promise: after a crash `outstanding(definition, state)` gives all that still has to be carried out. So the engine may carry
 * out commands in the same turn, and store their events with the one that caused them, or later.
 */
import type { AgentKey, JobId } from "../../../kernel/ids.ts";
import type { Json } from "../../../kernel/json.ts";

/**
 * Where in a run something happens: ids of modules, and between them the number of the iteration or branch, joined by `/`: `a`,
 * `loop/3/b`, `choice/0/c` (the default branch of a branchone is `choice/default/c`). The failure module is `failure`, the preprocessor
 * `preprocessor` at the top, whatever their ids; the flow itself is the empty text. `loop/3` alone is that iteration: after it the loop's own
 * stop_after_if is asked. A place is the same in every run of a definition, and never grows with the number of items. Ids hold no `/`.
 */
export type Place = string;

/** Where the value of a step is. Values themselves are never in a state but for small ones. */
export type ValueRef =
  /** The result of this job. */
  | { readonly kind: "job"; readonly job: JobId }
  /** JSON text of at most INLINE_VALUE_BYTES. */
  | { readonly kind: "json"; readonly json: string }
  /** What the definition says that the module at this place returns when it is mocked, see `moduleAt`. */
  | { readonly kind: "mock"; readonly place: Place }
  /**
   * All results of a loop's iterations or a branchall's branches, in order: the list items of that place.
   * @param run the flow job whose items they are, when it is not this one: the run that this one was restarted from
   */
  | { readonly kind: "list"; readonly place: Place; readonly count: number; readonly run?: JobId };

export const INLINE_VALUE_BYTES = 2048;

/** Of an attempt at a step: failed ones carry an error object as their value. */
export type Outcome = "succeeded" | "failed" | "cancelled";

/** What is asked about an approval, and what came of it. */
export interface Approval {
  readonly approver: string;
  readonly approved: boolean;
  /** JSON text; whoever takes approvals in bounds its size. */
  readonly payload: string;
}

/** What an evaluation is for; its answer is the event named beside it. */
export type Question =
  | "flow_skip" // → flow_skip_decided
  | "skip" // skip_if of a step → skip_decided
  | "branch" // expression of branch number n of a branchone → branch_decided
  | "iterator" // → iterator_opened: the engine has stored the list
  | "parallelism" // → parallelism_decided
  | "stop" // stop_after_if → stop_decided; at `loop/3` that of the loop after its iteration 3
  | "stop_all" // stop_after_all_iters_if → stop_decided
  | "sleep" // → slept
  | "retry_if"; // → retry_decided

/** What the core wants to be done. Each can be given again after a crash. */
export type Command =
  /**
   * Evaluate an expression of the definition (`askedOf` says which) in the scope of a place. A failed evaluation answers with
   * `evaluation_failed`.
   */
  | { readonly kind: "ask"; readonly place: Place; readonly question: Question; readonly branch?: number }
  /** Evaluate the step's inputs and timeout, make its job (or answer from the cache) → started, or cached, or evaluation_failed. */
  | { readonly kind: "run"; readonly place: Place; readonly attempt: number }
  /** identity modules: evaluate its inputs → passed, or evaluation_failed. */
  | { readonly kind: "pass"; readonly place: Place }
  /** Wake the place at a moment → woke. A place has one timer: a new one replaces it. */
  | { readonly kind: "timer"; readonly place: Place; readonly atMs: number }
  /** Make secret URLs for a step that waits for people → nothing; approvals come as `approval`. */
  | { readonly kind: "invite"; readonly place: Place }
  /** Go on with a loop or branchall that was left in the middle: one event begins no more than MOST_AT_ONCE → went_on. */
  | { readonly kind: "go_on"; readonly place: Place }
  /** End a job that is not needed any more: its end comes as `ended`. */
  | { readonly kind: "cancel_job"; readonly place: Place; readonly job: JobId; readonly reason: string }
  /** Look whether the same flow with the same inputs has a result that is kept (cache_ttl) → recalled. */
  | { readonly kind: "recall" }
  /** A synchronous caller may be answered: the step of `early_return` has its result. */
  | { readonly kind: "answer_early"; readonly value: ValueRef }
  /**
   * The run is over: its job is to be ended in the transaction of the last events.
   * @param stepId the step that failed, where the value is its error object: it goes into it as `step_id`
   * @param handled the step that failed, where the failure module made the value
   */
  | {
      readonly kind: "finish";
      readonly outcome: Outcome | "skipped";
      readonly value: ValueRef;
      readonly stepId?: string;
      readonly handled?: string;
      readonly reason?: string;
    };

/** What has happened, and when. All are stored: the state follows from these alone. */
export type FlowEvent = Happening & {
  readonly atMs: number;
  /** Of the log from here on, see log-format.ts. */
  readonly format?: number;
};

export type Happening =
  /** The first one. @param preprocess an outside trigger started the flow, and there is a preprocessor */
  | { readonly kind: "flow_started"; readonly preprocess: boolean }
  /** @param value the result of an earlier run with the same inputs: it is that of this one */
  | { readonly kind: "recalled"; readonly value?: ValueRef }
  | { readonly kind: "flow_skip_decided"; readonly skip: boolean }
  | { readonly kind: "skip_decided"; readonly place: Place; readonly skip: boolean }
  | { readonly kind: "branch_decided"; readonly place: Place; readonly branch: number; readonly taken: boolean }
  /** @param run the flow job with which the list is stored, when it is not this one */
  | { readonly kind: "iterator_opened"; readonly place: Place; readonly count: number; readonly run?: JobId }
  | { readonly kind: "parallelism_decided"; readonly place: Place; readonly most: number }
  | { readonly kind: "evaluation_failed"; readonly place: Place; readonly question: Question | "inputs"; readonly message: string }
  | { readonly kind: "started"; readonly place: Place; readonly job: JobId; readonly attempt: number }
  /** A step whose result was known without a job: cache_ttl. */
  | { readonly kind: "cached"; readonly place: Place; readonly value: ValueRef }
  | { readonly kind: "passed"; readonly place: Place; readonly value: ValueRef }
  /** The job of a step has ended, all attempts of the queue's own included. */
  | {
      readonly kind: "ended";
      readonly place: Place;
      readonly job: JobId;
      readonly outcome: Outcome;
      readonly value: ValueRef;
      /** In [0, 1), for the delay of a retry. */
      readonly jitter: number;
      /** With same_worker: the agent on which it ran; absent when it never began. */
      readonly agent?: AgentKey;
      /** With same_worker: it could not run, since the folder that the steps share is gone. */
      readonly folderLost?: true;
    }
  | { readonly kind: "retry_decided"; readonly place: Place; readonly retry: boolean; readonly jitter: number }
  | { readonly kind: "stop_decided"; readonly place: Place; readonly question: "stop" | "stop_all"; readonly stop: boolean }
  /** The sleep after a step ends then. */
  | { readonly kind: "slept"; readonly place: Place; readonly untilMs: number }
  | { readonly kind: "woke"; readonly place: Place }
  /** More of a loop or branchall begins. */
  | { readonly kind: "went_on"; readonly place: Place }
  | { readonly kind: "approval"; readonly place: Place; readonly approval: Approval }
  /**
   * A step or an iteration is over as it was in the run that this one was restarted from; nothing is asked or waited for after it. Made by
   * `restartFrom` alone.
   */
  | {
      readonly kind: "reused";
      readonly place: Place;
      readonly status: StepStatus;
      readonly value: ValueRef;
      readonly attempt: number;
      readonly approvals?: readonly Approval[];
      /** Results of the steps within it, see state.ts. */
      readonly inner?: Readonly<Record<string, ValueRef>>;
    }
  | { readonly kind: "cancel_asked"; readonly by: string; readonly reason: string };

/** How a step came to its end. Failed ones whose failure was no matter count as failed, too. */
export type StepStatus = "succeeded" | "failed" | "skipped";

/**
 * The value of one iteration of a loop or one branch of a branchall: a consequence of an event, to be stored beside it in a row of its own, so
 * that no state and no row grows with the number of items. The same again when a log is replayed.
 */
export interface ListItem {
  readonly place: Place;
  readonly index: number;
  readonly value: ValueRef;
}

/** What an expression of a place may see, as references: the engine makes values of them. */
export interface ScopeRefs {
  /** By module id: of the place's own level and of all enclosing ones; inner ones hide outer ones. */
  readonly results: ReadonlyMap<string, ValueRef>;
  readonly previous: ValueRef | undefined;
  /**
   * Of loops around the place, the innermost last: where the list is stored, and which item. Without a list (whileloop) the item is the
   * index. @param run the flow job with which the list is stored, when it is not this one
   */
  readonly iterations: readonly { readonly place: Place; readonly index: number; readonly hasList: boolean; readonly run?: JobId }[];
  /** Result of the step itself, in stop_after_if, retry_if, sleep. */
  readonly own: ValueRef | undefined;
  /** In the failure module, and in retry_if: the error object of the step that failed, and its id, which goes into it as `step_id`. */
  readonly error: { readonly value: ValueRef; readonly stepId: string } | undefined;
  /**
   * Of the last step before that waited for people, in their order. `resume` is the payload of the last one: after a refusal or a wait that
   * was too long, when the flow goes on all the same, that one is not `approved` and its payload is `{"error": …}`.
   */
  readonly approvals: readonly Approval[];
  /** Set once a preprocessor has run: these are the inputs then. */
  readonly inputs: ValueRef | undefined;
}

/** What people see of a step, see `stepsOf`. */
export interface StepView {
  readonly place: Place;
  readonly status: "waiting" | "running" | "sleeping" | "suspended" | "retrying" | "succeeded" | "failed" | "cancelled" | "skipped";
  readonly job: JobId | undefined;
  readonly attempt: number;
  /** Of loops and branchalls; of a step that waits for people: approvals given, and needed. */
  readonly done?: number;
  readonly count?: number;
  readonly untilMs?: number;
  /** What is being evaluated while it waits. */
  readonly asks?: Question | "inputs";
}

/** For values that are small enough to stand in an event. */
export function jsonRef(value: Json): ValueRef {
  return { kind: "json", json: JSON.stringify(value) };
}
