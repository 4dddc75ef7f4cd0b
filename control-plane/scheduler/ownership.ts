import { isLostConnection, messageOf } from "../../kernel/app-error.ts";
import { elapsedMs, type Instant, instantOf } from "../../kernel/instant.ts";
import type { Service } from "../../kernel/service.ts";
import type { FlushWriter, FlushWriterOptions } from "../jobs/flush-writer.ts";
import { SHARDS } from "../jobs/model.ts";
import { Alarm } from "./cluster/alarm.ts";
import { warnOfSkew } from "./cluster/clock-skew.ts";
import type { ClusterTables, ShardStore } from "./cluster/cluster-tables.ts";
import { type LocalOwner, ownerPort } from "./cluster/local-owner.ts";
import type { OwnerDirectory } from "./cluster/owner-directory.ts";
import type { ClusterMetrics, Peers, PendingCancel } from "./cluster/peers.ts";
import { PendingCancels } from "./cluster/pending-cancels.ts";
import { surplusOf } from "./cluster/rebalance.ts";
import { adoptShards, drainShards, keepShards, letGo } from "./cluster/shard-moves.ts";
import { ShardSet } from "./cluster/shard-set.ts";
import { SharedAgents } from "./cluster/shared-agents.ts";
import { beginEpoch, needsEpoch } from "./core/shards-core.ts";
import { createSchedulerState } from "./core/state-core.ts";
import { type ClusterView, hasDead, LEASE_RENEW_MS, type Lease, type ReplicaIdentity, type ReplicaView } from "./lease-store.ts";
import { Owner } from "./owner.ts";
import type { OwnerDeps } from "./owner-deps.ts";
import type { Home, OwnerPort } from "./owner-port.ts";

/**
 * Keeps this replica in the cluster: its lease, the owner that it stands for, and which shards that owner has. One loop looks at the
 * tables every two seconds, and at once when a peer says so or a lease runs out; whatever reads or changes the map goes through
 * `#exclusive`, so that no look is older than a change of ours. Looking decides: shards that the map gives to us are loaded, those of the
 * dead are taken over, what is too much is handed over. When the lease turns out to be lost the owner is thrown away with all it knew.
 */
export interface OwnershipOptions {
  readonly tables: ClusterTables;
  /** The group commit under a lease; the owner opens and stops it. */
  readonly writer: (lease: Lease, hooks: Pick<FlushWriterOptions, "mayWrite" | "onLeaseLost">) => FlushWriter;
  /** Asked for when joining. */
  readonly replica: () => ReplicaIdentity;
  readonly hotLimit: number;
  readonly times: OwnershipTimes;
  readonly deps: Omit<OwnerDeps, "state" | "writer" | "store" | "agents" | "owns" | "afterRound">;
  readonly metrics: ClusterMetrics;
  readonly directory: OwnerDirectory;
  readonly peers: Peers;
  /** The agents of this replica, for the owner of this replica. */
  readonly home: (replicaId: string) => Home;
}

interface OwnershipTimes {
  /** How long agents are kept without a renewed lease when another replica could take over, and when this one is alone. */
  readonly holdMs: number;
  readonly holdAloneMs: number;
  /** From then until the agents have certainly ended what they ran. */
  readonly fencedWithinMs: number;
}

const RETRY_MS = 1000;
/** A look at the moment at which a lease runs out, by another clock. */
const EXPIRY_SLACK_MS = 30;
/** Rows of a large backlog are counted on take-over: that may take longer than other reads. */
const LOAD_WITHIN_MS = 120_000;
const DRAIN_WITHIN_MS = 3000;
const LEAVE_WITHIN_MS = 8000;

interface Held extends LocalOwner {
  readonly lease: Lease;
  readonly writer: FlushWriter;
  readonly port: OwnerPort;
  readonly store: ShardStore;
}

export class Ownership implements Service {
  readonly #options: OwnershipOptions;
  #held: Held | undefined;
  #exclusiveTail: Promise<unknown> = Promise.resolve();
  #stopped = false;
  #leaving = false;
  #leaseLost = false;
  #renewedAt: Instant = { monotonicMs: 0, wallMs: 0 };
  /** What the row promises: how long agents are kept without a renewal. */
  #holdMs = 0;
  #alone = true;
  #moving = false;
  readonly #loads = new Set<Promise<void>>();
  readonly #cancels: PendingCancels;
  #view: ClusterView | undefined;
  #loop: Promise<void> | undefined;
  readonly #alarm = new Alarm();

