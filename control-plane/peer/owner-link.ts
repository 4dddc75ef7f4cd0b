import { AppError, messageOf } from "../../kernel/app-error.ts";
import { backoffMs } from "../../kernel/backoff.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { JobId, WorkspaceId } from "../../kernel/ids.ts";
import { type Instant, instantOf } from "../../kernel/instant.ts";
import { VERSION } from "../../kernel/protocol.ts";
import { AnswerKind, type HomeFrame, type OwnerFrame } from "../../proto/gen/millrace/peer/v1/peer.ts";
import type { OwnersHome } from "../agents/agent-home.ts";
import type { AgentView } from "../agents/contract.ts";
import type { NewJob } from "../jobs/model.ts";
import type { FinishVerdict } from "../scheduler/agent-port.ts";
import type { PendingCancel } from "../scheduler/cluster/peers.ts";
import type { WaitReason } from "../scheduler/core/wait-reason.ts";
import type { Accepted } from "../scheduler/keyed-jobs.ts";
import type { Lease, ReplicaView } from "../scheduler/lease-store.ts";
import type { OwnerPort } from "../scheduler/owner-port.ts";
import type { Log } from "../telemetry/log.ts";
import type { DialPeer, PeerCall } from "./dial-peer.ts";
import { FrameQueue } from "./frame-queue.ts";
import type { JobChange } from "./job-watch.ts";
import { receiveFromOwner } from "./owner-frames.ts";
import { isProof, proofOf } from "./peer-auth.ts";
import { acceptedFromWire, agentsFromWire, answerFromWire, cancelFromWire, emptyHomeFrame, heldToWire, reasonFromWire } from "./peer-codec.ts";
import { LINK_KEEPALIVE_MS, LINK_SILENT_MS, PEER_PROTOCOL_VERSION } from "./peer-protocol.ts";
import { Requests } from "./requests.ts";

/** What a link needs of the replica that dials. */
export interface OwnerLinkParts {
  readonly self: Lease;
  readonly secret: Buffer;
  readonly dial: DialPeer;
  readonly home: OwnersHome;
  readonly clock: Clock;
  readonly log: Log;
  /** Jobs whose changes are wanted; asked for at the start of each stream. */
  readonly watched: () => Iterable<JobId>;
  readonly onUp: (link: OwnerLink) => void;
  readonly onDown: (link: OwnerLink) => void;
  readonly onOwned: (link: OwnerLink, shards: readonly number[]) => void;
  readonly onEvent: (id: JobId, change: JobChange) => void;
}

const BATCH_BYTES = 256 * 1024;
/** A conflict of one key refuses the whole request: it is judged in one piece unless that would be no message any more. */
const KEYED_BATCH_BYTES = 6 * 1024 * 1024;
const ENTRY_BYTES = 80;
/** Keepalives whose echo is still awaited. A link that is silent for that long is given up. */
const REMEMBERED_KEEPALIVES = 64;

/**
 * The link to one other replica as an owner: dials, proves who it is, and dials again when the stream breaks, for as long as that replica
 * has this epoch. Questions that are open when the stream breaks fail with `unavailable`: it is not known what became of them.
 */
