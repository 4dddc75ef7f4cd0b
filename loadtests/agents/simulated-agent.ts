import { randomUUID } from "node:crypto";
import { type ClientDuplexStream, credentials, Metadata } from "@grpc/grpc-js";
import { ChurnMap } from "../../kernel/churn-map.ts";
import { MAX_MESSAGE_BYTES, PROTOCOL_VERSION } from "../../kernel/protocol.ts";
import { type AttemptRef, type Bundle, ExitReason, type Finished } from "../../proto/gen/millrace/agent/v1/job.ts";
import { type AgentFrame, AgentSessionClient, type Hello, type ServerFrame, Verdict } from "../../proto/gen/millrace/agent/v1/session.ts";
import { monotonicUs, wallUs } from "../load/monotonic.ts";
import type { Random } from "../load/random.ts";
import type { Book, Stamp } from "./book.ts";
import { type Held, refOf, stampOf } from "./held.ts";

export interface AgentSetup {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly token: string;
  readonly slots: number;
  readonly tags: readonly string[];
  readonly random: Random;
  readonly book: Book;
  readonly onConnected: () => void;
}

const CHANNEL = {
  "grpc.enable_retries": 0,
  "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
  "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
  "grpc-node.flow_control_window": 4 * 1024 * 1024,
  "grpc.use_local_subchannel_pool": 1,
  "grpc.service_config_disable_resolution": 1,
};
/** As the agent program does: after a frame with this many entries the next one may wait a millisecond to grow. */
const BUSY_ENTRIES = 8;
const SPACING_MS = 1;
const FIRST_RETRY_MS = 20;
const LONGEST_RETRY_MS = 250;
const DEFAULT_KEEPALIVE_MS = 3000;
/** After which an end without a verdict is sent again. */
const RESEND_US = 10_000_000;
const DEFAULT_SELF_FENCE_MS = 20_000;

/**
 * An agent without scripts, over the real stream with the real frames: it confirms, runs by waiting, resends ends until they are
 * acknowledged, sends keepalives with what it holds, fences itself, and comes back to any replica with what it held. It keeps its results
 * in memory, not on a disk. Many fit in one process.
 */
export class SimulatedAgent {
  readonly #setup: AgentSetup;
  readonly #agentId = randomUUID();
  #bootId = randomUUID();
  #address: number;
  #client: AgentSessionClient | undefined;
  #stream: ClientDuplexStream<AgentFrame, ServerFrame> | undefined;
  #welcomed = false;
  #stopped = false;
  #failures = 0;
  readonly #held = new ChurnMap<string, Held>();
  #received: AttemptRef[] = [];
  #started: { jobId: string; token: string; atUs: number }[] = [];
  #finished: Finished[] = [];
  #keepaliveDue = false;
  #scheduled = false;
  #blocked = false;
  #busyUntilMs = 0;
  #keepalive: NodeJS.Timeout | undefined;
  #keepaliveMs = 0;
  #selfFenceMs = DEFAULT_SELF_FENCE_MS;
  #echoedMs = 0;

  constructor(setup: AgentSetup, index: number) {
    this.#setup = setup;
    this.#address = index % setup.addresses.length;
  }

