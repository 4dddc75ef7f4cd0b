import type { SessionCall } from "../agent/session/outbox.ts";
import type { Refusal } from "../agent/session/session-state.ts";
import type { SessionStream, StreamHandlers } from "../agent/session/stream.ts";
import type { AgentStream } from "../control-plane/agents/outbox.ts";
import type { AgentFrame, ServerFrame } from "../proto/gen/millrace/agent/v1/session.ts";
import { Carrier, Lane } from "./carrier.ts";
import type { Process, VirtualTime } from "./virtual-time.ts";

/** Directions in which nothing passes. */
export type DeafWire = "both" | "to server" | "to agent";

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
  readonly #random: () => number;
  readonly #carrier: Carrier;
  readonly #handlers: StreamHandlers;
  readonly #options: WireOptions;
  readonly #toServer = new Lane();
  readonly #toAgent = new Lane();
  #incoming: Incoming | undefined;
  #agentClosed = false;
  #agentDestroyed = false;
  #serverClosed = false;

  constructor(options: WireOptions) {
    this.#options = options;
    this.#random = options.random;
    this.#carrier = new Carrier(options.time, options.random);
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
    this.#carrier.carry(this.#toServer, this.server, () => accept(incoming));
    const write = (frame: AgentFrame, written: () => void): boolean => {
      this.#carrier.carry(this.#toServer, this.server, () => {
        if (this.#serverClosed) return;
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
    this.#carrier.drop([this.#toServer, this.#toAgent]);
    this.#closeAgent("connection reset", undefined);
    this.#closeServer();
  }

  freeze(forMs: number, deaf: DeafWire = "both"): void {
    if (deaf !== "to agent") this.#carrier.freeze(this.#toServer, forMs);
    if (deaf !== "to server") this.#carrier.freeze(this.#toAgent, forMs);
  }

  delay(forMs: number): void {
    this.#carrier.delay(forMs);
  }

  /** A process that died: its kernel resets what it had open. */
  processDied(process: Process): void {
    if (process === this.agent) this.#agentClosed = true;
    if (process === this.server) this.#serverClosed = true;
    if (process === this.agent) this.#closeTowardsServer();
    else this.#carrier.carry(this.#toAgent, this.agent, () => this.#closeAgent("connection reset", undefined));
  }

  heal(): void {
    this.#carrier.heal([this.#toServer, this.#toAgent]);
  }

  #agentEnds(): void {
    if (this.#agentClosed) return;
    this.#agentClosed = true;
    this.#closeTowardsServer();
  }

  /** What is under way arrives first, also a Hello: it may come after that of a later stream. */
  #closeTowardsServer(): void {
    this.#carrier.carry(this.#toServer, this.server, () => this.#closeServer());
  }

  #serverEnd(): AgentStream {
    const end = {
      cancelled: false,
      on: () => end,
      write: (frame: ServerFrame): boolean => {
        this.#carrier.carry(this.#toAgent, this.agent, () => {
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
        this.#carrier.carry(this.#toAgent, this.agent, () => this.#closeAgent(status.details, status));
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
}
