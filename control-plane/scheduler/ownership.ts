import { isLostConnection, messageOf } from "../../kernel/app-error.ts";
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
  readonly deps: Omit<OwnerDeps, "state" | "writer" | "store">;
  readonly flushMetrics: FlushMetrics;
  /** Called when an owner has loaded, and when it is gone (undefined): agents have to attach anew. */
  readonly onOwner: (owner: Owner | undefined) => void;
}

const RETRY_MS = 1000;

export class Ownership implements Service {
  readonly #options: OwnershipOptions;
  #owner: Owner | undefined;
  #writer: FlushWriter | undefined;
  #lease: Lease | undefined;
  #holder: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #working: Promise<void> | undefined;

  constructor(options: OwnershipOptions) {
    this.#options = options;
  }

  get owner(): Owner | undefined {
    return this.#owner;
  }

  get writer(): FlushWriter | undefined {
    return this.#writer;
  }

  /** Why there is no owner here, for the readiness check. */
  get status(): string {
    if (this.#owner !== undefined) return "owner";
    return this.#holder === undefined ? "starting" : `standby: ${this.#holder} owns the shards`;
  }

  async start(): Promise<void> {
    await this.#step();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#working;
    await this.#giveUp();
    if (this.#lease !== undefined) await releaseLease(this.#options.leasePool, this.#lease).catch(() => undefined);
  }

  #next(delayMs: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#working = this.#step();
    }, delayMs);
  }

  /** One round of acquire or renew. Never rejects. */
  async #step(): Promise<void> {
    const { log } = this.#options.deps;
    try {
      if (this.#lease === undefined) await this.#acquire();
      else if (!(await renewLease(this.#options.leasePool, this.#lease))) {
        log.warn({ event: "lease.lost", epoch: this.#lease.epoch }, "the lease was taken over; starting anew");
        await this.#giveUp();
      }
    } catch (error) {
      // While Postgres is away nobody can take over either: the owner goes on, and every write is fenced by its epoch.
      log.warn({ event: "lease.error", error: messageOf(error), lostConnection: isLostConnection(error) }, "lease could not be acquired or renewed");
    }
    this.#next(this.#lease === undefined ? RETRY_MS : LEASE_RENEW_MS);
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
    await this.#load(result.lease);
    this.#lease = result.lease;
  }

  async #load(lease: Lease): Promise<void> {
    const { url, pool, deps, hotConnections, hotLimit, flushMetrics } = this.#options;
    const begun = deps.clock.monotonicMs();
    const store = createOwnerStore(pool);
    const state = createSchedulerState(lease.epoch, hotLimit);
    const { running, groups } = await store.load();
    for (const row of running) adoptRunning(state, silentAgent(state, row.agent, begun), row.job, row.token, row.claimedAtMs);
    for (const group of groups) admitCold(state, group);
    const writer = new FlushWriter({
      url,
      ...lease,
      connections: hotConnections,
      log: deps.log,
      metrics: flushMetrics,
      onLeaseLost: () => this.#leaseLost(lease),
    });
    await writer.start();
    const owner = new Owner({ ...deps, state, writer, store });
    owner.start();
    this.#writer = writer;
    this.#owner = owner;
    deps.log.info(
      { event: "owner.started", epoch: lease.epoch, running: running.length, queues: groups.length, tookMs: Math.round(deps.clock.monotonicMs() - begun) },
      "this replica owns the shards",
    );
    this.#options.onOwner(owner);
  }

  #leaseLost(lease: Lease): void {
    if (this.#lease !== lease || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#working = this.#giveUp().then(() => this.#next(0));
  }

  async #giveUp(): Promise<void> {
    const writer = this.#writer;
    if (this.#owner === undefined) return;
    this.#owner.stop();
    if (!this.#stopped) this.#lease = undefined;
    this.#owner = undefined;
    this.#writer = undefined;
    this.#options.onOwner(undefined);
    await writer?.stop();
  }
}