  connect(): void {
    if (this.#stopped) return;
    const { addresses, token } = this.#setup;
    const client = new AgentSessionClient(addresses[this.#address % addresses.length] ?? "", credentials.createInsecure(), CHANNEL);
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${token}`);
    const stream = client.session(metadata);
    [this.#client, this.#stream, this.#welcomed, this.#blocked] = [client, stream, false, false];
    stream.on("data", (frame: ServerFrame) => this.#stream === stream && this.#onFrame(frame));
    stream.on("error", () => this.#closed(stream));
    stream.on("end", () => this.#closed(stream));
    stream.on("drain", () => {
      this.#blocked = false;
      this.#poke();
    });
    this.#write({ hello: this.#hello() });
  }

  /** Reads nothing for a while: the server's buffers fill. */
  slow(forMs: number): void {
    const stream = this.#stream;
    stream?.pause();
    setTimeout(() => stream?.resume(), forMs);
  }

  /** Loses the connection and what it ran, as a killed process would. Results that wait for their acknowledgement are on its disk. */
  crash(): void {
    for (const held of [...this.#held.values()]) if (held.finished === undefined) this.#forget(held);
    this.#bootId = randomUUID();
    this.#leave();
    this.connect();
  }

  stop(): void {
    this.#stopped = true;
    for (const held of this.#held.values()) clearTimeout(held.timer);
    this.#leave();
  }

  #hello(): Hello {
    const { name, tags, slots } = this.#setup;
    return {
      protocolVersion: PROTOCOL_VERSION,
      agentId: this.#agentId,
      agentName: name,
      bootId: this.#bootId,
      agentVersion: "simulated",
      tags: [...tags],
      slots,
      runtimes: [{ language: "noop", version: "1" }],
      sandbox: { level: 0, reasons: ["simulated"] },
      cpus: 1,
      memoryBytes: 1,
      held: [...this.#held.values()].map(refOf),
      host: "loadtest",
    };
  }

  #onFrame(frame: ServerFrame): void {
    const nowUs = monotonicUs();
    for (const bundle of frame.assign) this.#assigned(bundle, nowUs);
    for (const ack of frame.finishedAcks) this.#acknowledged(ack, nowUs);
    for (const cancel of frame.cancel) this.#cancelled(cancel);
    if (frame.welcome !== undefined) this.#welcome(frame.welcome);
    if (frame.keepalive !== undefined) this.#echoedMs = Math.max(this.#echoedMs, frame.keepalive.echoSentAtMs);
    if (frame.drain !== undefined) {
      this.#address += 1;
      this.#leave();
      this.connect();
    }
  }

  #welcome(welcome: NonNullable<ServerFrame["welcome"]>): void {
    for (const ref of welcome.drop) {
      const held = this.#held.get(ref.token);
      if (held !== undefined && held.finished === undefined) this.#forget(held);
    }
    this.#welcomed = true;
    this.#failures = 0;
    this.#echoedMs = performance.now();
    this.#selfFenceMs = welcome.policy?.selfFenceMs || DEFAULT_SELF_FENCE_MS;
    this.#keepaliveMs = welcome.policy?.keepaliveMs || DEFAULT_KEEPALIVE_MS;
    clearInterval(this.#keepalive);
    // Agents that connect together must not speak in chorus.
    this.#keepalive = setTimeout(() => this.#beat(), this.#setup.random() * this.#keepaliveMs);
    this.#received = [...this.#held.values()].map(refOf);
    this.#started = [...this.#held.values()].map((held) => ({ ...refOf(held), atUs: held.startedAtUs }));
    this.#finished = [...this.#held.values()].flatMap((held) => held.finished ?? []);
    this.#poke();
    this.#setup.onConnected();
  }

  #beat(): void {
    if (performance.now() - this.#echoedMs > this.#selfFenceMs) this.#fence();
    // As the real agent does: a verdict can be lost on its way between two replicas.
    const beforeUs = wallUs() - RESEND_US;
    for (const { finished } of this.#held.values()) if (finished !== undefined && finished.finishedAtUs < beforeUs) this.#finished.push(finished);
    this.#keepaliveDue = true;
    this.#keepalive = setTimeout(() => this.#beat(), this.#keepaliveMs);
    this.#poke();
  }

  /** Without contact for too long, what still runs is no longer ours. */
  #fence(): void {
    for (const held of [...this.#held.values()]) if (held.finished === undefined) this.#forget(held);
  }

  #assigned(bundle: Bundle, nowUs: number): void {
    const known = this.#held.get(bundle.token);
    if (known !== undefined) {
      this.#received.push(refOf(known));
      this.#poke();
      return;
    }
    const stamp = stampOf(bundle.argsJson);
    const held: Held = {
      jobId: bundle.jobId,
      token: bundle.token,
      stamp,
      arrivedUs: nowUs,
      startedAtUs: Math.round(wallUs()),
      finished: undefined,
      timer: undefined,
    };
    this.#held.set(held.token, held);
    this.#setup.book.arrived(stamp, nowUs);
    this.#received.push(refOf(held));
    this.#started.push({ ...refOf(held), atUs: held.startedAtUs });
    if (stamp.sleep_ms > 0) held.timer = setTimeout(() => this.#end(held, ExitReason.EXIT_REASON_SUCCEEDED), stamp.sleep_ms);
    else this.#end(held, ExitReason.EXIT_REASON_SUCCEEDED);
    this.#poke();
  }

  #end(held: Held, reason: ExitReason): void {
    if (held.finished !== undefined || this.#held.get(held.token) !== held) return;
    this.#setup.book.served(held.stamp.s, held.arrivedUs, monotonicUs());
    held.finished = {
      ...refOf(held),
      exit: { reason, code: 0, signal: "", message: "" },
      resultJson: String(held.stamp.n),
      startedAtUs: held.startedAtUs,
      finishedAtUs: Math.round(wallUs()),
      logChunks: 0,
      logBytes: 0,
      logDroppedBytes: 0,
    };
    this.#finished.push(held.finished);
    this.#poke();
  }

  #acknowledged(ack: { token: string; verdict: Verdict }, nowUs: number): void {
    const held = this.#held.get(ack.token);
    if (held === undefined) return;
    this.#held.delete(ack.token);
    const { s, n }: Stamp = held.stamp;
    if (ack.verdict === Verdict.VERDICT_RECORDED) this.#setup.book.recorded(s, n, nowUs);
    else this.#setup.book.refused();
  }

  #cancelled(cancel: { token: string; fenced: boolean }): void {
    const held = this.#held.get(cancel.token);
    if (held === undefined) return;
    // An end waits for its verdict whatever a keepalive made the server say: it may have been recorded before a crash.
    if (!cancel.fenced) this.#end(held, ExitReason.EXIT_REASON_CANCELLED);
    else if (held.finished === undefined) this.#forget(held);
  }

  #forget(held: Held): void {
    clearTimeout(held.timer);
    this.#held.delete(held.token);
  }

  #poke(): void {
    if (this.#scheduled || this.#blocked || !this.#welcomed) return;
    this.#scheduled = true;
    if (performance.now() < this.#busyUntilMs) setTimeout(() => this.#flush(), SPACING_MS);
    else setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    if (!this.#welcomed || this.#blocked) return;
    const entries = this.#received.length + this.#started.length + this.#finished.length;
    if (entries === 0 && !this.#keepaliveDue) return;
    const keepalive = this.#keepaliveDue ? { sentAtMs: performance.now(), held: [...this.#held.values()].map(refOf) } : undefined;
    // The server takes an attempt for lost that a frame speaks of and its keepalive does not name.
    const isHeld = (ref: { token: string }): boolean => this.#held.has(ref.token);
    this.#write({ received: this.#received.filter(isHeld), started: this.#started.filter(isHeld), finished: this.#finished.filter(isHeld), keepalive });
    [this.#received, this.#started, this.#finished, this.#keepaliveDue] = [[], [], [], false];
    this.#busyUntilMs = entries >= BUSY_ENTRIES ? performance.now() + SPACING_MS : 0;
  }

  #write(fields: Partial<AgentFrame>): void {
    const frame = { hello: undefined, received: [], started: [], logChunks: [], finished: [], keepalive: undefined, capacity: undefined, ...fields };
    if (this.#stream?.write(frame) === false) this.#blocked = true;
  }

  #closed(stream: ClientDuplexStream<AgentFrame, ServerFrame>): void {
    if (this.#stream !== stream) return;
    this.#leave();
    this.#address += 1;
    const backoffMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures);
    this.#failures += 1;
    setTimeout(() => this.connect(), backoffMs * (0.5 + this.#setup.random()));
  }

  #leave(): void {
    clearTimeout(this.#keepalive);
    this.#stream?.cancel();
    this.#client?.close();
    [this.#stream, this.#client, this.#welcomed] = [undefined, undefined, false];
  }
}
