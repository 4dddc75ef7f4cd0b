import type { ServerDuplexStream } from "@grpc/grpc-js";
import { FRAME_SOFT_BYTES } from "../../kernel/protocol.ts";
import type { AgentFrame, ServerFrame } from "../../proto/gen/millrace/agent/v1/session.ts";

export type AgentStream = ServerDuplexStream<AgentFrame, ServerFrame>;

export type Pending = Pick<ServerFrame, "assign" | "finishedAcks" | "logAcks" | "cancel">;

/**
 * What waits for company, and how long. A busy agent of a few slots gets its next assignment within the first time; until then it keeps a result that is
 * safe already. Logs stand still when their window is full: theirs is about as long as a flush takes under load.
 */
const PATIENCE_MS: Partial<Record<keyof Pending, number>> = { finishedAcks: 100, logAcks: 20 };

/**
 * What waits to be sent to one agent. All that one event brings (a commit, a frame) goes into one frame, since a grpc-js
 * message costs as much as fifty entries in it; while the stream's buffer is full nothing is written and the next frame
 * grows. It is bounded by the agent's slots and by its own unacknowledged results and chunks.
 */
export class Outbox {
  readonly #stream: AgentStream;
  #pending: Pending = { assign: [], finishedAcks: [], logAcks: [], cancel: [] };
  #extra: Partial<ServerFrame> = {};
  #scheduled = false;
  /** Set while only acknowledgements wait. */
  #patience: NodeJS.Timeout | undefined;
  #patienceMs = Number.POSITIVE_INFINITY;
  #blocked = false;
  #closed = false;

  constructor(stream: AgentStream) {
    this.#stream = stream;
    stream.on("drain", () => {
      this.#blocked = false;
      this.#schedule();
    });
  }

  /** Adds one entry to the list of its kind in the next frame. */
  add<Kind extends keyof Pending>(kind: Kind, entry: Pending[Kind][number]): void {
    (this.#pending[kind] as Pending[Kind][number][]).push(entry);
    const patienceMs = PATIENCE_MS[kind];
    if (patienceMs === undefined) this.#schedule();
    else this.#scheduleIn(patienceMs);
  }

  /** Sets a field of which only the newest value matters. */
  set(fields: Partial<Pick<ServerFrame, "welcome" | "drain" | "keepalive" | "policy" | "credential" | "leave">>): void {
    this.#extra = { ...this.#extra, ...fields };
    this.#schedule();
  }

  /** True while something waits to be sent. */
  get isBehind(): boolean {
    return this.#blocked || this.#scheduled || this.#pending.assign.length > 0;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#patience);
  }

  #schedule(): void {
    if (this.#scheduled || this.#blocked || this.#closed) return;
    this.#scheduled = true;
    // After the code that is running now, which may add more, and before anything else: a commit's assignments leave before
    // the answers to those who enqueued, whose writing would delay the start.
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#write();
    });
  }

  /** An acknowledgement is in no hurry: mostly the next assignment is about to leave, and takes it along. */
  #scheduleIn(ms: number): void {
    if (ms >= this.#patienceMs || this.#scheduled || this.#closed) return;
    clearTimeout(this.#patience);
    this.#patienceMs = ms;
    this.#patience = setTimeout(() => {
      this.#patienceMs = Number.POSITIVE_INFINITY;
      this.#schedule();
    }, ms);
  }

  #write(): void {
    clearTimeout(this.#patience);
    this.#patienceMs = Number.POSITIVE_INFINITY;
    if (this.#blocked || this.#closed || this.#stream.cancelled) return;
    const { assign } = this.#pending;
    const count = fitting(assign);
    const frame: ServerFrame = {
      welcome: undefined,
      drain: undefined,
      keepalive: undefined,
      policy: undefined,
      ...this.#extra,
      ...this.#pending,
      assign: count === assign.length ? assign : assign.slice(0, count),
    };
    this.#extra = {};
    this.#pending = { assign: count === assign.length ? [] : assign.slice(count), finishedAcks: [], logAcks: [], cancel: [] };
    this.#blocked = !this.#stream.write(frame);
    if (this.#pending.assign.length > 0) this.#schedule();
  }
}

/** How many bundles go into one frame. */
function fitting(bundles: Pending["assign"]): number {
  let bytes = 0;
  for (let i = 0; i < bundles.length; i++) {
    const bundle = bundles[i];
    bytes += (bundle?.code.length ?? 0) + (bundle?.argsJson.length ?? 0) + 300;
    if (bytes > FRAME_SOFT_BYTES) return Math.max(1, i);
  }
  return bundles.length;
}
