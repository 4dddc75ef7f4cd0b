import type { ClientDuplexStream } from "@grpc/grpc-js";
import { FRAME_SOFT_BYTES } from "../../kernel/protocol.ts";
import type { AttemptRef } from "../../proto/gen/millrace/agent/v1/job.ts";
import type { AgentFrame, AgentKeepalive, Capacity, Hello, ServerFrame, Started } from "../../proto/gen/millrace/agent/v1/session.ts";
import { CHUNK_OVERHEAD_BYTES, type LogShipper } from "../logs/log-shipper.ts";
import type { Results } from "./results.ts";
import { emptyFrame } from "./wire-codec.ts";

export type SessionCall = ClientDuplexStream<AgentFrame, ServerFrame>;

/** Frames handed to the transport and not yet taken by it. */
const MAX_UNWRITTEN_BYTES = 1024 * 1024;
/** Received and started notes per frame; each is about 70 bytes. */
const NOTES_PER_FRAME = 2_048;
const NOTE_BYTES = 70;
/** A frame with this many items is load: the next one may wait a millisecond to grow. */
const BUSY_ITEMS = 8;
const BUSY_SPACING_MS = 1;
/** A single result may be as large as a message, if nothing much is in the frame with it. */
const MAY_EXCEED_UP_TO_BYTES = 32 * 1024;

export interface OutboxOptions {
  readonly results: Results;
  readonly shipper: LogShipper;
  /** Looks at the lease; afterwards the outbox may be held or detached. */
  readonly beforeSend: () => void;
  /** The keepalive as it is now: asked for while the frame is built that carries it. */
  readonly keepaliveNow: () => AgentKeepalive;
  /** False when the agent neither runs the attempt nor has a result of it. */
  readonly isHeld: (ref: AttemptRef) => boolean;
}

/**
 * Gathers all that the agent has to say and sends it in few, large frames. What becomes ready in one turn of the event loop shares a
 * frame; while the transport is full things gather in their sources, which are bounded. Before Welcome, and while the lease is in
 * doubt, the outbox is held: only a keepalive passes.
 *
 * A server that reads of an attempt which the keepalive beside it does not name takes that attempt for lost. So the keepalive is made
 * with its frame, and notes on attempts that are gone meanwhile are left out.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  #call: SessionCall | undefined;
  #held = true;
  #keepaliveWanted = false;
  #capacity: Capacity | undefined;
  #received: AttemptRef[] = [];
  #started: Started[] = [];
  #unwrittenBytes = 0;
  #full = false;
  #scheduled = false;
  #busyUntilMs = 0;
  #resultsFirst = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Sends Hello on a new stream. Everything else waits for `release`. */
  attach(call: SessionCall, hello: Hello): void {
    this.#call = call;
    this.#held = true;
    this.#unwrittenBytes = 0;
    this.#full = false;
    call.on("drain", () => {
      if (this.#call !== call) return;
      this.#full = false;
      this.poke();
    });
    this.#write(call, { ...emptyFrame(), hello }, 0);
  }

  /** The stream is gone. Notes are dropped: the next Hello says the same in its own way. */
  detach(): void {
    this.#call = undefined;
    this.#held = true;
    this.#keepaliveWanted = false;
    this.#received = [];
    this.#started = [];
  }

  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.poke();
  }

  received(ref: AttemptRef): void {
    if (this.#call === undefined) return;
    this.#received.push(ref);
    this.poke();
  }

  started(started: Started): void {
    if (this.#call === undefined) return;
    this.#started.push(started);
    this.poke();
  }

  /** The next frame has a keepalive, also while the outbox is held. */
  wantKeepalive(): void {
    this.#keepaliveWanted = true;
    this.poke();
  }

  /** Kept over reconnects until it was sent. */
  capacity(capacity: Capacity): void {
    this.#capacity = capacity;
    this.poke();
  }

  /** There is something to send: do it in this turn, or when the transport has room. */
  poke(): void {
    if (this.#scheduled || this.#call === undefined || this.#isFull()) return;
    this.#scheduled = true;
    if (performance.now() < this.#busyUntilMs) setTimeout(() => this.#flush(), BUSY_SPACING_MS);
    else setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    if (this.#call === undefined) return;
    this.#options.beforeSend();
    const call = this.#call;
    let items = 0;
    while (this.#call === call && !this.#isFull() && this.#hasWork()) {
      const { frame, bytes } = this.#build();
      const count = frame.received.length + frame.started.length + frame.finished.length + frame.logChunks.length;
      if (count === 0 && frame.keepalive === undefined && frame.capacity === undefined) break;
      items += count;
      this.#write(call, frame, bytes);
    }
    this.#busyUntilMs = items >= BUSY_ITEMS ? performance.now() + BUSY_SPACING_MS : 0;
  }

  #hasWork(): boolean {
    if (this.#keepaliveWanted) return true;
    if (this.#held) return false;
    const notes = this.#received.length + this.#started.length;
    return notes > 0 || this.#capacity !== undefined || this.#options.results.hasWork || this.#options.shipper.hasWork;
  }

  #build(): { readonly frame: AgentFrame; readonly bytes: number } {
    const frame = emptyFrame();
    if (this.#keepaliveWanted) frame.keepalive = this.#options.keepaliveNow();
    this.#keepaliveWanted = false;
    let bytes = (frame.keepalive?.held.length ?? 0) * NOTE_BYTES;
    if (this.#held) return { frame, bytes };
    frame.capacity = this.#capacity;
    this.#capacity = undefined;
    frame.received = takeNotes(this.#received, this.#options.isHeld);
    frame.started = takeNotes(this.#started, this.#options.isHeld);
    bytes += (frame.received.length + frame.started.length) * NOTE_BYTES;
    // Logs go first, since their last chunk makes a result ready; but a result that found no room has the next frame for itself.
    if (!this.#resultsFirst) frame.logChunks = this.#options.shipper.take(Math.max(0, FRAME_SOFT_BYTES - bytes) / 2);
    bytes += sizeOfChunks(frame);
    const results = this.#options.results.take(FRAME_SOFT_BYTES - bytes, bytes <= MAY_EXCEED_UP_TO_BYTES);
    this.#resultsFirst = this.#options.results.hasWork;
    frame.finished = results.finished;
    return { frame, bytes: bytes + results.bytes };
  }

  #write(call: SessionCall, frame: AgentFrame, bytes: number): void {
    this.#unwrittenBytes += bytes;
    const hasRoom = call.write(frame, () => {
      if (this.#call !== call) return;
      this.#unwrittenBytes -= bytes;
      if (!this.#isFull()) this.poke();
    });
    if (!hasRoom) this.#full = true;
  }

  #isFull(): boolean {
    return this.#full || this.#unwrittenBytes >= MAX_UNWRITTEN_BYTES;
  }
}

/** Takes a frame's share off the list. None means that the list is empty. */
function takeNotes<Note extends AttemptRef>(notes: Note[], isHeld: (ref: AttemptRef) => boolean): Note[] {
  const taken: Note[] = [];
  let passed = 0;
  for (const note of notes) {
    if (taken.length === NOTES_PER_FRAME) break;
    passed += 1;
    if (isHeld(note)) taken.push(note);
  }
  notes.splice(0, passed);
  return taken;
}

function sizeOfChunks(frame: AgentFrame): number {
  return frame.logChunks.reduce((sum, chunk) => sum + chunk.data.length + CHUNK_OVERHEAD_BYTES, 0);
}
