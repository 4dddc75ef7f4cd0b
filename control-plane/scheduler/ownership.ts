import { isLostConnection, messageOf } from "../../kernel/app-error.ts";
import { background } from "../../kernel/background.ts";
import type { Service } from "../../kernel/service.ts";
import type { Pool } from "../db/pools.ts";
import { type FlushMetrics, FlushWriter } from "../jobs/flush-writer.ts";
import { silentAgent } from "./core/agents-core.ts";
import { adoptRunning } from "./core/dispatch-core.ts";
import { admitCold } from "./core/queue-core.ts";
import { createSchedulerState } from "./core/state-core.ts";
import { acquireLease, LEASE_RENEW_MS, type Lease, releaseLease, renewLease } from "./lease-store.ts";
import { Owner } from "./owner.ts";
import type { OwnerDeps } from "./owner-deps.ts";
import { createOwnerStore } from "./owner-store.ts";
import { loadWindows, storedWindow } from "./window-store.ts";

/**
 * Holds the lease and, while it does, an Owner. States: waiting (another replica owns the shards, or Postgres is away),
 * owning, stopped. When the lease turns out to be lost the owner is thrown away with all it knew: the next one is built
 * from the database and from what the agents declare.
 */
export interface OwnershipOptions {
  readonly url: string;
  readonly pool: Pool;
  /** Lease renewals must not queue behind anything else. */
  readonly leasePool: Pool;
  readonly replica: { readonly name: string; readonly address: string; readonly version: string };
  readonly hotConnections: number;
  readonly hotLimit: number;
  /** How long agents are kept alive without a renewed lease when another replica stands by. */
  readonly holdAgentsMs: number;
  readonly deps: Omit<OwnerDeps, "state" | "writer" | "store">;
  readonly flushMetrics: FlushMetrics;
  /** Called when an owner has loaded, and when it is gone (undefined): agents have to attach anew. */
  readonly onOwner: (owner: Owner | undefined) => void;
}

const RETRY_MS = 1000;
/** Clocks that differ by more are worth a warning. */
const CLOCK_SKEW_MS = 1000;
/** Rows of a large backlog are counted on take-over: that may take longer than other reads. */
const LOAD_WITHIN_MS = 120_000;

export class Ownership implements Service {
  readonly #options: OwnershipOptions;
  #owner: Owner | undefined;
  #writer: FlushWriter | undefined;
  #lease: Lease | undefined;
  #holder: string | undefined;
  #stopped = false;
  #leaseLost = false;
  #renewedAtMs = 0;
  #watched = false;
  #loop: Promise<void> | undefined;
  #wake: (() => void) | undefined;

  constructor(options: OwnershipOptions) {
    this.#options = options;
  }

  get owner(): Owner | undefined {
    return this.#owner;
  }

  get writer(): FlushWriter | undefined {
    return this.#writer;
  }

