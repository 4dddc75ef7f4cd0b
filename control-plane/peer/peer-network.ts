import type { ServerDuplexStream } from "@grpc/grpc-js";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import { GRPC_STATUS } from "../../kernel/error-maps.ts";
import type { JobId, WorkspaceId } from "../../kernel/ids.ts";
import type { HomeFrame, OwnerFrame, PeerHello } from "../../proto/gen/millrace/peer/v1/peer.ts";
import type { OwnersHome } from "../agents/agent-home.ts";
import type { AgentView } from "../agents/contract.ts";
import type { LocalOwner } from "../scheduler/cluster/local-owner.ts";
import type { OwnerDirectory } from "../scheduler/cluster/owner-directory.ts";
import type { Peers, PendingCancel } from "../scheduler/cluster/peers.ts";
import type { Lease, ReplicaView } from "../scheduler/lease-store.ts";
import type { Log } from "../telemetry/log.ts";
import type { DialPeer } from "./dial-peer.ts";
import { HomeLink } from "./home-link.ts";
import { Interest, type JobChange, JobWatch } from "./job-watch.ts";
import { OwnerLink } from "./owner-link.ts";
import { isProof, proofOf } from "./peer-auth.ts";
import { LINK_KEEPALIVE_MS, LINK_SILENT_MS, PEER_PROTOCOL_VERSION } from "./peer-protocol.ts";

export interface PeerNetworkOptions {
  readonly directory: OwnerDirectory;
  readonly dial: DialPeer;
  readonly home: (replicaId: string) => OwnersHome;
  readonly secret: () => Promise<Buffer>;
  readonly clock: Clock;
  readonly log: Log;
  readonly agentsOf: (workspace: WorkspaceId) => AgentView[];
  /** Something was said that makes a look at the tables worth while. */
  readonly onNews: (cancels: readonly PendingCancel[]) => void;
  /** What happens to a job on another replica. */
  readonly onEvent: (id: JobId, change: JobChange) => void;
}

type PeerStream = ServerDuplexStream<HomeFrame, OwnerFrame>;

const HELLO_WITHIN_MS = 5000;

/** All links of this replica: one that it dials to each other replica, and those by which the others dial it. */
export class PeerNetwork implements Peers {
  readonly #options: PeerNetworkOptions;
  /** Those we dial, by replica. */
  readonly #links = new Map<string, OwnerLink>();
  /** Those who dialled us. */
  readonly #homes = new Map<HomeLink, { readonly stream: PeerStream; readonly replicaId: string }>();
  readonly #watch = new JobWatch();
  readonly #interest: Interest;
  #secret: Buffer | undefined;
  #self: Lease | undefined;
  #local: LocalOwner | undefined;
  #ticker: NodeJS.Timeout | undefined;

