import type { Logger } from "pino";
import type { FinalReason } from "../../kernel/agent-proof.ts";
import { AppError, type ErrorCode } from "../../kernel/app-error.ts";
import { assertNever } from "../../kernel/assert-never.ts";
import type { Clock } from "../../kernel/clock.ts";
import { GRPC_STATUS } from "../../kernel/error-maps.ts";
import type { KeyProof } from "../../proto/gen/millrace/agent/v1/enrolment.ts";
import type { AttemptRef } from "../../proto/gen/millrace/agent/v1/job.ts";
import type { AgentKeepalive, Hello, ServerFrame } from "../../proto/gen/millrace/agent/v1/session.ts";
import { pauseBeforeDialMs, welcomeWithinMs } from "./dial-times.ts";
import { LeaseGuard } from "./lease-guard.ts";
import type { Outbox } from "./outbox.ts";
import { INITIAL_SESSION, nextSession, type Refusal, type SessionEffect, type SessionEvent, type SessionState } from "./session-state.ts";
import { type Endpoint, openStream, type SessionStream } from "./stream.ts";
import { DEFAULT_POLICY, policyFromWire, type SessionPolicy } from "./wire-codec.ts";

/** This many keepalive intervals without any frame mean that the stream is dead. */
const SILENT_AFTER_KEEPALIVES = 2.5;
const ANOTHER_TOKEN = "start it with a join token (`millrace agents join-token create`), or with the token of this control plane for agents";
/** A pause between two looks at the clocks that no healthy event loop makes. */
const SUSPENDED_AFTER_MS = 5_000;

/** What the connection needs from the rest of the agent. */
export interface ConnectLoopOptions {
  readonly endpoint: Endpoint;
  /** gRPC by default. */
  readonly open?: typeof openStream;
  readonly clock: Clock;
  readonly log: Logger;
  readonly outbox: Outbox;
  readonly hello: () => Hello;
  readonly heldNow: () => AttemptRef[];
  /** Folders of runs of flows. */
  readonly foldersNow?: () => AttemptRef[];
  readonly runningCount: () => number;
  /** Kill all attempts and forget them. */
  readonly fenceAttempts: () => void;
  /** Start nothing until `release`. */
  readonly hold: () => void;
  readonly release: () => void;
  readonly onPolicy: (policy: SessionPolicy) => void;
  /** Any frame with its lists; the first of a session has `welcome`. */
  readonly onFrame: (frame: ServerFrame) => void;
  /** A session began; everything unacknowledged may be sent again. */
  readonly onSession: () => void;
  readonly onStreamLost: () => void;
  /** Regularly, while there is a session. */
  readonly onTick: () => void;
  /** The control plane refused an agent that it never knew: the process should end. */
  readonly onRefused: (error: AppError, final: FinalReason | undefined) => void;
}

/**
 * Keeps one session alive for as long as the agent lives: the shell around `nextSession`. Everything runs on the event loop's
 * thread; an event is applied with all its effects before the next one. Handlers of a stream that was torn down are never called.
 */
export class ConnectLoop {
  readonly #options: ConnectLoopOptions;
  readonly #guard: LeaseGuard;
  #state: SessionState = INITIAL_SESSION;
  #policy = DEFAULT_POLICY;
  #stream: SessionStream | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #tickTimer: NodeJS.Timeout | undefined;
  #helloSentMs = 0;
  #welcomeWithinMs = welcomeWithinMs(undefined);
  #lastFrameMs = 0;
  #lastKeepaliveMs = 0;
  #ended: (() => void) | undefined;
  #contactMs: number | undefined;

  constructor(options: ConnectLoopOptions) {
    this.#options = options;
    this.#guard = new LeaseGuard(options.clock);
  }

  get kind(): SessionState["kind"] {
    return this.#state.kind;
  }

  start(): void {
    this.#setTick();
    this.#apply({ kind: "retry_due" });
  }

