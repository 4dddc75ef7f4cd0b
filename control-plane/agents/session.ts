import { type AppError, messageOf } from "../../kernel/app-error.ts";
import { background } from "../../kernel/background.ts";
import type { AgentKey, JobId, SessionId, Token, WorkspaceId } from "../../kernel/ids.ts";
import { PROTOCOL_VERSION, VERSION } from "../../kernel/protocol.ts";
import { storable } from "../../kernel/storable-text.ts";
import type { LogChunk } from "../../proto/gen/millrace/agent/v1/job.ts";
import { type AgentFrame, type Capacity, Condition, type Hello, type Policy, Verdict } from "../../proto/gen/millrace/agent/v1/session.ts";
import type { LogIngest, LogSource } from "../logs/ingest.ts";
import type { Log } from "../telemetry/log.ts";
import type { AgentHome } from "./agent-home.ts";
import type { AgentState } from "./contract.ts";
import { statusOf } from "./final-refusal.ts";
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
  /** What was ordered of the agent before it came. */
  readonly orders?: { readonly paused: boolean; readonly leave: boolean };
  /** Of an agent with a key: when it gets a new credential, on the monotonic clock. */
  readonly renewAtMs?: number;
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
  apiUrl(): string;
}

const MAX_SLOTS = 10_000;
const MAX_REASON_CHARS = 300;
const STATES: ReadonlyMap<number, AgentState> = new Map([
  [Condition.CONDITION_QUARANTINED, "quarantined"],
  [Condition.CONDITION_DISK_PRESSURE, "disk_pressure"],
  [Condition.CONDITION_ENDING, "ending"],
]);

/** One live stream of an agent, from Hello on: frames in become owner calls, decisions go out through the outbox. */
export class AgentSession implements LogSource {
  readonly agentInfo: SessionAgent;
  readonly connectedAtMs: number;
  readonly #stream: AgentStream;
  readonly #deps: SessionDeps;
  readonly #outbox: Outbox;
  #heardAtMs: number;
  #ended = false;
  /** What the agent says it can take. */
  #capacity: Capacity;
  #paused: boolean;
  #leaving = false;
  /** When the agent gets its next credential; undefined for one without a key. */
  renewAtMs: number | undefined;

  constructor(stream: AgentStream, agent: SessionAgent, deps: SessionDeps) {
    this.agentInfo = agent;
    this.#stream = stream;
    this.#deps = deps;
    this.#outbox = new Outbox(stream);
    this.connectedAtMs = deps.now();
    this.#heardAtMs = deps.monotonic();
    this.#capacity = { slots: agent.hello.slots, draining: false };
    this.#paused = agent.orders?.paused === true;
    this.renewAtMs = agent.renewAtMs;
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
      slots: this.#slots,
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
        apiUrl: doors.apiUrl(),
      },
    });
    if (this.agentInfo.orders?.leave === true) this.leave();
  }

  /** Whether the agent takes jobs, and if not, why. */
  get state(): { readonly state: AgentState; readonly reason: string } {
    if (this.#paused) return { state: "paused", reason: "paused by order" };
    const { condition = 0, reason = "", draining } = this.#capacity;
    if (this.#leaving || draining) return { state: "draining", reason: "" };
    return { state: STATES.get(condition) ?? "active", reason: storable(reason).slice(0, MAX_REASON_CHARS) };
  }

  /** A paused agent gets no new jobs; what it runs goes on. */
  setPaused(paused: boolean): void {
    if (this.#paused === paused || this.#ended) return;
    this.#paused = paused;
    this.#deps.home.capacity(this.session, this.#slots);
  }

  /** The agent is to drain and end. Said once. */
  leave(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    this.#outbox.set({ leave: { reason: "asked for by the control plane" } });
    this.#deps.home.capacity(this.session, this.#slots);
  }

  /** Handles one frame. Never throws: what an agent sends must not be able to end the process. */
  receive(frame: AgentFrame): void {
    if (this.#ended) return;
    this.#heardAtMs = this.#deps.monotonic();
    const { home } = this.#deps;
    const { session } = this.agentInfo;
    // First, since it was true before the rest of the frame: an attempt that the frame confirms may be too new for the list.
    if (frame.keepalive !== undefined) this.#keepalive(frame.keepalive);
    const nowMs = this.#deps.now();
    for (const attempt of attemptsFromWire(frame.received)) home.received(session, attempt);
    for (const started of frame.started) {
      const attempt = attemptFromWire(started);
      if (attempt !== undefined) home.started(session, attempt, withinLife(started.atUs / 1000, attempt.id, nowMs));
    }
    if (frame.logChunks.length > 0) this.#takeLogs(frame.logChunks);
    for (const finished of frame.finished) this.#takeEnd(finished, nowMs);
    if (frame.capacity !== undefined) {
      this.#capacity = frame.capacity;
      home.capacity(session, this.#slots);
    }
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
    this.#stream.emit("error", statusOf(error));
  }

  /** The stream is gone: its attempts stay with the agent, which may come back. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#outbox.close();
    this.#deps.home.end(this.agentInfo.session, this.#heardAtMs);
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  /** What the agent can take, as far as it is to take any. */
  get #slots(): number {
    return this.#paused || this.#leaving ? 0 : Math.min(this.#capacity.slots, MAX_SLOTS);
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
    background(this.#deps.log, "log chunks", this.#deps.ingest.accept(this, sound));
  }

  #takeEnd(finished: Parameters<typeof endFromWire>[0], nowMs: number): void {
    const end = endFromWire(finished, nowMs);
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
    this.#deps.home.folders(this.session, heldFromWire(keepalive.folders?.runs ?? []));
  }
}

export function toRef(attempt: Attempt): { jobId: string; token: string } {
  return { jobId: attempt.id, token: attempt.token };
}
