import type { ServerDuplexStream } from "@grpc/grpc-js";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import { background } from "../../kernel/background.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { JobId, SessionId, WorkspaceId } from "../../kernel/ids.ts";
import { parseJobId } from "../../kernel/ids.ts";
import { VERSION } from "../../kernel/protocol.ts";
import { AnswerKind, type HomeFrame, type OwnerFrame } from "../../proto/gen/millrace/peer/v1/peer.ts";
import type { AgentView } from "../agents/contract.ts";
import { attemptFromWire, endFromWire, heldFromWire } from "../agents/frames-codec.ts";
import { shardOfToken } from "../jobs/model.ts";
import type { AgentPort } from "../scheduler/agent-port.ts";
import { type LocalOwner, ownerPort } from "../scheduler/cluster/local-owner.ts";
import type { PendingCancel } from "../scheduler/cluster/peers.ts";
import type { HoldingReport, Home, OwnerPort, RouteDemand } from "../scheduler/owner-port.ts";
import type { Log } from "../telemetry/log.ts";
import { FrameQueue } from "./frame-queue.ts";
import type { JobChange, JobWatch, Watcher } from "./job-watch.ts";
import { cancelsFromWire, emptyOwnerFrame, helloFromWire, jobsFromWire, sessionFromWire, waitingFromWire, workspaceFromWire } from "./peer-codec.ts";
import { PEER_PROTOCOL_VERSION } from "./peer-protocol.ts";

export interface HomeLinkParts {
  readonly local: LocalOwner;
  readonly watch: JobWatch;
  readonly clock: Clock;
  readonly log: Log;
  readonly agentsOf: (workspace: WorkspaceId) => AgentView[];
  /** The tables give us shards, says the peer. */
  readonly onHandOver: (cancels: readonly PendingCancel[]) => void;
}

type PeerStream = Pick<ServerDuplexStream<HomeFrame, OwnerFrame>, "write" | "on">;

const ENTRY_BYTES = 80;

/** The link of one other replica to the owner here: its API's jobs, its agents, and what it wants to hear of. */
export class HomeLink implements Home, Watcher {
  readonly #parts: HomeLinkParts;
  readonly #port: OwnerPort;
  readonly #queue: FrameQueue<OwnerFrame>;
  #heardAtMs: number;
  #closed = false;

  constructor(stream: PeerStream, parts: HomeLinkParts, onOverflow: () => void) {
    this.#parts = parts;
    this.#port = ownerPort(parts.local, this, parts.clock);
    this.#queue = new FrameQueue(stream, emptyOwnerFrame, onOverflow);
    this.#heardAtMs = parts.clock.monotonicMs();
  }