  /** Ends the session politely, within `withinMs`. Idempotent. */
  async stop(withinMs = 500): Promise<void> {
    clearInterval(this.#tickTimer);
    clearTimeout(this.#retryTimer);
    const stream = this.#stream;
    if (stream !== undefined && this.kind === "online") {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#ended = resolve;
        timer = setTimeout(resolve, withinMs);
        // Nothing may be written behind the end.
        this.#options.outbox.detach();
        stream.end();
      });
      clearTimeout(timer);
      clearTimeout(this.#retryTimer);
    }
    this.#apply({ kind: "stop" });
  }

  /** Looks at the clocks; call it before anything is sent. The state, and with it the outbox, may change. */
  look(): void {
    const limits = { gapMs: SUSPENDED_AFTER_MS, selfFenceMs: this.#policy.selfFenceMs };
    const verdict = this.#guard.look(limits);
    const atMs = this.#now();
    if (verdict === "sound" || this.kind === "stopped") return;
    if (verdict === "suspended") {
      this.#options.log.warn({ event: "agent.suspended" }, "the process or its clocks stood still: waiting for the server's word");
      this.#apply({ kind: "suspended", atMs });
      return;
    }
    // Without attempts an expired lease only matters to a stream whose keepalives are not answered.
    const live = this.kind === "online" || this.kind === "doubtful";
    if (live || this.#options.runningCount() > 0) this.#apply({ kind: "lease_expired", atMs });
  }

  /** The keepalive of a frame that is being built. Its number is the time now, so that the echo says how fresh the lease is. */
  keepaliveNow(): AgentKeepalive {
    const runs = this.#options.foldersNow?.() ?? [];
    return { sentAtMs: this.#guard.noteSent(), held: this.#options.heldNow(), ...(runs.length > 0 && { folders: { runs } }) };
  }

  #now(): number {
    return this.#options.clock.monotonicMs();
  }

  /** For how long what runs may still run without a session. Undefined when nothing runs, or when it is not bound to a lease yet. */
  #leaseLeftMs(): number | undefined {
    return this.#options.runningCount() === 0 ? undefined : this.#guard.leftMs(this.#policy.selfFenceMs);
  }

  #apply(event: SessionEvent): void {
    const before = this.#state.kind;
    const [state, effects] = nextSession(this.#state, event);
    this.#state = state;
    if (before !== state.kind) this.#options.log.debug({ event: "session.state", from: before, to: state.kind, because: event.kind }, "session state");
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: SessionEffect): void {
    switch (effect.kind) {
      case "open_stream":
        this.#open();
        return;
      case "close_stream":
        this.#stream?.destroy();
        this.#lose();
        return;
      case "schedule_retry":
        this.#retryTimer = setTimeout(() => this.#apply({ kind: "retry_due" }), pauseBeforeDialMs(effect.failures, this.#leaseLeftMs(), Math.random()));
        return;
      case "fence_attempts":
        this.#options.fenceAttempts();
        return;
      case "hold":
        this.#options.hold();
        this.#options.outbox.hold();
        return;
      case "release":
        this.#options.outbox.release();
        this.#options.release();
        return;
      case "send_keepalive":
        this.#sendKeepalive();
        return;
      case "report_refusal":
        this.#refused(effect.refusal, effect.fatal);
        return;
      default:
        assertNever(effect);
    }
  }

  #open(): void {
    this.#helloSentMs = this.#guard.noteSent();
    this.#welcomeWithinMs = welcomeWithinMs(this.#leaseLeftMs());
    this.#lastFrameMs = this.#helloSentMs;
    const stream = (this.#options.open ?? openStream)(this.#options.endpoint, {
      onFrame: (frame) => this.#onFrame(frame),
      onClosed: (reason, refusal) => this.#onClosed(reason, refusal),
    });
    this.#stream = stream;
    const greet = (proof?: KeyProof): void => {
      if (this.#stream === stream) this.#options.outbox.attach(stream.call, { ...this.#options.hello(), ...(proof !== undefined && { proof }) });
    };
    // Until the server has asked for the proof the outbox has no stream: nothing can be sent before Hello.
    if (stream.proof === undefined) greet();
    else void stream.proof.then(greet);
  }

  /** Moves to another stream, to say Hello again. Nothing happens without a session: the next Hello is still to come. */
  reconnect(): void {
    if (this.kind === "online" || this.kind === "doubtful") this.#apply({ kind: "drain_asked", atMs: this.#now() });
  }

  /** Milliseconds since the server last echoed a keepalive, or welcomed us; undefined before the first time. */
  get contactAgeMs(): number | undefined {
    return this.#contactMs === undefined ? undefined : this.#now() - this.#contactMs;
  }

  #onClosed(reason: string, refusal: Refusal | undefined): void {
    const expected = refusal !== undefined || this.#ended !== undefined;
    this.#options.log[expected ? "debug" : "warn"]({ event: "agent.disconnected", reason }, "no session with the control plane");
    this.#lose();
    this.#ended?.();
    this.#apply({ kind: "closed", atMs: this.#now(), refusal });
  }