  constructor(options: OwnershipOptions) {
    this.#options = options;
    this.#cancels = new PendingCancels(options.deps.log);
    this.#holdMs = options.times.holdAloneMs;
  }

  get local(): LocalOwner | undefined {
    return this.#held;
  }

  get writer(): FlushWriter | undefined {
    return this.#held?.writer;
  }

  /**
   * False when this replica could not renew its lease for so long that others may give away what its agents run: it is no home then. How
   * long that is stands in its row beforehand, as a promise to whoever takes over: short in company, long for a replica that is alone, so that
   * an outage of Postgres does not cost the jobs of the only one. A replica that starts meanwhile finds the promise and waits. As on agents the clock
   * that says that more time has passed is believed: the monotonic one stands still while the machine is suspended.
   */
  get holdsAgents(): boolean {
    return this.#held !== undefined && elapsedMs(this.#renewedAt, instantOf(this.#options.deps.clock)) < this.#holdMs;
  }

  /** Resolves after the first try to join, and to load what is ours. */
  async start(): Promise<void> {
    await this.#step();
    await Promise.all(this.#loads);
    this.#loop = this.#run();
  }

  /** First step of a shutdown: every shard goes to a replica that lives, if there is one. */
  async leave(): Promise<void> {
    const held = this.#held;
    this.#leaving = true;
    if (held === undefined) return;
    const until = performance.now() + LEAVE_WITHIN_MS;
    try {
      await this.#options.tables.announceLeaving(held.lease);
      while (performance.now() < until && this.#held === held && held.shards.with("none").length < SHARDS) {
        await this.#step();
        if (!this.#othersLinked().length) return;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    } catch (error) {
      this.#options.deps.log.warn({ event: "cluster.leave_failed", error: messageOf(error) }, "shards could not be handed over; they will be taken over");
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#alarm.ring();
    await this.#loop;
    const lease = this.#held?.lease;
    await this.#giveUp();
    if (lease !== undefined) await this.#options.tables.release(lease).catch(() => undefined);
  }

  /** A peer has something for us, or the link to it has changed: looks at once. */
  look(cancels: readonly PendingCancel[] = []): void {
    this.#cancels.add(cancels, this.#held?.owner);
    this.#alarm.ring();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await this.#alarm.wait(this.#nextLookMs());
      if (!this.#stopped) await this.#step();
    }
  }

  #nextLookMs(): number {
    if (this.#leaseLost) return 0;
    if (this.#held === undefined) return RETRY_MS;
    const expiries = this.#others().flatMap((replica) => (replica.leftMs > 0 ? [replica.leftMs + EXPIRY_SLACK_MS] : []));
    return Math.min(LEASE_RENEW_MS, ...expiries);
  }

  /** Never rejects. */
  async #step(): Promise<void> {
    const { log } = this.#options.deps;
    try {
      if (this.#leaseLost) await this.#giveUp();
      if (this.#held === undefined) await this.#join();
      await this.#lookAround();
    } catch (error) {
      // While Postgres is away the owner goes on with what it knows: every write is fenced by its epoch.
      log.warn({ event: "lease.error", error: messageOf(error), lostConnection: isLostConnection(error) }, "lease could not be acquired or renewed");
    }
  }

  async #join(): Promise<void> {
    const { tables, replica, deps, hotLimit, directory } = this.#options;
    const askedAt = instantOf(deps.clock);
    const lease = await tables.join(replica());
    const state = createSchedulerState(lease.epoch, hotLimit);
    const shards = new ShardSet();
    const writer = this.#options.writer(lease, { mayWrite: (shard) => shards.mayWrite(shard), onLeaseLost: () => this.#loseLease(lease) });
    await writer.start();
    const agents = new SharedAgents(() => directory.hasRemote);
    const ownerStore = tables.shardStore(lease);
    // The first load of a process is by far the slowest, and somebody may soon hand shards over and wait for it.
    warnOfSkew(deps, (await ownerStore.load([], LOAD_WITHIN_MS)).databaseMs);
    const owner = new Owner({
      ...deps,
      state,
      writer,
      store: ownerStore,
      agents,
      owns: (shard) => shards.owns(shard),
      afterRound: () => agents.afterRound(),
    });
    agents.bind(owner);
    const local: LocalOwner = { ...lease, owner, shards, agents };
    const home = this.#options.home(lease.replicaId);
    agents.addHome(home);
    owner.start();
    this.#renewedAt = askedAt;
    this.#held = { ...local, lease, writer, store: ownerStore, port: ownerPort(local, home, deps.clock) };
    this.#options.peers.serve(local);
    deps.log.info({ event: "cluster.joined", replicaId: lease.replicaId, epoch: lease.epoch, name: replica().name }, "joined the cluster");
  }

  async #lookAround(): Promise<void> {
    const held = this.#held;
    if (held === undefined) return;
    const { tables, times, deps, peers } = this.#options;
    const holdMs = this.#alone ? times.holdAloneMs : times.holdMs;
    const askedAt = instantOf(deps.clock);
    const ours = await this.#exclusive(async () => {
      let view = await tables.renew(held.lease, holdMs + times.fencedWithinMs);
      if (!view.ours) return false;
      this.#renewedAt = askedAt;
      this.#holdMs = holdMs;
      if (!this.#leaving && hasDead(view)) view = await this.#takeOver(held, view);
      return this.#held !== held || this.#apply(held, view);
    });
    if (this.#held !== held) return;
    if (!ours) {
      this.#loseLease(held.lease);
      return;
    }
    const wasAlone = this.#alone;
    this.#alone = !this.#others().some((replica) => replica.leftMs > 0);
    peers.meet(held.lease, this.#others());
    if (needsEpoch(held.owner.state)) beginEpoch(held.owner.state, await tables.drawEpoch());
    // The promise in our row must fit the company before anything rests on it.
    if (wasAlone && !this.#alone) this.#alarm.ring();
    await this.#giveSurplus(held);
  }

  async #takeOver(held: Held, before: ClusterView): Promise<ClusterView> {
    const { tables, metrics, deps } = this.#options;
    const reachable = before.replicas.filter(({ replicaId }) => replicaId === held.replicaId || this.#options.peers.isLinked(replicaId));
    const shards = await tables.takeOver(
      held.lease,
      reachable.map((replica) => replica.replicaId),
    );
    if (shards > 0) {
      const dead = before.replicas.filter((replica) => replica.leftMs <= 0 && before.map.includes(replica.replicaId)).map((replica) => replica.name);
      // At the very first start nobody has died.
      deps.log[dead.length > 0 ? "warn" : "info"]({ event: "cluster.took_over", shards, of: dead }, "shards without a living owner were given to the living");
      metrics.tookOver(shards);
    }
    return tables.read(held.lease);
  }

  /** @returns false when the tables say that shards of ours are somebody else's: then we were taken for dead */
  #apply(held: Held, view: ClusterView): boolean {
    this.#view = view;
    if (!view.ours) return false;
    const mine = (shard: number): boolean => view.map[shard] === held.replicaId;
    if ((["loading", "owned", "leaving", "sealed"] as const).some((status) => !held.shards.with(status).every(mine))) return false;
    const fresh = held.shards.with("none").filter(mine);
    if (fresh.length === 0) return true;
    held.shards.set(fresh, "loading");
    const load = this.#load(held, fresh, view.goneInMs).finally(() => this.#loads.delete(load));
    this.#loads.add(load);
    return true;
  }

  /** Never rejects. */
  async #load(held: Held, shards: readonly number[], goneInMs: readonly number[]): Promise<void> {
    const { deps, tables, metrics, peers } = this.#options;
    const begunMs = deps.clock.monotonicMs();
    try {
      // Tokens of the shards must be greater than those that their owners before have issued.
      const [epoch, loaded] = [await tables.drawEpoch(), await held.store.load(shards, LOAD_WITHIN_MS)];
      await held.owner.readWorkspaceLimits();
      if (this.#held !== held) return;
      const nowMs = deps.clock.monotonicMs();
      beginEpoch(held.owner.state, epoch);
      held.shards.set(shards, "owned");
      if (this.#others().some(({ replicaId, leftMs }) => leftMs > 0 && !peers.isHeard(replicaId))) held.owner.reports.homeLost(nowMs);
      adoptShards(held, loaded, goneInMs, nowMs, deps.times.reclaimMs);
      this.#announce(held);
      this.#cancels.loaded(loaded.running, held.owner);
      held.owner.resume();
      metrics.gained(shards.length, nowMs - begunMs);
      deps.log.info(
        { event: "owner.gained", shards: shards.length, running: loaded.running.length, queues: loaded.groups.length, tookMs: Math.round(nowMs - begunMs) },
        "shards loaded: this replica owns them",
      );
      peers.meet(held.lease, this.#others());
    } catch (error) {
      deps.log.warn({ event: "owner.load_failed", shards: shards.length, error: messageOf(error) }, "shards could not be loaded, will be retried");
      if (this.#held === held) held.shards.set(shards, "none");
    }
  }

  /** Hands over what is more than our part, to one replica at a time. */
  async #giveSurplus(held: Held): Promise<void> {
    if (this.#moving || this.#view === undefined || held.shards.with("loading").length > 0) return;
    const living = this.#othersLinked().map((replica) => replica.replicaId);
    if (!this.#leaving) living.push(held.replicaId);
    const moves = surplusOf(
      this.#view.map,
      living.sort((a, b) => Number(a) - Number(b)),
      held.replicaId,
    );
    this.#moving = true;
    try {
      for (const to of new Set(moves.map((move) => move.to))) {
        const target = this.#view.replicas.find((replica) => replica.replicaId === to);
        const shards = moves.flatMap((move) => (move.to === to && held.shards.owns(move.shard) ? [move.shard] : []));
        if (target !== undefined && shards.length > 0) await this.#handOver(held, target, shards);
      }
    } finally {
      this.#moving = false;
    }
  }

  async #handOver(held: Held, to: ReplicaView, shards: readonly number[]): Promise<void> {
    const { deps, peers, metrics, tables } = this.#options;
    const begunMs = deps.clock.monotonicMs();
    const drained = drainShards(held, held.writer, shards, DRAIN_WITHIN_MS);
    this.#announce(held);
    const move = async (): Promise<number[]> => {
      const moved = await tables.move(held.lease, to, shards);
      // In the same turn: no look may find the map changed and the shards still here.
      if (moved.length > 0 && this.#held === held) peers.handOver(to.replicaId, moved, letGo(held, moved));
      // What came up while they were sealed was not written: only the tables know what is true of those that stay.
      if (moved.length < shards.length) throw new Error("the other replica could not take all of them");
      return moved;
    };
    const moved = (await drained) ? await this.#exclusive(move).catch((error: unknown) => this.#moveFailed(held, error)) : [];
    if (this.#held !== held || this.#leaseLost) return;
    if (moved.length === 0) keepShards(held, shards);
    this.#announce(held);
    const tookMs = deps.clock.monotonicMs() - begunMs;
    if (moved.length > 0) metrics.handedOver(moved.length, tookMs);
    deps.log.info({ event: "owner.handed_over", to: to.name, shards: moved.length, tookMs: Math.round(tookMs) }, "shards handed over");
  }

  /** It is not known what became of the move, and it may happen yet: a new epoch voids it, and the tables tell what is ours then. */
  #moveFailed(held: Held, error: unknown): number[] {
    this.#options.deps.log.warn({ event: "owner.move_failed", error: messageOf(error) }, "it is not known which shards were handed over: starting anew");
    if (this.#held === held) this.#leaseLost = true;
    return [];
  }

  #announce(held: Held): void {
    const owned = held.shards.with("owned");
    this.#options.directory.announce(held.port, owned);
    this.#options.peers.announce(owned);
  }

  #others(): ReplicaView[] {
    return (this.#view?.replicas ?? []).filter((replica) => replica.replicaId !== this.#held?.replicaId);
  }

  #othersLinked(): ReplicaView[] {
    return this.#others().filter((replica) => replica.leftMs > 0 && !replica.leaving && this.#options.peers.isLinked(replica.replicaId));
  }

  /** A look or a flush, whichever came first, found that the epoch is no longer ours. */
  #loseLease(lease: Lease): void {
    if (this.#held?.lease !== lease || this.#leaseLost) return;
    this.#options.deps.log.warn({ event: "lease.lost", epoch: lease.epoch }, "the lease was taken over; starting anew");
    this.#leaseLost = true;
    this.#alarm.ring();
  }

  async #giveUp(): Promise<void> {
    const held = this.#held;
    this.#leaseLost = false;
    if (held === undefined) return;
    this.#held = undefined;
    held.owner.stop();
    this.#options.peers.serve(undefined);
    this.#options.directory.remove(held.port);
    held.agents.stop();
    await held.writer.stop();
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#exclusiveTail.then(work);
    this.#exclusiveTail = turn.catch(() => undefined);
    return turn;
  }
}
