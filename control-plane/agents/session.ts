import { status } from "@grpc/grpc-js";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import { GRPC_STATUS } from "../../kernel/error-maps.ts";
import type { AgentKey, JobId, SessionId, Token, WorkspaceId } from "../../kernel/ids.ts";
import { PROTOCOL_VERSION, VERSION } from "../../kernel/protocol.ts";
import type { LogChunk } from "../../proto/gen/millrace/agent/v1/job.ts";
import { type AgentFrame, type Hello, type Policy, Verdict } from "../../proto/gen/millrace/agent/v1/session.ts";
import type { LogIngest, LogSource } from "../logs/ingest.ts";
import type { Log } from "../telemetry/log.ts";
import type { AgentHome } from "./agent-home.ts";
import { type Attempt, attemptFromWire, attemptsFromWire, endFromWire, heldFromWire, isSoundChunk, withinLife } from "./frames-codec.ts";
import { type AgentStream, Outbox } from "./outbox.ts";

/** Who the stream belongs to, once it has said hello. */
export interface SessionAgent {
  readonly key: AgentKey;
  readonly session: SessionId;
  /** Number of the session among those of the agent. */
  readonly serial?: number;
  readonly workspace: WorkspaceId | undefined;
  readonly workspaceName: string | undefined;
  readonly hello: Hello;
}

export interface SessionDeps {
  readonly home: AgentHome;
  readonly ingest: LogIngest;
  readonly log: Log;
  readonly policy: Policy;
  readonly doors: JobDoors;
  readonly holdsAgents: () => boolean;
  readonly now: () => number;
  readonly monotonic: () => number;
}

/** How jobs of an agent reach the API. */
export interface JobDoors {
  /** With which the agent makes the tokens of its jobs. */
  tokenKey(agent: AgentKey): Buffer;
  /** Empty: unknown. */
  readonly apiUrl: string;
}

const MAX_SLOTS = 10_000;

/** One live stream of an agent, from Hello on: frames in become owner calls, decisions go out through the outbox. */
export class AgentSession implements LogSource {
  readonly agentInfo: SessionAgent;
  readonly connectedAtMs: number;
  readonly #stream: AgentStream;
  readonly #deps: SessionDeps;
  readonly #outbox: Outbox;
  #heardAtMs: number;
  #ended = false;

  constructor(stream: AgentStream, agent: SessionAgent, deps: SessionDeps) {
    this.agentInfo = agent;
    this.#stream = stream;
    this.#deps = deps;
    this.#outbox = new Outbox(stream);
    this.connectedAtMs = deps.now();
    this.#heardAtMs = deps.monotonic();
  }

  get agent(): AgentKey {
    return this.agentInfo.key;
  }

  get session(): SessionId {
    return this.agentInfo.session;
  }

  get outbox(): Outbox {
    return this.#outbox;
  }

