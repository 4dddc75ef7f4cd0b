import type { JobKey } from "../control-plane/jobs/idempotency-key.ts";
import { type TimeSettings, timeOf } from "../control-plane/jobs/job-options.ts";
import { type NewJob, shardOf } from "../control-plane/jobs/model.ts";
import type { JobLimits } from "../control-plane/scheduler/core/limit-model.ts";
import type { WorkspaceId } from "../kernel/ids.ts";
import type { ScriptArgs } from "./executor.ts";
import { jobIdOf } from "./model-store.ts";
import { EPOCH_MS } from "./virtual-time.ts";

/** No agent offers it: such jobs wait for ever, or until they expire. */
export const UNSERVED = "typescript";

export interface NewJobOptions {
  readonly random: () => number;
  /** Jobs are numbered as they are made. */
  readonly number: number;
  readonly workspace: WorkspaceId;
  /** Wall clock of the replica that is asked. */
  readonly wallMs: number;
  /** True time, milliseconds since the beginning. */
  readonly nowMs: number;
  readonly language: string;
  readonly key?: JobKey | undefined;
  readonly limits?: JobLimits | undefined;
  /** The longest that a script runs. */
  readonly longestMs: number;
}

/** A job as the API would make it of a request; chance decides what it is to do and what was asked for. */
export function makeJob({ random, number, workspace, wallMs, nowMs, language, key, limits, longestMs }: NewJobOptions): NewJob {
  const settings = settingsOf(random, nowMs);
  const args = argsOf(random, settings.retry !== undefined, longestMs);
  const timeoutMs = random() < 0.2 ? 2000 : undefined;
  const asked = { settings, args, timeoutMs, key, limits };
  return jobOf({
    ...asked,
    number,
    workspace,
    wallMs,
    language: settings.queue_ttl_s !== undefined && random() < 0.5 ? UNSERVED : language,
    prio: random() < 0.7 ? 4 : Math.floor(random() * 9),
  });
}

export interface AskedJob {
  readonly number: number;
  readonly workspace: WorkspaceId;
  readonly wallMs: number;
  readonly language: string;
  readonly prio: number;
  readonly settings: TimeSettings;
  readonly args: ScriptArgs;
  readonly timeoutMs: number | undefined;
  readonly key?: JobKey | undefined;
  readonly limits?: JobLimits | undefined;
}

export function jobOf({ number, workspace, wallMs, language, prio, settings, args, timeoutMs, key, limits }: AskedJob): NewJob {
  const { dueAtMs, policy, special } = timeOf(settings, undefined, timeoutMs, key, wallMs);
  return {
    job: {
      id: jobIdOf(wallMs, number),
      workspace,
      shard: shardOf(workspace),
      tag: "default",
      language,
      prio,
      dueAtMs,
      attempt: 0,
      lost: 0,
      scriptId: undefined,
      timeoutMs,
      limits,
      policy,
    },
    payload: { kind: "inline", scriptHash: undefined, code: "", argsJson: JSON.stringify(args), createdBy: "simulation" },
    special,
  };
}

function argsOf(random: () => number, fails: boolean, longestMs: number): ScriptArgs {
  const mode = random() - (fails ? 0.5 : 0);
  return {
    runMs: Math.round(5 + 1000 * random() ** 2 + (random() < 0.2 ? random() * (random() < 0.4 ? longestMs : longestMs / 5) : 0)),
    mode: fails && mode < 0 ? "failure" : modeOf(fails ? mode * 2 : mode),
  };
}

function modeOf(dice: number): ScriptArgs["mode"] {
  if (dice < 0.8) return "success";
  if (dice < 0.87) return "failure";
  if (dice < 0.89) return "unspeakable";
  if (dice < 0.92) return "unstorable";
  return dice < 0.95 ? "refused" : "deaf";
}

/** Most jobs ask for nothing of it, as in life. */
function settingsOf(random: () => number, nowMs: number): TimeSettings {
  const seconds = (most: number): number => Math.round(most * random() ** 2 * 1000) / 1000;
  const when = random();
  return {
    ...(when < 0.07 ? { delay_s: seconds(20) } : {}),
    ...(when > 0.93 ? { scheduled_for: new Date(EPOCH_MS + nowMs + 1000 * seconds(45)).toISOString() } : {}),
    ...(random() < 0.2 ? { retry: retryOf(random, seconds(8)) } : {}),
    ...(random() < 0.07 ? { queue_ttl_s: seconds(15) } : {}),
  };
}

function retryOf(random: () => number, delayS: number): NonNullable<TimeSettings["retry"]> {
  const maxAttempts = 2 + Math.floor(random() * 3);
  if (random() < 0.6) return { max_attempts: maxAttempts, constant: { delay_s: random() < 0.4 ? 0 : delayS } };
  return { max_attempts: maxAttempts, exponential: { first_s: delayS / 4, factor: 2, max_s: 10, jitter: 0.2 } };
}