  constructor(options: PeerNetworkOptions) {
    this.#options = options;
    this.#interest = new Interest(
      (id) => this.#each((link) => link.watch(id)),
      (id) => this.#each((link) => link.unwatch(id)),
    );
  }

  /** Jobs that readers of this replica wait for: their changes are asked for everywhere. */
  get interest(): Interest {
    return this.#interest;
  }

  get linksUp(): number {
    return [...this.#links.values()].filter((link) => link.isUp).length;
  }

  async start(): Promise<void> {
    this.#secret = await this.#options.secret();
    this.#ticker = setInterval(() => this.#endSilent(), LINK_KEEPALIVE_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#ticker);
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
    this.serve(undefined);
  }

  /** Something happened to a job here: peers with readers hear of it. */
  happened(id: JobId, change: JobChange): void {
    this.#watch.changed(id, change);
  }

  /** Agents at other homes, as far as they answer within `withinMs`. */
  async agentsElsewhere(workspace: WorkspaceId, withinMs: number): Promise<AgentView[]> {
    const late = new Promise<AgentView[]>((resolve) => setTimeout(() => resolve([]), withinMs).unref());
    const asked = [...this.#links.values()].filter((link) => link.isUp).map((link) => Promise.race([link.agentsOf(workspace).catch(() => []), late]));
    return (await Promise.all(asked)).flat();
  }

  meet(self: Lease, others: readonly ReplicaView[]): void {
    if (this.#secret === undefined) return;
    const changed = this.#self?.epoch !== self.epoch;
    this.#self = self;
    const living = new Map(others.filter((other) => other.leftMs > 0).map((other) => [other.replicaId, other]));
    for (const [replicaId, link] of this.#links) {
      const now = living.get(replicaId) ?? others.find((other) => other.replicaId === replicaId);
      // One whose lease has run out may still be alive and renew it; its link ends when its epoch does.
      if (!changed && now?.epoch === link.peer.epoch && now.address === link.peer.address && (now.leftMs > 0 || link.isUp)) continue;
      link.close();
      this.#links.delete(replicaId);
    }
    for (const [replicaId, peer] of living) {
      if (this.#links.has(replicaId)) continue;
      const link = this.#dial(self, peer, this.#secret);
      this.#links.set(replicaId, link);
      link.open();
    }
  }

  isLinked(replicaId: string): boolean {
    return this.#links.get(replicaId)?.isUp === true;
  }

  isHeard(replicaId: string): boolean {
    for (const home of this.#homes.values()) if (home.replicaId === replicaId) return true;
    return false;
  }

  serve(local: LocalOwner | undefined): void {
    this.#local = local;
    for (const [link, { stream }] of this.#homes) this.#end(link, stream, new AppError("unavailable", "this replica starts anew"));
  }

  announce(shards: readonly number[]): void {
    for (const link of this.#homes.keys()) link.announce(shards);
  }

  handOver(replicaId: string, shards: readonly number[], cancels: readonly PendingCancel[]): void {
    this.#links.get(replicaId)?.handOver(shards, cancels);
  }

  /** One stream of another replica: its first frame must prove who it is. */
  accept(stream: PeerStream): void {
    let link: HomeLink | undefined;
    let refused = false;
    const refuse = (error: AppError): void => {
      if (refused) return;
      refused = true;
      this.#options.log.warn({ event: "peer.refused", peer: stream.getPeer(), code: error.code }, `peer refused: ${error.message}`);
      stream.emit("error", { code: GRPC_STATUS[error.code], details: error.message });
    };
    const timer = setTimeout(() => refuse(new AppError("invalid_argument", "the first frame of a stream must be Hello")), HELLO_WITHIN_MS);
    stream.on("data", (frame: HomeFrame) => {
      clearTimeout(timer);
      if (refused) return;
      try {
        if (link === undefined) link = this.#admit(stream, frame.hello);
        else link.receive(frame);
      } catch (error) {
        // What a peer sends must not be able to end the process.
        if (link !== undefined) {
          this.#options.log.error({ event: "peer.frame_failed", error: messageOf(error) }, "a frame of a peer could not be handled");
          this.#gone(link);
        }
        refuse(AppError.from(error));
      }
    });
    for (const event of ["end", "error", "cancelled"]) {
      stream.on(event, () => {
        clearTimeout(timer);
        if (link !== undefined) this.#gone(link);
        if (event === "end") stream.end();
      });
    }
  }

  /** Errors: unauthenticated without a proof, failed_precondition for another protocol, unavailable while nothing is owned here. */
  #admit(stream: PeerStream, hello: PeerHello | undefined): HomeLink {
    const local = this.#local;
    const secret = this.#secret;
    if (local === undefined || secret === undefined) throw new AppError("unavailable", "this replica has not joined yet");
    if (hello === undefined) throw new AppError("invalid_argument", "the first frame of a stream must be Hello");
    const from: Lease = { replicaId: hello.replicaId, epoch: hello.epoch };
    if (!isProof(hello.proof, proofOf(secret, "home", from, local))) throw new AppError("unauthenticated", "the proof is wrong");
    if (hello.protocolVersion !== PEER_PROTOCOL_VERSION) {
      throw new AppError("failed_precondition", `the peer speaks protocol ${hello.protocolVersion}, this replica ${PEER_PROTOCOL_VERSION}`);
    }
    const { clock, log, agentsOf, onNews } = this.#options;
    const parts = { local, watch: this.#watch, clock, log, agentsOf, onHandOver: onNews };
    // What a broken stream had still under way must not come between, and its end must not end what the new one says.
    for (const [former, { stream: old, replicaId }] of this.#homes)
      if (replicaId === from.replicaId) this.#end(former, old, new AppError("unavailable", "the peer has dialled again"));
    const link: HomeLink = new HomeLink(stream, parts, () => this.#end(link, stream, new AppError("resource_exhausted", "the link is full")));
    this.#homes.set(link, { stream, replicaId: from.replicaId });
    link.welcome(proofOf(secret, "owner", from, local), local.shards.with("owned"));
    // It may be one that we have not met yet.
    if (!this.isLinked(from.replicaId)) onNews([]);
    return link;
  }

  #dial(self: Lease, peer: ReplicaView, secret: Buffer): OwnerLink {
    const { directory, dial, home, clock, log, onNews, onEvent } = this.#options;
    return new OwnerLink(peer, {
      self,
      secret,
      dial,
      home: home(peer.replicaId),
      clock,
      log,
      watched: () => this.#interest.jobs,
      onUp: () => onNews([]),
      onDown: (link) => directory.remove(link),
      onOwned: (link, shards) => directory.announce(link, shards),
      onEvent,
    });
  }

  #endSilent(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const [link, { stream }] of this.#homes) {
      if (nowMs - link.heardAtMs > LINK_SILENT_MS) this.#end(link, stream, new AppError("unavailable", "nothing was heard of the peer for too long"));
    }
  }

  #end(link: HomeLink, stream: PeerStream, error: AppError): void {
    this.#gone(link);
    stream.emit("error", { code: GRPC_STATUS[error.code], details: error.message });
  }

  #gone(link: HomeLink): void {
    if (this.#homes.delete(link)) link.close();
  }

  #each(say: (link: OwnerLink) => void): void {
    for (const link of this.#links.values()) say(link);
  }
}
