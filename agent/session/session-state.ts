import type { FinalReason } from "../../kernel/agent-proof.ts";
import { AppError } from "../../kernel/app-error.ts";
import { assertNever } from "../../kernel/assert-never.ts";

/** A session that lived this long ends a row of failures: the next retry is a first one. */
const SETTLED_AFTER_MS = 10_000;
/** With the default base this many doublings reach the cap of the backoff. */
export const CAPPED_ATTEMPT = 6;

/** Why the control plane will not talk to us. `code` is the gRPC status number. */
export interface Refusal {
  readonly code: number;
  readonly message: string;
  /** Nothing will change its mind, also when it had let this process in before. */
  readonly final?: FinalReason;
}

/** `failures` counts sessions in a row that were not to be had or ended early. */
export type SessionState =
  | { readonly kind: "waiting"; readonly failures: number; readonly hadSession: boolean }
  | { readonly kind: "connecting"; readonly failures: number; readonly hadSession: boolean }
  | { readonly kind: "online"; readonly failures: number; readonly sinceMs: number }
  /** There is a stream, but the process may have been frozen: nothing is sent or started until a keepalive comes back. */
  | { readonly kind: "doubtful"; readonly failures: number; readonly sinceMs: number; readonly doubtSinceMs: number }
  | { readonly kind: "stopped" };

/** All times are monotonic milliseconds. */
export type SessionEvent =
  | { readonly kind: "retry_due" }
  | { readonly kind: "welcomed"; readonly atMs: number }
  /** The stream ended, or could not be opened. */
  | { readonly kind: "closed"; readonly atMs: number; readonly refusal?: Refusal | undefined }
  /** No frame for too long, or no Welcome in time. */
  | { readonly kind: "silent"; readonly atMs: number }
  /** A gap between two looks at the clocks. */
  | { readonly kind: "suspended"; readonly atMs: number }
  /** The server echoed the keepalive that was sent at `sentAtMs`. */
  | { readonly kind: "echoed"; readonly sentAtMs: number }
  /** The lease has run out: the server may be giving our attempts to others. */
  | { readonly kind: "lease_expired"; readonly atMs: number }
  | { readonly kind: "drain_asked"; readonly atMs: number }
  | { readonly kind: "stop" };

export type SessionEffect =
  | { readonly kind: "open_stream" }
  /** Tear the stream down; nothing more is heard of it. */
  | { readonly kind: "close_stream" }
  | { readonly kind: "schedule_retry"; readonly failures: number }
  | { readonly kind: "fence_attempts" }
  | { readonly kind: "hold" }
  | { readonly kind: "release" }
  | { readonly kind: "send_keepalive" }
  | { readonly kind: "report_refusal"; readonly refusal: Refusal; readonly fatal: boolean };

export type SessionStep = readonly [SessionState, readonly SessionEffect[]];

export const INITIAL_SESSION: SessionState = { kind: "waiting", failures: 0, hadSession: false };

/**
 * The life of the connection, as a pure function; `session-state.mmd` draws it. Events that cannot concern a state are
 * a bug of the shell and throw `failed_precondition`; events that may come late (a stop, a clock) are accepted everywhere.
 */
export function nextSession(state: SessionState, event: SessionEvent): SessionStep {
  switch (state.kind) {
    case "waiting":
      return whileWaiting(state, event);
    case "connecting":
      return whileConnecting(state, event);
    case "online":
    case "doubtful":
      return whileLive(state, event);
    case "stopped":
      if (event.kind === "stop") return [state, []];
      throw illegal(state, event);
    default:
      return assertNever(state);
  }
}

function whileWaiting(state: SessionState & { kind: "waiting" }, event: SessionEvent): SessionStep {
  switch (event.kind) {
    case "retry_due":
      return [{ ...state, kind: "connecting" }, [{ kind: "open_stream" }]];
    case "suspended":
      return [state, []];
    case "lease_expired":
      return [state, [{ kind: "fence_attempts" }]];
    case "stop":
      return [{ kind: "stopped" }, []];
    default:
      throw illegal(state, event);
  }
}

function whileConnecting(state: SessionState & { kind: "connecting" }, event: SessionEvent): SessionStep {
  switch (event.kind) {
    case "welcomed":
      return [{ kind: "online", failures: state.failures, sinceMs: event.atMs }, [{ kind: "release" }]];
    case "closed":
      return event.refusal === undefined ? retry(state.failures, state.hadSession, []) : refused(state.hadSession, event.refusal);
    case "silent":
      return retry(state.failures, state.hadSession, [{ kind: "close_stream" }]);
    // The Hello in flight was written before the gap, or names attempts that are now killed: say it again.
    case "suspended":
      return retry(state.failures, state.hadSession, [{ kind: "close_stream" }]);
    case "lease_expired":
      return retry(state.failures, state.hadSession, [{ kind: "fence_attempts" }, { kind: "close_stream" }]);
    case "stop":
      return [{ kind: "stopped" }, [{ kind: "close_stream" }]];
    default:
      throw illegal(state, event);
  }
}

function whileLive(state: SessionState & { kind: "online" | "doubtful" }, event: SessionEvent): SessionStep {
  switch (event.kind) {
    case "echoed":
      if (state.kind === "online" || event.sentAtMs < state.doubtSinceMs) return [state, []];
      return [{ kind: "online", failures: state.failures, sinceMs: state.sinceMs }, [{ kind: "release" }]];
    case "suspended":
      return [{ kind: "doubtful", failures: state.failures, sinceMs: state.sinceMs, doubtSinceMs: event.atMs }, [{ kind: "hold" }, { kind: "send_keepalive" }]];
    case "closed":
      return event.refusal === undefined ? leave(state, event.atMs, []) : refused(true, event.refusal);
    case "silent":
    case "drain_asked":
      return leave(state, event.atMs, [{ kind: "close_stream" }]);
    case "lease_expired":
      return leave(state, event.atMs, [{ kind: "fence_attempts" }, { kind: "close_stream" }]);
    case "stop":
      return [{ kind: "stopped" }, [{ kind: "close_stream" }]];
    default:
      throw illegal(state, event);
  }
}

function leave(state: SessionState & { kind: "online" | "doubtful" }, atMs: number, effects: readonly SessionEffect[]): SessionStep {
  const settled = atMs - state.sinceMs > SETTLED_AFTER_MS;
  return retry(settled ? 0 : state.failures, true, effects);
}

function retry(failures: number, hadSession: boolean, effects: readonly SessionEffect[]): SessionStep {
  return [{ kind: "waiting", failures: failures + 1, hadSession }, [...effects, { kind: "schedule_retry", failures }]];
}

/**
 * A refusal is final for a process that was never let in: somebody must look at its settings. Later it may be a passing fault of the server,
 * unless it says itself that it is final.
 */
function refused(hadSession: boolean, refusal: Refusal): SessionStep {
  if (!hadSession || refusal.final !== undefined) return [{ kind: "stopped" }, [{ kind: "report_refusal", refusal, fatal: true }]];
  return [
    { kind: "waiting", failures: CAPPED_ATTEMPT, hadSession: true },
    [
      { kind: "report_refusal", refusal, fatal: false },
      { kind: "schedule_retry", failures: CAPPED_ATTEMPT },
    ],
  ];
}

function illegal(state: SessionState, event: SessionEvent): AppError {
  return new AppError("failed_precondition", `session: ${event.kind} while ${state.kind}`);
}
