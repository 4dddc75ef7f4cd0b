import type { Exit, ExitReason } from "../../../kernel/exit.ts";
import type { JobId } from "../../../kernel/ids.ts";
import type { Requirements } from "./requirements.ts";

/** What was asked for about the time, the outcome and the place of a job. Shared by all jobs with the same text. */
export interface JobPolicy {
  /** JSON text, as it is stored and shown. */
  readonly text: string;
  readonly retry: RetryPolicy | undefined;
  /** Ends when no attempt has begun this long after it could have. */
  readonly queueTtlMs: number | undefined;
  /** TERM after this long; the job's own timeout then kills. */
  readonly softTimeoutMs: number | undefined;
  /** Of inline code; those of a script are with its version. */
  readonly requirements?: Requirements | undefined;
  /** Set for a step of a flow: its end is for the flow to know. */
  readonly flow?: StepOf | undefined;
  /** Set for a run of a flow that an outside trigger has started: its preprocessor makes the inputs of what the trigger was called with. */
  readonly preprocess?: true | undefined;
  /** Set for a run of a flow that goes on where an earlier one was: its first events were stored before it was accepted. */
  readonly restart?: RestartOf | undefined;
}

/** Where a run of a flow comes from that uses results of another one. */
export interface RestartOf {
  /** The earlier run, and the step at which this one goes on; empty: it begins at the beginning. */
  readonly id: JobId;
  readonly step: string;
  /** Inputs in which `$var:` and `$res:` stand for something, where the earlier run's were arguments of a step; as in StepOf. */
  readonly refs?: readonly string[] | undefined;
  /** All runs whose results this one may refer to: they are kept while it lives. */
  readonly uses: readonly JobId[];
  /** The step is a sub-flow that goes on in the middle: the run which its first attempt is to be. */
  readonly sub?: { readonly job: JobId; readonly hash: string; readonly restart: RestartOf } | undefined;
}

/** Whose step a job is. */
export interface StepOf {
  /** The run of the flow. */
  readonly id: JobId;
  /** The run that is nobody's step; of steps of sub-flows another one. */
  readonly root: JobId;
  /** Where in the run; see flows/core/model.ts. */
  readonly place: string;
  /** How many flows are around it, for a step that is a flow. */
  readonly depth?: number | undefined;
  /** Constants of the flow: variables of its steps' environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /**
   * Arguments in which `$var:` and `$res:` stand for something: those that people wrote, into the flow or as its inputs, and none that a step
   * returned. Undefined for jobs of releases that did not say: all.
   */
  readonly refs?: readonly string[] | undefined;
  /** The result is to be kept under this name, for so long. */
  readonly cache?: { readonly key: string; readonly ttlS: number } | undefined;
  /** Of a flow with same_worker. */
  readonly folder?: StepFolder | undefined;
}

/** The folder that the steps of a run share. */
interface StepFolder {
  /** The first step makes it. The job of any other waits on the tag of the agent that has it. */
  readonly isNew: boolean;
  /** The step's own tag: owners of agents have rules about tags. */
  readonly tag: string;
}

export interface RetryPolicy {
  /** Attempts that may fail by themselves; lost ones are counted apart. */
  readonly maxAttempts: number;
  readonly wait: RetryWait;
  readonly when: RetryCondition;
}

export type RetryWait =
  | { readonly kind: "constant"; readonly delayMs: number }
  /** `jitter` is the share of the delay that is left to chance, 0 to 1. */
  | { readonly kind: "exponential"; readonly firstMs: number; readonly factor: number; readonly maxMs: number; readonly jitter: number };

/** Which failures are worth another attempt. A union, since expressions over the result come with flows. */
export type RetryCondition = {
  readonly kind: "exits";
  readonly reasons: readonly ExitReason[];
  /** Narrows `exit_code` to these codes. */
  readonly codes: readonly number[] | undefined;
};

/** Ends that another attempt may change. Nobody tries again what was cancelled, has expired or was lost too often. */
export const RETRYABLE = [
  "exit_code",
  "signal",
  "timeout",
  "out_of_memory",
  "disk_full",
  "syntax_error",
  "result_invalid",
  "result_too_large",
  "sandbox_error",
  "runtime_missing",
] as const satisfies readonly ExitReason[];

/** Without a condition: what may pass by itself. The same code gives the same syntax error and the same too large result. */
export const RETRIED_BY_DEFAULT = ["exit_code", "signal", "timeout", "out_of_memory", "disk_full", "sandbox_error"] as const satisfies readonly ExitReason[];

/**
 * Whether and when an attempt that failed is tried again.
 * @param failedBefore attempts of the job that failed and were tried again
 * @param random a number in [0, 1)
 * @returns milliseconds to wait, or undefined when the failure stands
 */
export function retryDelayMs(policy: RetryPolicy | undefined, exit: Exit, failedBefore: number, random: number): number | undefined {
  if (policy === undefined || failedBefore + 1 >= policy.maxAttempts || !holds(policy.when, exit)) return undefined;
  const { wait } = policy;
  if (wait.kind === "constant") return wait.delayMs;
  // A large power is Infinity, which the ceiling takes care of.
  const fullMs = Math.min(wait.maxMs, wait.firstMs * wait.factor ** failedBefore);
  return Math.round(fullMs * (1 - wait.jitter * random));
}

function holds(condition: RetryCondition, exit: Exit): boolean {
  if (!condition.reasons.includes(exit.reason)) return false;
  return exit.reason !== "exit_code" || condition.codes === undefined || condition.codes.includes(exit.code);
}
