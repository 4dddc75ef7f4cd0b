import { type Exit, errorResult, exitOf, outcomeOf } from "../../../kernel/exit.ts";
import type { JobId } from "../../../kernel/ids.ts";
import type { Json } from "../../../kernel/json.ts";
import type { FlushOperation, JobEnd, Write } from "../../jobs/model.ts";
import { stepPolicy } from "../../jobs/policy-codec.ts";
import { FLOW_TAG } from "../../scheduler/core/flow-agent.ts";
import type { RunningJob, WaitingJob } from "../../scheduler/core/model.ts";
import type { Command, Place } from "../core/model.ts";
import { parseJson } from "./flow-codec.ts";
import { flowKey } from "./kept-results.ts";
import type { RunInput } from "./run-inputs.ts";
import type { RunState } from "./run-state.ts";
import type { Transition } from "./transition.ts";

type Finish = Extract<Command, { kind: "finish" }>;

/** The end of a run as its job's. @param valueJson the text of the command's value */
export function endOfRun(running: RunningJob, command: Finish, valueJson: string, nowMs: number, maxBytes: number): JobEnd {
  if (command.outcome === "succeeded" || command.outcome === "skipped") {
    if (Buffer.byteLength(valueJson) > maxBytes) return tooLarge(running, nowMs, maxBytes);
    return runEnd(running, exitOf("succeeded", command.outcome === "skipped" ? "skipped" : ""), valueJson, nowMs);
  }
  if (command.outcome === "cancelled") return runEnd(running, exitOf("cancelled", command.reason ?? ""), valueJson, nowMs);
  const resultJson = withStepId(valueJson, command.stepId);
  if (Buffer.byteLength(resultJson) > maxBytes) return tooLarge(running, nowMs, maxBytes);
  return runEnd(running, exitOf("step_failed", failureMessage(command, messageIn(resultJson)).slice(0, MOST_MESSAGE)), resultJson, nowMs);
}

/** The end of a run that cannot go on, for a reason that is ours. */
export function brokenEnd(running: RunningJob, message: string, nowMs: number): JobEnd {
  return runEnd(running, exitOf("step_failed", message.slice(0, MOST_MESSAGE)), errorResult("FlowError", message), nowMs);
}

const MOST_MESSAGE = 1000;

function tooLarge(running: RunningJob, nowMs: number, maxBytes: number): JobEnd {
  const message = `the result of the flow is larger than ${maxBytes} bytes of JSON`;
  return runEnd(running, exitOf("result_too_large", message), errorResult("ResultTooLarge", message), nowMs);
}

function runEnd(running: RunningJob, exit: Exit, resultJson: string, nowMs: number): JobEnd {
  const { job, token, startedAtMs } = running;
  return {
    id: job.id,
    workspace: job.workspace,
    token,
    exit,
    resultJson,
    startedAtMs,
    doneAtMs: nowMs,
    runUs: startedAtMs === undefined ? undefined : Math.max(0, Math.round((nowMs - startedAtMs) * 1000)),
    logChunks: 0,
    logBytes: 0,
    logDroppedBytes: 0,
  };
}

function withStepId(valueJson: string, stepId: string | undefined): string {
  const value = parseJson(valueJson);
  const error = isMembers(value) ? value["error"] : undefined;
  if (stepId === undefined || stepId === "" || !isMembers(value) || !isMembers(error) || error["step_id"] !== undefined) return valueJson;
  return JSON.stringify({ ...value, error: { ...error, step_id: stepId } });
}

/** @param said in the result, if that has an error */
function failureMessage({ stepId = "", handled = "" }: Finish, said: string | undefined): string {
  if (stepId !== "") return `step ${stepId}: ${said ?? "failed"}`;
  // A failure module says what it likes: which step it was for has to be seen all the same.
  if (handled !== "") return said === undefined ? `step ${handled} failed` : `step ${handled} failed: ${said}`;
  return said ?? "the flow failed";
}

function messageIn(valueJson: string): string | undefined {
  const value = parseJson(valueJson);
  const error = isMembers(value) && isMembers(value["error"]) ? value["error"] : undefined;
  const message = error?.["message"];
  return typeof message === "string" ? message : undefined;
}

function isMembers(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The end of a run as that of a step of another one; undefined for a run that is none. @param writes all that is written with it */
export function endOfStep({ id, policy }: WaitingJob, end: JobEnd, writes: readonly Write[], mended: boolean): RunInput | undefined {
  if (policy?.flow === undefined) return undefined;
  const { place, cache } = policy.flow;
  return { kind: "ended", job: id, place, outcome: outcomeOf(end.exit.reason), resultJson: end.resultJson, writes, mended, cache };
}

/** What else is written with the end of a run: its result for those who ask for the same again, and that steps of it are to be deleted. */
export function keepWhole(job: WaitingJob, state: RunState, to: Transition, nowMs: number): void {
  const { end } = to;
  if (state.deletesUsed) to.leavesUsed = true;
  const { cacheTtlS } = state.definition;
  // One that took results of another run over did not work on its own inputs alone.
  const isWhole = (job.policy?.restart?.step ?? "") === "" && !state.hasNewInputs && !state.wasRecalled;
  if (cacheTtlS === undefined || !isWhole || end?.exit.reason !== "succeeded" || end.exit.message !== "") return;
  to.keeps(flowKey(state.source), nowMs + cacheTtlS * 1000, end.resultJson);
}

/** A value that is too large to stand in an event, as a job that has ended at once: then it is in history like the results of all steps. */
export function valueJob(flow: WaitingJob, place: Place, id: JobId, createdBy: string, valueJson: string, nowMs: number): FlushOperation {
  const root = flow.policy?.flow?.root ?? flow.id;
  return {
    kind: "refuse",
    job: {
      id,
      workspace: flow.workspace,
      shard: flow.shard,
      tag: FLOW_TAG,
      language: "identity",
      prio: flow.prio,
      dueAtMs: nowMs,
      attempt: 0,
      lost: 0,
      scriptId: undefined,
      timeoutMs: undefined,
      policy: stepPolicy({ id: flow.id, root, place }, undefined),
    },
    payload: { kind: "step", scriptHash: undefined, code: undefined, argsJson: "{}", createdBy },
    doneAtMs: nowMs,
    exit: exitOf("succeeded"),
    resultJson: valueJson,
  };
}
