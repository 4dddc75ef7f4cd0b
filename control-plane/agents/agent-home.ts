import { messageOf } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import { asJobId, asToken, type JobId, type SessionId, type Token, type WorkspaceId } from "../../kernel/ids.ts";
import { elapsedMs, type Instant, instantOf } from "../../kernel/instant.ts";
import type { Finished } from "../../proto/gen/millrace/agent/v1/job.ts";
import { type JobEnd, SHARDS, shardOf, shardOfToken } from "../jobs/model.ts";
import type { AttemptOfChunk } from "../logs/ingest.ts";
import type { AgentPort, FinishVerdict } from "../scheduler/agent-port.ts";
import type { DirectoryListener, OwnerDirectory } from "../scheduler/cluster/owner-directory.ts";
import type { AgentHello } from "../scheduler/core/agents-core.ts";
import { routeKeyOf } from "../scheduler/core/pinned-core.ts";
import type { AttemptId, HoldingReport, Home, OwnerPort, RouteDemand } from "../scheduler/owner-port.ts";
import type { Log } from "../telemetry/log.ts";
import { Seat } from "./seat.ts";
import type { Order } from "./slots-core.ts";

/** The way from an owner to agents of this home. A bundle from another replica says whose it is. */
export interface OwnersHome extends Home {
  assignFrom(session: SessionId, bundle: Parameters<AgentPort["assign"]>[1], of: AttemptOfChunk | undefined): boolean;
}

export interface AgentHomeOptions {
  readonly directory: OwnerDirectory;
  readonly streams: AgentPort;
  readonly clock: Clock;
  readonly log: Log;
  /** Attempts of an owner that has not been heard for this long are killed: it is about to give them away. */
  readonly fenceMs: number;
}

const RETRY_MS = 250;
const MAX_RETRY_MS = 2000;
const TICK_MS = 1000;
/** Looks at the clocks, each after TICK_MS. */
const PATIENCE = 3;

/**
 * What this replica is to the agents that are connected to it: it passes on what they say to the owners of their attempts (a token names
 * its shard), and shares their slots between the owners. With one owner in the same process that is a table look-up per message. When an owner
 * falls silent, its attempts here are killed before it gives them away: `fenceMs` is the time after which an agent without contact would
 * do the same, and the owner waits for longer than that.
 */
export class AgentHome implements DirectoryListener {
  readonly #options: AgentHomeOptions;
  readonly #seats = new Map<SessionId, Seat>();
  readonly #demands = new Map<string, ReadonlyMap<string, RouteDemand>>();
  /** When each shard's owner was last certain to hear us. */
  readonly #contacts: Instant[];
  readonly #owners: (OwnerPort | undefined)[] = [];
  #ticker: NodeJS.Timeout | undefined;
  #turn = 0;
  #lookedAt: Instant;
  /** Looks for which the monotonic clock alone counts. */
  #patience = 0;

  constructor(options: AgentHomeOptions) {
    this.#options = options;
    this.#lookedAt = instantOf(options.clock);
    this.#contacts = Array.from({ length: SHARDS }, () => this.#lookedAt);
    options.directory.listen(this);
  }

  start(): void {
    this.#ticker = setInterval(() => this.tick(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#ticker);
  }

  /** False while no owner is known: an agent could do nothing here. */
  get isOpen(): boolean {
    return this.#options.directory.ports.length > 0;
  }

