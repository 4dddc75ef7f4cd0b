import type { Duplex } from "node:stream";
import { AppError } from "../../../kernel/app-error.ts";
import type { Place, SandboxEnd, SandboxProcess } from "../../sandbox/sandbox.ts";
import { encodeFrame, type Frame, readFrames } from "./frames.ts";
import { asToAgent, EXIT_OUT_OF_MEMORY, type QueryJob, type ToAgent, type ToHelper } from "./messages-codec.ts";

/** How a job ended in the helper. */
export type HelperAnswer =
  | { readonly kind: "result"; readonly json: string }
  | { readonly kind: "error"; readonly error: Extract<ToAgent, { kind: "error" }>; readonly errorJson: string }
  /** The helper's process ended with the job in it. */
  | { readonly kind: "gone"; readonly outOfMemory: boolean; readonly message: string };

/** A result at its cap, and its header. */
const FRAME_SLACK_BYTES = 1024 * 1024;
const START_LIMIT_MS = 20_000;
/** After a cancel: time for the server to say that it has stopped. */
const CANCEL_LIMIT_MS = 5_000;
const KEPT_STDERR = 2_000;

interface Pending {
  say(text: string): void;
  settle(answer: HelperAnswer): void;
}

export interface HelperParts {
  readonly place: Place;
  /** Starts the helper's process in the place. */
  start(place: Place, io: Parameters<Place["start"]>[1]): Promise<SandboxProcess>;
  readonly maxResultBytes: number;
  /** A cancel kills: its driver blocks the whole process. */
  readonly killToCancel: boolean;
  /** Called once, when the process is gone. */
  onGone(): void;
}

/**
 * One query helper, from start to end: a process in a sandbox that runs queries for one workspace. States: starting → serving → gone;
 * whatever happens to it, every job gets exactly one answer, and its place is given back.
 */
export class QueryHelper {
  readonly #parts: HelperParts;
  readonly #pending = new Map<number, Pending>();
  readonly #ready = Promise.withResolvers<void>();
  #process: SandboxProcess | undefined;
  #channel: Duplex | undefined;
  #nextId = 1;
  #stderr = "";
  #gone = false;
  /** Jobs that have come, and the memory it had after the last. */
  jobs = 0;
  rssBytes = 0;

  constructor(parts: HelperParts) {
    this.#parts = parts;
    this.#ready.promise.catch(() => undefined);
    void this.#live();
  }

  get busy(): number {
    return this.#pending.size;
  }

  get gone(): boolean {
    return this.#gone;
  }

  /** Never rejects. After an abort the answer comes within seconds, and is without meaning. */
  async run(job: QueryJob, say: (text: string) => void, signal: AbortSignal): Promise<HelperAnswer> {
    const id = this.#nextId++;
    const answer = Promise.withResolvers<HelperAnswer>();
    this.#pending.set(id, { say, settle: answer.resolve });
    this.jobs += 1;
    let killTimer: NodeJS.Timeout | undefined;
    const cancel = (): void => {
      if (this.#parts.killToCancel) this.kill();
      this.#send({ kind: "cancel", id });
      killTimer = setTimeout(() => this.kill(), CANCEL_LIMIT_MS);
    };
    void this.#ready.promise.then(
      () => {
        if (signal.aborted) this.#settle(id, { kind: "gone", outOfMemory: false, message: "stopped before it was sent" });
        else {
          signal.addEventListener("abort", cancel, { once: true });
          this.#send({ kind: "run", id, job });
        }
      },
      () => undefined,
    );
    const result = await answer.promise;
    signal.removeEventListener("abort", cancel);
    clearTimeout(killTimer);
    return result;
  }

  /** KILL at once. Jobs in it are answered `gone`. */
  kill(): void {
    this.#gone = true;
    this.#process?.kill();
  }

  async #live(): Promise<void> {
    const { place } = this.#parts;
    let end: SandboxEnd;
    const late = setTimeout(() => this.kill(), START_LIMIT_MS);
    try {
      const running = await this.#parts.start(place, { onBegun: () => undefined, onOutput: (stream, data) => this.#keep(stream, data) });
      this.#process = running;
      this.#open(running.channel);
      if (this.#gone) running.kill();
      void this.#ready.promise.then(
        () => clearTimeout(late),
        () => undefined,
      );
      end = await running.done;
    } catch (error) {
      end = { kind: "setup_failed", message: AppError.from(error).message };
    }
    clearTimeout(late);
    this.#leave(end);
    await place.discard();
  }

  #open(channel: Duplex | undefined): void {
    if (channel === undefined) return;
    this.#channel = channel;
    const ended = (): void => this.kill();
    readFrames(channel, this.#parts.maxResultBytes + FRAME_SLACK_BYTES, (frame) => this.#receive(frame), ended);
  }

  #receive(frame: Frame): void {
    const message = asToAgent(frame.header);
    if (message === undefined) this.kill();
    else if (message.kind === "ready") this.#ready.resolve();
    else if (message.kind === "say") this.#pending.get(message.id)?.say(message.text);
    else {
      this.rssBytes = message.rssBytes;
      const body = frame.body.toString("utf8");
      this.#settle(message.id, message.kind === "result" ? { kind: "result", json: body } : { kind: "error", error: message, errorJson: body });
    }
  }

  #settle(id: number, answer: HelperAnswer): void {
    this.#pending.get(id)?.settle(answer);
    this.#pending.delete(id);
  }

  #leave(end: SandboxEnd): void {
    this.#gone = true;
    this.#ready.reject(new AppError("internal", "the query helper ended"));
    const outOfMemory = end.kind === "ended" && (end.code === EXIT_OUT_OF_MEMORY || /heap out of memory|bad_alloc/.test(this.#stderr));
    const why = end.kind === "ended" ? `exit code ${end.code}` : end.message;
    for (const id of [...this.#pending.keys()]) this.#settle(id, { kind: "gone", outOfMemory, message: `the query helper ended (${why})` });
    this.#parts.onGone();
  }

  #send(message: ToHelper): void {
    if (this.#channel?.writable === true) this.#channel.write(encodeFrame(message));
  }

  #keep(stream: number, data: Buffer): undefined {
    if (stream === 1) this.#stderr = `${this.#stderr}${data.toString("latin1")}`.slice(-KEPT_STDERR);
    return undefined;
  }
}
