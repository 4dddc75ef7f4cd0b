import type { SessionCall } from "../agent/session/outbox.ts";
import type { Refusal } from "../agent/session/session-state.ts";
import type { SessionStream, StreamHandlers } from "../agent/session/stream.ts";
import type { AgentStream } from "../control-plane/agents/outbox.ts";
import type { AgentFrame, ServerFrame } from "../proto/gen/millrace/agent/v1/session.ts";
import type { Process, VirtualTime } from "./virtual-time.ts";

/** How a stream ended, as a gRPC status; undefined for a connection that broke. */
export interface StreamStatus {
  readonly code: number;
  readonly details: string;
}

/** The server's end of a stream before it is accepted. */
export interface Incoming {
  readonly stream: AgentStream;
  onFrame: (frame: AgentFrame) => void;
  /** The agent's side is gone, or the connection broke. */
  onGone: () => void;
}

interface Lane {
  readonly frames: (() => void)[];
  lastMs: number;
}

interface WireOptions {
  readonly time: VirtualTime;
  readonly random: () => number;
  readonly agent: Process;
  readonly server: Process;
  readonly handlers: StreamHandlers;
  /** Called for each frame at the moment when the agent receives it. */
  readonly onReceived: (frame: ServerFrame) => void;
  /** The same for the replica. */
  readonly onArrived: (frame: AgentFrame) => void;
}

/**
 * One gRPC stream between an agent and a replica: reliable and in order, as HTTP/2 is, until it breaks. It can be late, be cut (both ends
 * learn of it, what was under way is lost), or be half open: nothing passes, nobody is told, and what was sent arrives when it heals.
 */
export class Wire {
  readonly agent: Process;
  readonly server: Process;
  readonly #time: VirtualTime;
  readonly #random: () => number;
  readonly #handlers: StreamHandlers;
  readonly #options: WireOptions;
  readonly #toServer: Lane = { frames: [], lastMs: 0 };
  readonly #toAgent: Lane = { frames: [], lastMs: 0 };
  #incoming: Incoming | undefined;
  #frozenUntilMs = 0;
  #lateUntilMs = 0;
  #agentClosed = false;
  #agentDestroyed = false;
  #helloArrived = false;
  #serverClosed = false;

  constructor(options: WireOptions) {
    this.#options = options;
    this.#time = options.time;
    this.#random = options.random;
    this.agent = options.agent;
    this.server = options.server;
    this.#handlers = options.handlers;
  }

  get open(): boolean {
    return !this.#agentClosed || !this.#serverClosed;
  }

  /** The replica takes the connection; `accept` gets the server's end. */
  dial(accept: (incoming: Incoming) => void): SessionStream {
    const incoming: Incoming = { stream: this.#serverEnd(), onFrame: () => undefined, onGone: () => undefined };
    this.#incoming = incoming;
    this.#carry(this.#toServer, this.server, () => accept(incoming));
    const write = (frame: AgentFrame, written: () => void): boolean => {
      this.#carry(this.#toServer, this.server, () => {
        if (this.#serverClosed) return;
        this.#helloArrived = true;
        this.#options.onArrived(frame);
        incoming.onFrame(frame);
      });
      this.agent.after(0, written);
      return true;
    };
    // The parts of a grpc-js call that the outbox uses.
    const call = { write, on: () => undefined } as unknown as SessionCall;
    return {
      call,
      end: () => this.#agentEnds(),
      destroy: () => {
        this.#agentDestroyed = true;
        this.#agentEnds();
      },
    };
  }

  /** The agent could not reach the replica at all. */
  refuse(): void {
    this.#agentClosed = true;
    this.#serverClosed = true;
    this.#tellAgent(1 + this.#random() * 5, "connection refused", undefined);
  }

  cut(): void {
    this.#frozenUntilMs = 0;
    this.#toServer.frames.length = 0;
    this.#toAgent.frames.length = 0;
    this.#closeAgent("connection reset", undefined);
    this.#closeServer();
  }