  /**
   * False when another replica may have taken over by now: the lease was not renewed for too long and somebody stands by. Agents must not be
   * kept alive then, or they would still run what the other one gives away. Alone, an owner holds its agents through any outage of Postgres.
   */
  get holdsAgents(): boolean {
    if (this.#owner === undefined) return false;
    return !this.#watched || this.#options.deps.clock.monotonicMs() - this.#renewedAtMs < this.#options.holdAgentsMs;
  }

  /** Why there is no owner here, for the readiness check. */
  get status(): string {
    if (this.#owner !== undefined) return "owner";
    return this.#holder === undefined ? "starting" : `standby: ${this.#holder} owns the shards`;
  }

  /** Resolves after the first try to become the owner. */
  async start(): Promise<void> {
    await this.#step();
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake?.();
    await this.#loop;
    await this.#giveUp();
    if (this.#lease !== undefined) await releaseLease(this.#options.leasePool, this.#lease).catch(() => undefined);
  }

  /** The one loop that acquires, renews and gives up: nothing else does. */
  async #run(): Promise<void> {
    while (!this.#stopped) {
      if (!this.#leaseLost) await this.#pause(this.#lease === undefined ? RETRY_MS : LEASE_RENEW_MS);
      if (!this.#stopped) await this.#step();
    }
  }

  /** Never rejects. */
  async #step(): Promise<void> {
    const { log } = this.#options.deps;
    try {
      if (this.#lease !== undefined && (this.#leaseLost || !(await this.#renew(this.#lease)))) {
        log.warn({ event: "lease.lost", epoch: this.#lease.epoch }, "the lease was taken over; starting anew");
        this.#lease = undefined;
        await this.#giveUp();
      }
      this.#leaseLost = false;
      if (this.#lease === undefined) await this.#acquire();
    } catch (error) {
      // While Postgres is away the owner goes on with what it knows: every write is fenced by its epoch.
      log.warn({ event: "lease.error", error: messageOf(error), lostConnection: isLostConnection(error) }, "lease could not be acquired or renewed");
    }
  }

  async #renew(lease: Lease): Promise<boolean> {
    const askedAtMs = this.#options.deps.clock.monotonicMs();
    const { ours, watched } = await renewLease(this.#options.leasePool, lease);
    this.#renewedAtMs = askedAtMs;
    this.#watched = watched;
    return ours;
  }

  async #acquire(): Promise<void> {
    const { leasePool, replica, deps } = this.#options;
    const result = await acquireLease(leasePool, replica);
    if (result.kind === "busy") {
      if (this.#holder !== result.holder) deps.log.info({ event: "lease.standby", holder: result.holder }, "another replica owns the shards; standing by");
      this.#holder = result.holder;
      return;
    }
    this.#holder = undefined;
    // A large backlog takes time to load: the lease must not run out meanwhile.
    const renewal = setInterval(() => background(deps.log, "lease renewal while loading", renewLease(leasePool, result.lease)), LEASE_RENEW_MS);
    try {
      this.#renewedAtMs = deps.clock.monotonicMs();
      await this.#load(result.lease);
      this.#lease = result.lease;
    } finally {
      clearInterval(renewal);
    }
  }

  async #load(lease: Lease): Promise<void> {
    const { url, pool, deps, hotConnections, hotLimit, flushMetrics } = this.#options;
    const begunMs = deps.clock.monotonicMs();
    const store = createOwnerStore(pool, lease);
    const state = createSchedulerState(lease.epoch, hotLimit);
    const { running, groups, databaseMs } = await store.load(LOAD_WITHIN_MS);
    const skewMs = Math.round(deps.clock.wallMs() - databaseMs);
    if (Math.abs(skewMs) > CLOCK_SKEW_MS)
      deps.log.warn({ event: "owner.clock_skew", skewMs }, "this machine's clock and the database's differ: scheduled jobs begin by this machine's");
    const windows = await loadWindows(pool);
    const readAtMs = deps.clock.monotonicMs();
    for (const window of windows) state.storedWindows.set(window.id, storedWindow(window, readAtMs));
    for (const row of running) {
      const adopted = adoptRunning(state, silentAgent(state, row.agent, begunMs), row.job, row.token, begunMs - row.ageMs, begunMs);
      if (row.cancelReason !== undefined) adopted.cancel = { reason: row.cancelReason, atMs: begunMs };
    }
    for (const group of groups) admitCold(state, group);
    const writer = new FlushWriter({
      url,
      ...lease,
      connections: hotConnections,
      log: deps.log,
      metrics: flushMetrics,
      onLeaseLost: () => this.#loseLease(lease),
    });
    await writer.start();
    const owner = new Owner({ ...deps, state, writer, store });
    await owner.readWorkspaceLimits();
    owner.start();
    this.#writer = writer;
    this.#owner = owner;
    deps.log.info(
      { event: "owner.started", epoch: lease.epoch, running: running.length, queues: groups.length, tookMs: Math.round(deps.clock.monotonicMs() - begunMs) },
      "this replica owns the shards",
    );
    this.#options.onOwner(owner);
  }

  /** A flush found that the epoch is no longer ours. */
  #loseLease(lease: Lease): void {
    if (this.#lease !== lease) return;
    this.#leaseLost = true;
    this.#wake?.();
  }

  async #giveUp(): Promise<void> {
    const writer = this.#writer;
    if (this.#owner === undefined) return;
    this.#owner.stop();
    this.#owner = undefined;
    this.#writer = undefined;
    this.#options.onOwner(undefined);
    await writer?.stop();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