  #lose(): void {
    this.#stream = undefined;
    this.#options.outbox.detach();
    this.#options.onStreamLost();
  }

  #onFrame(frame: ServerFrame): void {
    const stream = this.#stream;
    this.look();
    // The look may have torn the stream down: then this frame is from a session that is over.
    if (stream !== this.#stream) return;
    this.#lastFrameMs = this.#now();
    if (frame.policy !== undefined) this.#setPolicy(policyFromWire(frame.policy));
    if (frame.keepalive !== undefined) this.#onEcho(frame.keepalive.echoSentAtMs);
    if (this.kind === "connecting") this.#onFirst(frame);
    else this.#options.onFrame(frame);
    if (this.kind === "connecting") return;
    if (frame.drain !== undefined) {
      this.#options.log.info({ event: "agent.drain_asked", reason: frame.drain.reason }, "the server wants this agent elsewhere: reconnecting");
      this.#apply({ kind: "drain_asked", atMs: this.#now() });
    }
  }

  #onFirst(frame: ServerFrame): void {
    if (frame.welcome === undefined) {
      this.#options.log.error({ event: "agent.protocol_error" }, "the first frame of the server was not Welcome: ignored");
      return;
    }
    // Welcome answers Hello, so it is as good as an echo.
    this.#guard.confirm(this.#helloSentMs);
    this.#contactMs = this.#now();
    this.#lastKeepaliveMs = this.#now();
    this.#setPolicy(policyFromWire(frame.welcome.policy));
    // What the server takes back goes first: it must be neither resent nor started by what follows.
    this.#options.onFrame(frame);
    this.#options.onSession();
    this.#apply({ kind: "welcomed", atMs: this.#now() });
    this.#options.log.info({ event: "agent.connected", sessionId: frame.welcome.sessionId, serverVersion: frame.welcome.serverVersion }, "connected");
  }

  #onEcho(echoSentAtMs: number): void {
    this.#contactMs = this.#now();
    if (this.#guard.confirm(echoSentAtMs) && this.kind !== "connecting") this.#apply({ kind: "echoed", sentAtMs: echoSentAtMs });
  }

  #setPolicy(policy: SessionPolicy): void {
    this.#policy = policy;
    this.#setTick();
    this.#options.onPolicy(policy);
  }

  #setTick(): void {
    clearInterval(this.#tickTimer);
    this.#tickTimer = setInterval(() => this.#tick(), Math.min(1_000, Math.max(10, this.#policy.keepaliveMs / 4)));
  }

  #tick(): void {
    this.look();
    const now = this.#now();
    if (this.kind === "connecting" && now - this.#helloSentMs > this.#welcomeWithinMs) {
      this.#options.log.warn({ event: "agent.disconnected", reason: "no Welcome in time" }, "no session with the control plane");
      this.#apply({ kind: "silent", atMs: now });
    }
    if (this.kind !== "online" && this.kind !== "doubtful") return;
    if (now - this.#lastFrameMs > SILENT_AFTER_KEEPALIVES * this.#policy.keepaliveMs) {
      this.#options.log.warn({ event: "agent.disconnected", reason: "the server is silent" }, "no session with the control plane");
      this.#apply({ kind: "silent", atMs: now });
      return;
    }
    if (now - this.#lastKeepaliveMs >= this.#policy.keepaliveMs * 0.9) this.#sendKeepalive();
    this.#options.onTick();
  }

  #sendKeepalive(): void {
    this.#lastKeepaliveMs = this.#now();
    this.#options.outbox.wantKeepalive();
  }

  #refused(refusal: Refusal, fatal: boolean): void {
    this.#options.log.error({ event: "agent.refused", code: refusal.code, reason: refusal.message }, "the control plane refuses this agent");
    if (!fatal) return;
    const code = codeOf(refusal.code);
    const hint = code === "unauthenticated" ? { hint: ANOTHER_TOKEN } : {};
    this.#options.onRefused(new AppError(code, `the control plane refuses this agent: ${refusal.message}`, hint), refusal.final);
  }
}

function codeOf(grpcStatus: number): ErrorCode {
  const codes: readonly ErrorCode[] = ["unauthenticated", "permission_denied", "failed_precondition"];
  return codes.find((code) => GRPC_STATUS[code] === grpcStatus) ?? "internal";
}