  freeze(forMs: number): void {
    this.#frozenUntilMs = Math.max(this.#frozenUntilMs, this.#time.nowMs + forMs);
  }

  delay(forMs: number): void {
    this.#lateUntilMs = Math.max(this.#lateUntilMs, this.#time.nowMs + forMs);
  }

  /** A process that died: its kernel resets what it had open. */
  processDied(process: Process): void {
    if (process === this.agent) this.#agentClosed = true;
    if (process === this.server) this.#serverClosed = true;
    if (process === this.agent) this.#closeTowardsServer();
    else this.#carry(this.#toAgent, this.agent, () => this.#closeAgent("connection reset", undefined));
  }

  heal(): void {
    this.#frozenUntilMs = 0;
    this.#lateUntilMs = 0;
  }

  #agentEnds(): void {
    if (this.#agentClosed) return;
    this.#agentClosed = true;
    this.#closeTowardsServer();
  }

  /**
   * A Hello that is still under way when its agent gives the stream up is lost with it. On a real network it could arrive after a later
   * stream's: the protocol does not order Hellos (docs/promises.md, "Known gaps").
   */
  #closeTowardsServer(): void {
    if (this.#helloArrived) this.#carry(this.#toServer, this.server, () => this.#closeServer());
    else this.#closeServer();
    if (!this.#helloArrived) this.#toServer.frames.length = 0;
  }

  #serverEnd(): AgentStream {
    const end = {
      cancelled: false,
      on: () => end,
      write: (frame: ServerFrame): boolean => {
        this.#carry(this.#toAgent, this.agent, () => {
          if (this.#agentClosed) return;
          this.#options.onReceived(frame);
          this.#handlers.onFrame(frame);
        });
        return true;
      },
      emit: (_event: string, status: StreamStatus): boolean => {
        if (this.#serverClosed) return false;
        this.#serverClosed = true;
        end.cancelled = true;
        this.#carry(this.#toAgent, this.agent, () => this.#closeAgent(status.details, status));
        return true;
      },
    };
    // The parts of a grpc-js stream that a session uses.
    return end as unknown as AgentStream;
  }

  #closeAgent(reason: string, status: StreamStatus | undefined): void {
    if (this.#agentClosed) return;
    this.#agentClosed = true;
    const refused = status !== undefined && [7, 9, 16].includes(status.code);
    this.#tellAgent(0, reason, refused ? { code: status.code, message: status.details } : undefined);
  }

  #tellAgent(inMs: number, reason: string, refusal: Refusal | undefined): void {
    this.agent.after(inMs, () => {
      if (!this.#agentDestroyed) this.#handlers.onClosed(reason, refusal);
    });
  }

  #closeServer(): void {
    if (this.#serverClosed) return;
    this.#serverClosed = true;
    this.server.after(0, () => {
      if (this.#incoming === undefined) return;
      Object.assign(this.#incoming.stream, { cancelled: true });
      this.#incoming.onGone();
    });
  }

  /** Delivers in order: each event takes the oldest frame of its direction, and waits while the wire is frozen. */
  #carry(lane: Lane, to: Process, deliver: () => void): void {
    lane.frames.push(deliver);
    const { nowMs } = this.#time;
    const lateMs = nowMs < this.#lateUntilMs ? this.#random() * 4000 : 0;
    lane.lastMs = Math.max(lane.lastMs, nowMs + 0.2 + this.#random() * 2 + lateMs);
    this.#arrive(lane, to, lane.lastMs - nowMs);
  }

  #arrive(lane: Lane, to: Process, inMs: number): void {
    to.after(inMs, () => {
      const restMs = this.#frozenUntilMs - this.#time.nowMs;
      if (restMs > 0) this.#arrive(lane, to, Math.min(restMs, 1000));
      else lane.frames.shift()?.();
    });
  }
}
