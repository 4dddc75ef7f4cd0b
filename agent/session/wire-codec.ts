import { assertNever } from "../../kernel/assert-never.ts";
import { type Exit, errorResult, exitOf, type ExitReason as Reason } from "../../kernel/exit.ts";
import { MAX_MESSAGE_BYTES } from "../../kernel/protocol.ts";
import { type AttemptRef, ExitReason, type Finished } from "../../proto/gen/millrace/agent/v1/job.ts";
import type { AgentFrame, Policy } from "../../proto/gen/millrace/agent/v1/session.ts";
import type { ChunkTotals } from "../logs/chunker.ts";
import type { AttemptOutcome } from "../runner/attempt-types.ts";

/** What the server may set at run time, checked and with defaults filled in. */
export interface SessionPolicy {
  readonly keepaliveMs: number;
  readonly selfFenceMs: number;
  readonly logFlushMs: number;
  readonly logWindowBytes: number;
}

export const DEFAULT_POLICY: SessionPolicy = { keepaliveMs: 3_000, selfFenceMs: 20_000, logFlushMs: 50, logWindowBytes: 1024 * 1024 };

/** Reads a policy; zero means the default, values outside sane bounds are moved to the bound. */
export function policyFromWire(policy: Policy | undefined): SessionPolicy {
  if (policy === undefined) return DEFAULT_POLICY;
  return {
    keepaliveMs: clamp(policy.keepaliveMs, DEFAULT_POLICY.keepaliveMs, 20, 60_000),
    selfFenceMs: clamp(policy.selfFenceMs, DEFAULT_POLICY.selfFenceMs, 100, 300_000),
    logFlushMs: clamp(policy.logFlushMs, DEFAULT_POLICY.logFlushMs, 1, 10_000),
    logWindowBytes: clamp(policy.logWindowBytes, DEFAULT_POLICY.logWindowBytes, 64 * 1024, 64 * 1024 * 1024),
  };
}

function clamp(value: number, fallback: number, low: number, high: number): number {
  return value === 0 ? fallback : Math.min(high, Math.max(low, value));
}

/** Room for the other fields of a frame. */
const RESULT_ROOM_BYTES = 64 * 1024;

/** The record of an ended attempt. A result that no frame could carry becomes a failure that says so. */
export function finishedToWire(ref: AttemptRef, outcome: AttemptOutcome, log: ChunkTotals): Finished {
  const fits = Buffer.byteLength(outcome.resultJson) + Buffer.byteLength(outcome.exit.message) <= MAX_MESSAGE_BYTES - RESULT_ROOM_BYTES;
  const exit = fits ? outcome.exit : exitOf("result_too_large", `the result is larger than ${MAX_MESSAGE_BYTES - RESULT_ROOM_BYTES} bytes`);
  return {
    jobId: ref.jobId,
    token: ref.token,
    exit: exitToWire(exit),
    resultJson: fits ? outcome.resultJson : errorResult("ResultTooLarge", exit.message),
    startedAtUs: outcome.startedAtUs,
    finishedAtUs: outcome.finishedAtUs,
    logChunks: log.chunks,
    logBytes: log.bytes,
    logDroppedBytes: log.droppedBytes,
    peakMemoryBytes: outcome.peakMemoryBytes,
    cpuMs: outcome.cpuMs,
  };
}

function exitToWire(exit: Exit): NonNullable<Finished["exit"]> {
  return { reason: reasonToWire(exit.reason), code: exit.code, signal: exit.signal, message: exit.message };
}

function reasonToWire(reason: Reason): ExitReason {
  switch (reason) {
    case "succeeded":
      return ExitReason.EXIT_REASON_SUCCEEDED;
    case "exit_code":
      return ExitReason.EXIT_REASON_EXIT_CODE;
    case "signal":
      return ExitReason.EXIT_REASON_SIGNAL;
    case "timeout":
      return ExitReason.EXIT_REASON_TIMEOUT;
    case "cancelled":
      return ExitReason.EXIT_REASON_CANCELLED;
    case "out_of_memory":
      return ExitReason.EXIT_REASON_OUT_OF_MEMORY;
    case "disk_full":
      return ExitReason.EXIT_REASON_DISK_FULL;
    case "syntax_error":
      return ExitReason.EXIT_REASON_SYNTAX_ERROR;
    case "result_invalid":
      return ExitReason.EXIT_REASON_RESULT_INVALID;
    case "result_too_large":
      return ExitReason.EXIT_REASON_RESULT_TOO_LARGE;
    case "sandbox_error":
      return ExitReason.EXIT_REASON_SANDBOX_ERROR;
    case "runtime_missing":
      return ExitReason.EXIT_REASON_RUNTIME_MISSING;
    case "lost":
      return ExitReason.EXIT_REASON_LOST;
    case "fenced":
      return ExitReason.EXIT_REASON_FENCED;
    case "expired":
      return ExitReason.EXIT_REASON_EXPIRED;
    case "policy":
      return ExitReason.EXIT_REASON_POLICY;
    case "folder_lost":
      return ExitReason.EXIT_REASON_FOLDER_LOST;
    // The control plane's own, without a number on the wire: no attempt ends with it.
    case "limit_reached":
    case "step_failed":
    case "input_missing":
      return ExitReason.EXIT_REASON_UNSPECIFIED;
    default:
      return assertNever(reason);
  }
}

/** A frame that says nothing. */
export function emptyFrame(): AgentFrame {
  return { hello: undefined, received: [], started: [], logChunks: [], finished: [], keepalive: undefined, capacity: undefined };
}
