import { AppError } from "../../kernel/app-error.ts";
import { nextTurn } from "../../kernel/slices.ts";

interface Waiting {
  readonly bytes: number;
  readonly go: (turn: BodyTurn) => void;
}

/**
 * The turn of one large body. It is over with the next turn of the event loop, unless its work is cut into slices: whoever rests between them
 * keeps the turn, and ends it.
 */
export class BodyTurn {
  readonly #over: (heldMs: number) => void;
  #state: "open" | "kept" | "over" = "open";
  #sinceMs = performance.now();

  /** @param over called once, when no more work of this body is to come, with how long the event loop was held since the last rest */
  constructor(over: (heldMs: number) => void) {
    this.#over = over;
    // Work that nobody cut goes on in microtasks: it has been done by the next turn of the event loop.
    setImmediate(() => {
      if (this.#state === "open") this.#finish();
    });
  }

  /** Between two slices: leaves the event loop to others for as long as the slice took. */
  async rest(): Promise<void> {
    if (this.#state === "open") this.#state = "kept";
    await restFor(performance.now() - this.#sinceMs);
    this.#sinceMs = performance.now();
  }

  /** To be called by whoever called `rest`. Idempotent. */
  end(): void {
    if (this.#state === "kept") this.#finish();
  }

  #finish(): void {
    this.#state = "over";
    this.#over(performance.now() - this.#sinceMs);
  }
}

/** A timer of less than a millisecond would be one of a millisecond. */
async function restFor(ms: number): Promise<void> {
  if (ms < 1) await nextTurn();
  else await new Promise((resolve) => setTimeout(resolve, ms));
}

export interface BodyTurnsOptions {
  /** False while the work behind the requests does not keep up. */
  readonly hasRoom: () => boolean;
  /** Bytes of bodies that one owner, and all together, may have waiting. */
  readonly ownerBytes: number;
  readonly allBytes: number;
}

/** How soon to look again for room. */
const LOOK_AGAIN_MS = 2;

/**
 * Large request bodies, one at a time. To parse, check and enqueue a batch of hundreds of jobs holds the event loop for milliseconds: if
 * every batch of a flood were handled as it came, whoever sends a single job beside it would wait for all of them. So a large body waits for
 * its turn: owners (workspaces) in rotation, none while the work behind does not keep up, and after each one, or each slice of one, the event loop
 * is left to others for as long as it took.
 */
export class BodyTurns {
  readonly #options: BodyTurnsOptions;
  readonly #queues = new Map<string, { waiting: Waiting[]; bytes: number }>();
  #bytes = 0;
  #scheduled = false;

  constructor(options: BodyTurnsOptions) {
    this.#options = options;
  }

  /** Bodies' bytes that wait. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  /**
   * Calls `go` when it is the body's turn.
   * Errors: unavailable when too much of this owner, or of all, waits already.
   */
  enter(owner: string, bytes: number, go: (turn: BodyTurn) => void): void {
    const { ownerBytes, allBytes } = this.#options;
    const queue = this.#queues.get(owner) ?? { waiting: [], bytes: 0 };
    if ((queue.bytes > 0 && queue.bytes + bytes > ownerBytes) || this.#bytes + bytes > allBytes) {
      throw new AppError("unavailable", "too many large requests are waiting: send fewer at a time", { retryAfterS: 1 });
    }
    queue.waiting.push({ bytes, go });
    queue.bytes += bytes;
    this.#bytes += bytes;
    this.#queues.set(owner, queue);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    const next = this.#queues.entries().next().value;
    if (next === undefined) return;
    if (!this.#options.hasRoom()) {
      this.#scheduled = true;
      setTimeout(() => this.#turn(), LOOK_AGAIN_MS);
      return;
    }
    const [owner, queue] = next;
    const waiting = queue.waiting.shift();
    this.#queues.delete(owner);
    if (queue.waiting.length > 0) this.#queues.set(owner, queue);
    if (waiting !== undefined) {
      queue.bytes -= waiting.bytes;
      this.#bytes -= waiting.bytes;
    }
    this.#scheduled = true;
    const turn = new BodyTurn((heldMs) => setTimeout(() => this.#rested(), heldMs));
    waiting?.go(turn);
  }

  #rested(): void {
    this.#scheduled = false;
    if (this.#queues.size > 0) this.#turn();
  }
}