  /** Monotonic time of the last frame. */
  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  /** Attaches the agent to the owners and welcomes it. */
  begin(): void {
    const { hello, key, session, serial, workspace } = this.agentInfo;
    const held = heldFromWire(hello.held);
    const drop = this.#deps.home.begin({
      key,
      session,
      ...(serial !== undefined && { serial }),
      workspace,
      name: hello.agentName,
      tags: hello.tags,
      languages: hello.runtimes.map((runtime) => runtime.language),
      slots: Math.min(hello.slots, MAX_SLOTS),
      held,
    });
    const { policy, doors } = this.#deps;
    this.#outbox.set({
      welcome: {
        protocolVersion: PROTOCOL_VERSION,
        sessionId: session,
        policy,
        drop: drop.map(toRef),
        serverVersion: VERSION,
        jobTokenIssuer: key,
        jobTokenKey: doors.tokenKey(key),
        apiUrl: doors.apiUrl,
      },
    });
  }

  /** Handles one frame. Never throws: what an agent sends must not be able to end the process. */
  receive(frame: AgentFrame): void {
    if (this.#ended) return;
    this.#heardAtMs = this.#deps.monotonic();
    const { home } = this.#deps;
    const { session } = this.agentInfo;
    // First, since it was true before the rest of the frame: an attempt that the frame confirms may be too new for the list.
    if (frame.keepalive !== undefined) this.#keepalive(frame.keepalive);
    for (const attempt of attemptsFromWire(frame.received)) home.received(session, attempt);
    for (const started of frame.started) {
      const attempt = attemptFromWire(started);
      if (attempt !== undefined) home.started(session, attempt, withinLife(started.atUs / 1000, attempt.id, this.#deps.now()));
    }
    if (frame.logChunks.length > 0) this.#takeLogs(frame.logChunks);
    for (const finished of frame.finished) this.#takeEnd(finished);
    if (frame.capacity !== undefined) home.capacity(session, Math.min(frame.capacity.slots, MAX_SLOTS));
  }

  acknowledge(id: JobId, token: Token, nextSeq: number, drop: boolean): void {
    this.#outbox.add("logAcks", { jobId: id, token, nextSeq, drop });
  }

  /** Tells the agent to move: the stream is about to end, and nothing was wrong with it. */
  drain(reason: string, withinMs: number): void {
    this.#outbox.set({ drain: { reason, withinMs } });
  }

  /** Ends the stream from our side. The agent reconnects, unless `error` is one that it cannot cure. */
  end(error: AppError): void {
    if (this.#ended) return;
    this.close();
    this.#stream.emit("error", { code: GRPC_STATUS[error.code] ?? status.UNKNOWN, details: error.message });
  }

  /** The stream is gone: its attempts stay with the agent, which may come back. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#outbox.close();
    this.#deps.home.end(this.agentInfo.session, this.#heardAtMs);
  }

  #takeLogs(chunks: readonly LogChunk[]): void {
    const sound = chunks.flatMap((chunk) => {
      const attempt = attemptFromWire(chunk);
      if (attempt !== undefined && isSoundChunk(chunk)) return [{ ...attempt, chunk }];
      this.#deps.log.warn(
        { event: "agent.bad_chunk", agentKey: this.agent, jobId: chunk.jobId, seq: chunk.seq },
        "a log chunk that does not add up was refused",
      );
      if (attempt !== undefined) this.acknowledge(attempt.id, attempt.token, 0, true);
      return [];
    });
    this.#deps.ingest.accept(this, sound).catch((error: unknown) => {
      this.#deps.log.warn({ event: "logs.accept_failed", agentKey: this.agent, error: messageOf(error) }, "log chunks could not be taken");
      this.end(new AppError("unavailable", "log chunks cannot be taken at the moment"));
    });
  }

  #takeEnd(finished: Parameters<typeof endFromWire>[0]): void {
    const end = endFromWire(finished, this.#deps.now());
    if (end === undefined) {
      this.#deps.log.warn({ event: "agent.bad_finish", agentKey: this.agent, jobId: finished.jobId }, "an end that cannot be read was refused");
      this.#outbox.add("finishedAcks", { jobId: finished.jobId, token: finished.token, verdict: Verdict.VERDICT_STALE });
      return;
    }
    this.#deps.home.finished(this.session, end, finished).then(
      (verdict) => {
        if (verdict === "stale")
          this.#deps.log.warn({ event: "attempt.stale", agentKey: this.agent, jobId: end.id, token: end.token }, "the result of a stale token was refused");
        this.#outbox.add("finishedAcks", { ...toRef(end), verdict: verdict === "recorded" ? Verdict.VERDICT_RECORDED : Verdict.VERDICT_STALE });
      },
      // The home tries for as long as the session lasts; then the agent keeps it, and sends it again with its next stream.
      (error: unknown) =>
        this.#deps.log.debug({ event: "attempt.end_unanswered", jobId: end.id, error: messageOf(error) }, "an end was not recorded in its session"),
    );
  }

  /** A keepalive proves the work path: what the agent holds is compared with what it should hold. */
  #keepalive(keepalive: NonNullable<AgentFrame["keepalive"]>): void {
    if (!this.#deps.holdsAgents()) return;
    this.#outbox.set({ keepalive: { echoSentAtMs: keepalive.sentAtMs } });
    this.#deps.home.keepalive(this.session, heldFromWire(keepalive.held));
  }
}

export function toRef(attempt: Attempt): { jobId: string; token: string } {
  return { jobId: attempt.id, token: attempt.token };
}