  /** Monotonic time of the last frame. */
  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  welcome(proof: Buffer, owned: readonly number[]): void {
    this.#queue.add(ENTRY_BYTES, (frame) => {
      frame.welcome = { protocolVersion: PEER_PROTOCOL_VERSION, proof, version: VERSION };
    });
    this.announce(owned);
    this.#parts.local.agents.addHome(this);
  }

  announce(owned: readonly number[]): void {
    this.#queue.add(ENTRY_BYTES, (frame) => {
      frame.owned = { shards: [...owned] };
    });
  }

  /** The link is gone. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.close();
    this.#parts.watch.forget(this);
    this.#parts.local.agents.removeHome(this, this.#heardAtMs);
  }

  assign(session: SessionId, bundle: Parameters<AgentPort["assign"]>[1]): boolean {
    const workspaceId = this.#parts.local.owner.state.running.get(bundle.jobId as JobId)?.job.workspace;
    if (this.#closed || workspaceId === undefined) return false;
    this.#queue.add(bundle.code.length + bundle.argsJson.length + 4 * ENTRY_BYTES, (frame) => frame.assign.push({ session, workspaceId, bundle }));
    return true;
  }

  isBehind(): boolean {
    return this.#queue.isBehind;
  }

  cancel(session: SessionId, { id, token, reason, fenced }: Parameters<AgentPort["cancel"]>[1]): void {
    this.#queue.add(ENTRY_BYTES * 2, (frame) => frame.cancel.push({ session, attempt: { jobId: id, token }, reason, fenced }));
  }

  holding(session: SessionId, { seq, round, slots, uncovered, adopted }: HoldingReport): void {
    this.#queue.add(ENTRY_BYTES, (frame) => frame.holding.push({ session, seq, round, slots, uncovered: [...uncovered], adopted: [...adopted] }));
  }

  demand(routes: readonly RouteDemand[]): void {
    this.#queue.add(ENTRY_BYTES * (1 + routes.length), (frame) => {
      frame.demand = { routes: [...routes] };
    });
  }

  changed(id: JobId, change: JobChange): void {
    const { attempt, seq } = change.kind === "durable" ? change : { attempt: 0, seq: 0 };
    this.#queue.add(ENTRY_BYTES, (frame) => frame.events.push({ jobId: id, change: change.kind, attempt, seq }));
  }

  /** Handles one frame. Never throws. Sessions begin before anything is said of them, and end last. */
  receive(frame: HomeFrame): void {
    if (this.#closed) return;
    this.#heardAtMs = this.#parts.clock.monotonicMs();
    if (frame.keepalive !== undefined) this.#echo(frame.keepalive.sentAtMs);
    this.#receiveSessions(frame);
    for (const { request, agentKey, finished } of frame.finished) this.#finished(request, agentKey, finished);
    for (const { session, agentKey, silentMs } of frame.detached) {
      const id = sessionFromWire(session);
      const key = agentKey as Parameters<OwnerPort["detach"]>[0];
      if (id !== undefined) this.#port.detach(key, id, this.#heardAtMs - Math.max(0, silentMs));
    }
    this.#receiveQuestions(frame);
    for (const id of frame.watch) this.#watch(id, true);
    for (const id of frame.unwatch) this.#watch(id, false);
    if (frame.handOver.length > 0) this.#parts.onHandOver(cancelsFromWire(frame.handOver));
  }

  #receiveSessions(frame: HomeFrame): void {
    for (const attached of frame.attached) {
      const hello = helloFromWire(attached);
      if (hello === undefined) continue;
      for (const attempt of this.#port.attach(hello)) this.cancel(hello.session, { ...attempt, reason: "the attempt is no longer valid", fenced: true });
    }
    for (const { session, attempt } of frame.received) {
      const [id, ref] = [sessionFromWire(session), attemptFromWire(attempt)];
      if (id !== undefined && ref !== undefined) this.#port.received(id, ref);
    }
    for (const { session, attempt, atMs } of frame.started) {
      const [id, ref] = [sessionFromWire(session), attemptFromWire(attempt)];
      if (id !== undefined && ref !== undefined) this.#port.started(id, ref, Math.min(atMs, this.#parts.clock.wallMs()));
    }
    for (const { session, held } of frame.held) {
      const id = sessionFromWire(session);
      if (id !== undefined) this.#port.held(id, heldFromWire(held));
    }
    for (const { session, folders } of frame.folders) {
      const id = sessionFromWire(session);
      if (id !== undefined) this.#port.folders(id, heldFromWire(folders));
    }
    for (const { session, ...order } of frame.shares) {
      const id = sessionFromWire(session);
      if (id !== undefined) this.#port.share(id, order);
    }
  }

  #receiveQuestions(frame: HomeFrame): void {
    const port = this.#port;
    for (const { request, jobsJson } of frame.enqueue) {
      this.#answer(request, async () => port.enqueue(jobsFromWire(jobsJson)));
    }
    for (const { request, jobId, workspaceId, reason } of frame.cancelJob) {
      this.#answer(request, async () => {
        const [id, workspace] = [parseJobId(jobId), workspaceFromWire(workspaceId)];
        return id === undefined || workspace === undefined ? "gone" : port.cancel({ id, workspace }, reason);
      });
    }
    for (const { request, jobJson } of frame.askReason) {
      this.#answer(request, async () => {
        const job = waitingFromWire(jobJson);
        return job === undefined ? "" : ((await port.waitReason(job)) ?? "");
      });
    }
    for (const { request, workspaceId } of frame.askAgents) {
      this.#answer(request, async () => {
        const workspace = workspaceFromWire(workspaceId);
        return workspace === undefined ? [] : this.#parts.agentsOf(workspace);
      });
    }
  }

  #answer(request: number, work: () => Promise<unknown>): void {
    background(
      this.#parts.log,
      "answer to a peer",
      work().then(
        (result) => {
          const moved = result === "moved";
          const text = moved ? "" : JSON.stringify(result);
          const kind = moved ? AnswerKind.ANSWER_KIND_MOVED : AnswerKind.ANSWER_KIND_DONE;
          this.#queue.add(ENTRY_BYTES + text.length, (frame) => frame.answers.push({ request, kind, text, code: "" }));
        },
        (error: unknown) => {
          const { code, message, cause } = AppError.from(error);
          if (code === "internal") this.#parts.log.error({ event: "peer.request_failed", error: messageOf(cause ?? error) }, "a request of a peer failed");
          this.#queue.add(ENTRY_BYTES, (frame) => frame.answers.push({ request, kind: AnswerKind.ANSWER_KIND_FAILED, text: message, code }));
        },
      ),
    );
  }

  #finished(request: number, agentKey: string, wire: HomeFrame["finished"][number]["finished"]): void {
    const reply = (kind: AnswerKind, recorded: boolean): void => this.#queue.add(ENTRY_BYTES, (frame) => frame.finished.push({ request, kind, recorded }));
    const end = wire === undefined ? undefined : endFromWire(wire, this.#parts.clock.wallMs());
    if (wire === undefined || end === undefined || !this.#parts.local.shards.owns(shardOfToken(end.token))) {
      reply(AnswerKind.ANSWER_KIND_MOVED, false);
      return;
    }
    this.#port.finished(agentKey as Parameters<OwnerPort["finished"]>[0], end, wire).then(
      (verdict) => reply(verdict === "moved" ? AnswerKind.ANSWER_KIND_MOVED : AnswerKind.ANSWER_KIND_DONE, verdict === "recorded"),
      () => reply(AnswerKind.ANSWER_KIND_FAILED, false),
    );
  }

  #watch(text: string, on: boolean): void {
    const id = parseJobId(text);
    if (id === undefined) return;
    if (on) this.#parts.watch.watch(this, id);
    else this.#parts.watch.unwatch(this, id);
  }

  #echo(sentAtMs: number): void {
    this.#queue.add(ENTRY_BYTES, (frame) => {
      frame.keepalive = { sentAtMs, isEcho: true };
    });
  }
}