  /** Slots of the agents here, and attempts on them. */
  get slots(): { total: number; used: number } {
    const seats = [...this.#seats.values()];
    return { total: seats.reduce((sum, seat) => sum + seat.book.slots, 0), used: seats.reduce((sum, seat) => sum + seat.live.size, 0) };
  }

  slotsOf(session: SessionId): number | undefined {
    return this.#seats.get(session)?.book.slots;
  }

  /** How many attempts of a workspace's shard the agent runs. */
  runningOf(session: SessionId, workspace: WorkspaceId): number {
    const shard = shardOf(workspace);
    let count = 0;
    for (const { token, of } of this.#seats.get(session)?.live.values() ?? []) {
      if (of === undefined ? shardOfToken(token) === shard : of.workspace === workspace) count += 1;
    }
    return count;
  }

  /** Whose an attempt is, when it came over a peer link. */
  attemptOf(session: SessionId, token: Token): AttemptOfChunk | undefined {
    return this.#seats.get(session)?.live.get(token)?.of;
  }

  /** The agents here, as the owner of a replica reaches them. */
  homeFor(replicaId: string): OwnersHome {
    const { streams, clock } = this.#options;
    const assignFrom: OwnersHome["assignFrom"] = (session, bundle, of) => {
      const seat = this.#seats.get(session);
      // Late, over a link: its shard has a new owner, which was told by us that the agent does not have it.
      if (seat === undefined || (of !== undefined && this.#isReplaced(replicaId, asToken(bundle.token)))) return false;
      seat.assigned(replicaId, { id: asJobId(bundle.jobId), token: asToken(bundle.token) }, of, clock.monotonicMs());
      return streams.assign(session, bundle);
    };
    return {
      assignFrom,
      assign: (session, bundle) => assignFrom(session, bundle, undefined),
      isBehind: (session) => streams.isBehind(session),
      cancel: (session, attempt) => streams.cancel(session, attempt),
      holding: (session, report) => this.#holding(replicaId, session, report),
      demand: (routes) => this.#demand(replicaId, routes),
    };
  }

  /** A session begins. @returns what the agent must drop, as far as that is known at once */
  begin(hello: AgentHello): AttemptId[] {
    const seat = new Seat(hello, this.#options.clock.monotonicMs());
    this.#seats.set(hello.session, seat);
    return this.#options.directory.ports.flatMap((port) => this.#introduce(seat, port));
  }

  end(session: SessionId, heardAtMs: number): void {
    const seat = this.#seats.get(session);
    if (!this.#seats.delete(session) || seat === undefined) return;
    for (const port of this.#options.directory.ports) port.detach(seat.key, session, heardAtMs);
  }

  capacity(session: SessionId, slots: number): void {
    const seat = this.#seats.get(session);
    if (seat === undefined || seat.book.slots === slots) return;
    seat.book.slots = slots;
    this.#plan(seat);
  }

  received(session: SessionId, attempt: AttemptId): void {
    const live = this.#seats.get(session)?.live.get(attempt.token);
    if (live !== undefined) live.confirmed = true;
    this.#ownerOf(attempt.token)?.received(session, attempt);
  }

  started(session: SessionId, attempt: AttemptId, atMs: number): void {
    this.#ownerOf(attempt.token)?.started(session, attempt, atMs);
  }

  keepalive(session: SessionId, held: ReadonlyMap<JobId, Token>): void {
    const seat = this.#seats.get(session);
    if (seat === undefined) return;
    const { all, freed } = seat.keepalive(held, this.#options.clock.monotonicMs());
    if (all !== undefined) for (const port of this.#options.directory.ports) port.held(session, all);
    if (freed) this.#plan(seat);
  }

  /** Folders that the agent keeps for runs of flows. */
  folders(session: SessionId, folders: ReadonlyMap<JobId, Token>): void {
    if (folders.size === 0 || !this.#seats.has(session)) return;
    for (const port of this.#options.directory.ports) port.folders(session, folders);
  }

  /**
   * An attempt has ended. Resolves with its owner's verdict; while no owner takes the report it is offered again, for as long as the agent is
   * connected: it would send it again only on a new stream. Rejects when the session is over.
   */
  async finished(session: SessionId, end: Omit<JobEnd, "workspace">, wire: Finished): Promise<FinishVerdict> {
    const { directory, log } = this.#options;
    const seat = this.#seats.get(session);
    if (seat === undefined) throw new Error("the session is over");
    if (seat.ended(end.token)) this.#plan(seat);
    for (let waitMs = RETRY_MS; this.#seats.get(session) === seat; ) {
      const port = this.#ownerOf(end.token);
      try {
        const verdict = await port?.finished(seat.key, end, wire);
        if (verdict === "recorded" || verdict === "stale") return verdict;
      } catch (error) {
        log.warn({ event: "attempt.end_failed", jobId: end.id, error: messageOf(error) }, "an end could not be recorded; it is offered again");
        waitMs = Math.min(MAX_RETRY_MS, waitMs * 2);
      }
      await directory.changed(waitMs);
    }
    throw new Error("the session is over");
  }

  ownerCame(port: OwnerPort): void {
    for (const seat of this.#seats.values()) {
      for (const attempt of this.#introduce(seat, port)) this.#fence(seat, attempt, "the attempt is no longer valid");
    }
  }

  ownerGone(port: OwnerPort): void {
    this.#demands.delete(port.replicaId);
    for (const seat of this.#seats.values()) {
      seat.leave(port);
      this.#plan(seat);
    }
  }

  shardsMoved(): void {
    this.#touch();
    for (const seat of this.#seats.values()) this.#plan(seat);
  }

  /** Once a second: silent owners, and slots that several want go round. */
  tick(): void {
    const { clock, directory, fenceMs } = this.#options;
    const now = instantOf(clock);
    this.#touch();
    this.#lookAtClocks(now);
    for (const seat of this.#seats.values()) {
      for (const attempt of seat.live.values()) {
        if (attempt.fenced || this.#silentMs(shardOfToken(attempt.token), now) <= fenceMs) continue;
        attempt.fenced = true;
        this.#fence(seat, attempt, "its owner has not been heard for too long");
      }
    }
    this.#turn += 1;
    if (directory.hasRemote) for (const seat of this.#seats.values()) this.#plan(seat);
  }

  /** A new owner counts from when we learn of it: it waits as long as any before it gives something away. */
  #touch(): void {
    for (let shard = 0; shard < SHARDS; shard++) {
      const port = this.#options.directory.ownerOf(shard);
      if (port === undefined) continue;
      const at = this.#owners[shard] === port ? port.confirmedAt() : instantOf(this.#options.clock);
      this.#owners[shard] = port;
      if (at.monotonicMs >= (this.#contacts[shard]?.monotonicMs ?? 0)) this.#contacts[shard] = at;
    }
  }

  /**
   * A wall clock that was set looks like a machine that was suspended: owners that are there have a few looks' time to confirm. After a suspension
   * for that long the agents have ended their attempts by themselves.
   */
  #lookAtClocks(now: Instant): void {
    const missedMs = now.wallMs - this.#lookedAt.wallMs - (now.monotonicMs - this.#lookedAt.monotonicMs);
    this.#lookedAt = now;
    this.#patience = missedMs > this.#options.fenceMs ? PATIENCE : Math.max(0, this.#patience - 1);
  }

  #silentMs(shard: number, now: Instant): number {
    const contact = this.#contacts[shard] ?? now;
    return this.#patience > 0 ? now.monotonicMs - contact.monotonicMs : elapsedMs(contact, now);
  }

  #introduce(seat: Seat, port: OwnerPort): AttemptId[] {
    seat.join(port);
    const drop = port.attach(seat.helloTo());
    this.#plan(seat);
    return drop;
  }

  #holding(replicaId: string, session: SessionId, report: HoldingReport): void {
    const seat = this.#seats.get(session);
    const port = this.#portOf(replicaId);
    if (seat === undefined || port === undefined) return;
    const { orders, freed } = seat.report(port, report);
    this.#send(seat, orders);
    if (freed) this.#plan(seat);
  }

  #demand(replicaId: string, routes: readonly RouteDemand[]): void {
    const before = this.#demands.get(replicaId);
    this.#demands.set(replicaId, new Map(routes.map((route) => [routeKeyOf(route.tag, route.language), route])));
    const concerned = [...routes, ...(before?.values() ?? [])];
    for (const seat of this.#seats.values()) if (concerned.some((route) => seat.serves(route))) this.#plan(seat);
  }

  #plan(seat: Seat): void {
    const { directory } = this.#options;
    const scoped = seat.workspace === undefined ? undefined : directory.ownerOf(shardOf(seat.workspace));
    const usable = (owner: string): boolean => {
      if (seat.workspace !== undefined) return scoped?.replicaId === owner;
      const port = this.#portOf(owner);
      return port !== undefined && directory.hasShards(port);
    };
    this.#send(
      seat,
      seat.plan(usable, (owner) => this.#demands.get(owner), this.#turn),
    );
  }

  #send(seat: Seat, orders: readonly Order[]): void {
    for (const { owner, ...order } of orders) this.#portOf(owner)?.share(seat.session, order);
  }

  #fence(seat: Seat, { id, token }: AttemptId, reason: string): void {
    this.#options.log.warn({ event: "attempt.fenced", agentKey: seat.key, jobId: id }, `attempt fenced: ${reason}`);
    this.#options.streams.cancel(seat.session, { id, token, reason, fenced: true });
  }

  #ownerOf(token: Token): OwnerPort | undefined {
    return this.#options.directory.ownerOf(shardOfToken(token));
  }

  #isReplaced(replicaId: string, token: Token): boolean {
    const owner = this.#ownerOf(token);
    return owner !== undefined && owner.replicaId !== replicaId;
  }

  #portOf(replicaId: string): OwnerPort | undefined {
    return this.#options.directory.portOf(replicaId);
  }
}
