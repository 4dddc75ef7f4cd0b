import type { PeerCall } from "../control-plane/peer/dial-peer.ts";
import type { PeerNetwork } from "../control-plane/peer/peer-network.ts";
import type { HomeFrame, OwnerFrame } from "../proto/gen/millrace/peer/v1/peer.ts";
import { Carrier, Lane } from "./carrier.ts";
import type { Process, VirtualTime } from "./virtual-time.ts";

type PeerStream = Parameters<PeerNetwork["accept"]>[0];
type Listener = (value?: unknown) => void;

/** Directions in which nothing passes. */
export type Deaf = "both" | "to owner" | "to home";

interface PeerWireOptions {
  readonly time: VirtualTime;
  readonly random: () => number;
  /** Who dials: it speaks as a home. */
  readonly home: Process;
  readonly owner: Process;
  /** Called for each frame at the moment when it arrives. */
  readonly onArrived: (from: Process, to: Process, frame: HomeFrame | OwnerFrame) => void;
}

/** One end of a stream as grpc-js shows it: events, and what can be done with it. */
class End {
  readonly #listeners = new Map<string, Listener[]>();
  closed = false;

  on(event: string, listener: Listener): this {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
    return this;
  }

  tell(event: string, value?: unknown): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(value);
  }
}

/** One gRPC stream between two replicas: reliable and in order until it breaks, as `Wire` is between agent and replica. */
export class PeerWire {
  readonly home: Process;
  readonly owner: Process;
  readonly #carrier: Carrier;
  readonly #onArrived: PeerWireOptions["onArrived"];
  readonly #toOwner = new Lane();
  readonly #toHome = new Lane();
  readonly #call = new End();
  readonly #stream = new End();

  constructor({ time, random, home, owner, onArrived }: PeerWireOptions) {
    this.#carrier = new Carrier(time, random);
    this.home = home;
    this.owner = owner;
    this.#onArrived = onArrived;
  }

  get open(): boolean {
    return !this.#call.closed || !this.#stream.closed;
  }

  /** The other replica takes the stream. */
  dial(accept: (stream: PeerStream) => void): PeerCall {
    this.#carrier.carry(this.#toOwner, this.owner, () => accept(this.#ownersEnd()));
    return this.#homesEnd();
  }

  /** Nobody listens there. */
  refuse(): void {
    this.#stream.closed = true;
    this.#carrier.carry(this.#toHome, this.home, () => this.#loseCall("connection refused"));
  }

  cut(): void {
    this.#carrier.drop([this.#toOwner, this.#toHome]);
    this.home.after(0, () => this.#loseCall("connection reset"));
    this.owner.after(0, () => this.#loseStream());
  }

  freeze(forMs: number, deaf: Deaf): void {
    if (deaf !== "to home") this.#carrier.freeze(this.#toOwner, forMs);
    if (deaf !== "to owner") this.#carrier.freeze(this.#toHome, forMs);
  }

  delay(forMs: number): void {
    this.#carrier.delay(forMs);
  }

  heal(): void {
    this.#carrier.heal([this.#toOwner, this.#toHome]);
  }

  /** A process that died: its kernel resets what it had open. */
  processDied(process: Process): void {
    if (process === this.home) {
      this.#call.closed = true;
      this.#carrier.carry(this.#toOwner, this.owner, () => this.#loseStream());
    } else {
      this.#stream.closed = true;
      this.#carrier.carry(this.#toHome, this.home, () => this.#loseCall("connection reset"));
    }
  }

  /** The parts of a call that an `OwnerLink` uses. */
  #homesEnd(): PeerCall {
    const end = this.#call;
    const call = {
      on: (event: string, listener: Listener) => end.on(event, listener),
      write: (frame: HomeFrame): boolean => {
        if (!end.closed) this.#carrier.carry(this.#toOwner, this.owner, () => this.#arrive(this.#stream, this.home, this.owner, frame));
        return true;
      },
      cancel: (): void => {
        if (end.closed) return;
        end.closed = true;
        this.#carrier.carry(this.#toOwner, this.owner, () => this.#loseStream());
      },
    };
    return call as unknown as PeerCall;
  }

  /** The parts of a server's stream that a `PeerNetwork` uses. */
  #ownersEnd(): PeerStream {
    const end = this.#stream;
    const stream = {
      on: (event: string, listener: Listener) => end.on(event, listener),
      write: (frame: OwnerFrame): boolean => {
        if (!end.closed) this.#carrier.carry(this.#toHome, this.home, () => this.#arrive(this.#call, this.owner, this.home, frame));
        return true;
      },
      emit: (_event: string, status: { details: string }): boolean => {
        if (end.closed) return false;
        end.closed = true;
        this.#carrier.carry(this.#toHome, this.home, () => this.#loseCall(status.details));
        return true;
      },
      end: () => undefined,
      getPeer: () => this.home.name,
    };
    return stream as unknown as PeerStream;
  }

  #arrive(end: End, from: Process, to: Process, frame: HomeFrame | OwnerFrame): void {
    if (end.closed) return;
    this.#onArrived(from, to, frame);
    end.tell("data", frame);
  }

  #loseCall(reason: string): void {
    if (this.#call.closed) return;
    this.#call.closed = true;
    this.#call.tell("error", new Error(reason));
  }

  #loseStream(): void {
    if (this.#stream.closed) return;
    this.#stream.closed = true;
    this.#stream.tell("cancelled");
  }
}