export class OwnerLink implements OwnerPort {
  readonly peer: ReplicaView;
  readonly isLocal = false;
  readonly #parts: OwnerLinkParts;
  readonly #requests = new Requests();
  #hangUp: (() => void) | undefined;
  /** Events of an earlier stream may come late. */
  #stream: PeerCall | undefined;
  #queue: FrameQueue<HomeFrame> | undefined;
  #up = false;
  #closed = false;
  #failures = 0;
  #openedAt: Instant = { monotonicMs: 0, wallMs: 0 };
  #heardAtMs = 0;
  #confirmedAt: Instant = this.#openedAt;
  /** When keepalives were sent that were not echoed yet. */
  #sent: Instant[] = [];
  #timer: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(peer: ReplicaView, parts: OwnerLinkParts) {
    this.peer = peer;
    this.#parts = parts;
  }

  get replicaId(): string {
    return this.peer.replicaId;
  }

  get isUp(): boolean {
    return this.#up;
  }

  open(): void {
    const { self, secret, clock, dial } = this.#parts;
    const { call: stream, hangUp } = dial(this.peer.address);
    this.#hangUp = hangUp;
    this.#stream = stream;
    this.#openedAt = instantOf(clock);
    this.#heardAtMs = this.#openedAt.monotonicMs;
    this.#sent = [];
    this.#queue = new FrameQueue<HomeFrame>(stream, emptyHomeFrame, () => this.#lose(stream, "it takes nothing"));
    stream.on("data", (frame: OwnerFrame) => {
      try {
        this.#receive(stream, frame);
      } catch (error) {
        // What a peer sends must not be able to end the process.
        this.#parts.log.error({ event: "peer.frame_failed", error: messageOf(error) }, "a frame of a peer could not be handled");
        this.#lose(stream, "a frame could not be handled");
      }
    });
    stream.on("error", (error: Error) => this.#lose(stream, messageOf(error)));
    stream.on("end", () => this.#lose(stream, "it ended the stream"));
    this.#queue.add(1, (frame) => {
      const proof = proofOf(secret, "home", self, this.peer);
      frame.hello = { protocolVersion: PEER_PROTOCOL_VERSION, replicaId: self.replicaId, epoch: self.epoch, proof, version: VERSION };
    });
    this.#timer = setInterval(() => this.#tick(stream), LINK_KEEPALIVE_MS);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#drop("the link was closed");
  }

  confirmedAt(): Instant {
    return this.#confirmedAt;
  }

  async enqueue(jobs: readonly NewJob[]): Promise<readonly Accepted[] | "moved"> {
    const answers: Promise<{ text: string } | "moved">[] = [];
    const most = jobs.some(({ special }) => special?.key !== undefined) ? KEYED_BATCH_BYTES : BATCH_BYTES;
    for (let at = 0; at < jobs.length; ) {
      const texts: string[] = [];
      let bytes = 0;
      for (; at < jobs.length && (bytes === 0 || bytes < most); at++) {
        const text = JSON.stringify(jobs[at]);
        texts.push(text);
        bytes += Buffer.byteLength(text);
      }
      answers.push(this.#ask(bytes, (frame, request) => frame.enqueue.push({ request, jobsJson: texts })));
    }
    const results = await Promise.all(answers);
    const answered = results.filter((answer) => answer !== "moved");
    if (answered.length === 0) return "moved";
    if (answered.length === results.length) return acceptedFromWire(jobs, answered);
    throw new AppError("unavailable", "the workspace is moving to another owner: some of the jobs were not accepted", { retryAfterS: 1 });
  }

  async cancel(job: { readonly id: JobId; readonly workspace: WorkspaceId }, reason: string): ReturnType<OwnerPort["cancel"]> {
    const answer = await this.#ask(ENTRY_BYTES + reason.length, (frame, request) =>
      frame.cancelJob.push({ request, jobId: job.id, workspaceId: job.workspace, reason }),
    );
    return answer === "moved" ? "moved" : (cancelFromWire(answer.text) ?? "gone");
  }

  async waitReason(job: Parameters<OwnerPort["waitReason"]>[0]): Promise<WaitReason | undefined> {
    const answer = await this.#ask(ENTRY_BYTES, (frame, request) => frame.askReason.push({ request, jobJson: JSON.stringify(job) }));
    return answer === "moved" ? undefined : reasonFromWire(answer.text);
  }

  /** Agents whose home the other replica is, as far as the workspace may see them. */
  async agentsOf(workspace: WorkspaceId): Promise<AgentView[]> {
    const answer = await this.#ask(ENTRY_BYTES, (frame, request) => frame.askAgents.push({ request, workspaceId: workspace }));
    return answer === "moved" ? [] : agentsFromWire(answer.text);
  }

  attach(hello: Parameters<OwnerPort["attach"]>[0]): [] {
    const { session, serial = 0, key, name, workspace, tags, languages, slots, held } = hello;
    this.#say(ENTRY_BYTES * (2 + held.size), (frame) =>
      frame.attached.push({
        session,
        serial,
        agentKey: key,
        name,
        workspaceId: workspace ?? "",
        tags: [...tags],
        languages: [...languages],
        slots,
        held: heldToWire(held),
      }),
    );
    return [];
  }

  detach(agentKey: string, session: string, heardAtMs: number): void {
    const silentMs = Math.max(0, this.#parts.clock.monotonicMs() - heardAtMs);
    this.#say(ENTRY_BYTES, (frame) => frame.detached.push({ session, agentKey, silentMs }));
  }

  share(session: string, { seq, round, slots }: Parameters<OwnerPort["share"]>[1]): void {
    this.#say(ENTRY_BYTES, (frame) => frame.shares.push({ session, seq, round, slots }));
  }

  received(session: string, { id, token }: Parameters<OwnerPort["received"]>[1]): void {
    this.#say(ENTRY_BYTES, (frame) => frame.received.push({ session, attempt: { jobId: id, token } }));
  }

  started(session: string, { id, token }: Parameters<OwnerPort["started"]>[1], atMs: number): void {
    this.#say(ENTRY_BYTES, (frame) => frame.started.push({ session, attempt: { jobId: id, token }, atMs }));
  }

  held(session: string, held: Parameters<OwnerPort["held"]>[1]): void {
    this.#say(ENTRY_BYTES * (1 + held.size), (frame) => frame.held.push({ session, held: heldToWire(held) }));
  }

  folders(session: string, folders: Parameters<OwnerPort["folders"]>[1]): void {
    this.#say(ENTRY_BYTES * (1 + folders.size), (frame) => frame.folders.push({ session, folders: heldToWire(folders) }));
  }

  async finished(agent: string, _end: unknown, wire: Parameters<OwnerPort["finished"]>[2]): Promise<FinishVerdict | "moved"> {
    const answer = await this.#ask(ENTRY_BYTES * 2 + wire.resultJson.length, (frame, request) =>
      frame.finished.push({ request, agentKey: agent, finished: wire }),
    );
    if (answer === "moved") return "moved";
    return answer.text === "recorded" ? "recorded" : "stale";
  }

  watch(id: JobId): void {
    this.#say(ENTRY_BYTES, (frame) => frame.watch.push(id));
  }

  unwatch(id: JobId): void {
    this.#say(ENTRY_BYTES, (frame) => frame.unwatch.push(id));
  }

  handOver(shards: readonly number[], cancels: readonly PendingCancel[]): void {
    const wire = cancels.map(({ id, token, reason }) => ({ jobId: id, token, reason }));
    this.#say(ENTRY_BYTES * (1 + cancels.length), (frame) => frame.handOver.push({ shards: [...shards], cancels: wire }));
  }

  /** Nothing is said over a link that is not up: what matters is said again when it is. */
  #say(bytes: number, put: (frame: HomeFrame) => void): void {
    if (this.#up) this.#queue?.add(bytes, put);
  }

  async #ask(bytes: number, put: (frame: HomeFrame, request: number) => void): Promise<{ text: string } | "moved"> {
    const { clock } = this.#parts;
    if (!this.#up || this.#queue === undefined) throw new AppError("unavailable", "the owner of the shard does not answer", { retryAfterS: 1 });
    const { request, answer } = this.#requests.open(clock.monotonicMs());
    this.#queue.add(bytes, (frame) => put(frame, request));
    return answerFromWire(await answer);
  }

  #receive(stream: PeerCall, frame: OwnerFrame): void {
    if (this.#closed || this.#stream !== stream) return;
    this.#heardAtMs = this.#parts.clock.monotonicMs();
    if (!this.#up && !this.#welcomed(stream, frame)) return;
    const { home, onOwned, onEvent } = this.#parts;
    if (frame.keepalive?.isEcho === true) this.#echoed(frame.keepalive.sentAtMs);
    for (const answer of frame.answers) this.#requests.settle(answer);
    for (const { request, kind, recorded } of frame.finished) {
      this.#requests.settle({ request, kind, text: recorded && kind === AnswerKind.ANSWER_KIND_DONE ? "recorded" : "stale", code: "unavailable" });
    }
    receiveFromOwner(frame, { home, owned: (shards) => onOwned(this, shards), event: onEvent });
  }

  #welcomed(stream: PeerCall, frame: OwnerFrame): boolean {
    const { self, secret, log, watched, onUp } = this.#parts;
    const { welcome } = frame;
    if (welcome === undefined || !isProof(welcome.proof, proofOf(secret, "owner", self, this.peer))) {
      this.#lose(stream, "it could not prove that it belongs to the cluster");
      return false;
    }
    this.#up = true;
    this.#failures = 0;
    this.#confirmedAt = this.#openedAt;
    log.info({ event: "peer.linked", peer: this.peer.name, address: this.peer.address, version: welcome.version }, "linked to a peer");
    for (const id of watched()) this.watch(id);
    onUp(this);
    return true;
  }

  /** The number of a keepalive has come back: by both clocks it was sent when it says. */
  #echoed(sentAtMs: number): void {
    const sent = this.#sent.find(({ monotonicMs }) => monotonicMs === sentAtMs);
    if (sent === undefined) return;
    this.#confirmedAt = sent;
    this.#sent = this.#sent.filter(({ monotonicMs }) => monotonicMs > sentAtMs);
  }

  #tick(stream: PeerCall): void {
    const now = instantOf(this.#parts.clock);
    const nowMs = now.monotonicMs;
    this.#requests.expire(nowMs);
    if (nowMs - this.#heardAtMs > LINK_SILENT_MS) this.#lose(stream, "it is silent");
    else if (this.#up) this.#keepalive(now);
  }

  #keepalive(now: Instant): void {
    this.#sent.push(now);
    if (this.#sent.length > REMEMBERED_KEEPALIVES) this.#sent.shift();
    this.#queue?.add(ENTRY_BYTES, (frame) => {
      frame.keepalive = { sentAtMs: now.monotonicMs, isEcho: false };
    });
  }

  #lose(stream: PeerCall, reason: string): void {
    if (this.#stream !== stream || this.#closed) return;
    stream.cancel();
    if (this.#up || this.#failures === 0)
      this.#parts.log.warn({ event: "peer.unlinked", peer: this.peer.name, address: this.peer.address, reason }, "no link to a peer");
    this.#drop(reason);
    this.#retry = setTimeout(() => this.open(), backoffMs(this.#failures, 50, 1000, Math.random()));
    this.#failures += 1;
  }

  #drop(reason: string): void {
    clearInterval(this.#timer);
    this.#queue?.close();
    this.#queue = undefined;
    this.#stream = undefined;
    this.#hangUp?.();
    this.#hangUp = undefined;
    this.#requests.fail(
      new AppError("unavailable", `the owner of the shard was lost: ${reason}; it is not known what became of the request`, { retryAfterS: 1 }),
    );
    if (!this.#up) return;
    this.#up = false;
    this.#parts.onDown(this);
  }
}
