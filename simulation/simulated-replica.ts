import { AgentHome } from "../control-plane/agents/agent-home.ts";
import { FlushWriter, type FlushWriterOptions } from "../control-plane/jobs/flush-writer.ts";
import type { FlushOperation } from "../control-plane/jobs/model.ts";
import type { DialPeer } from "../control-plane/peer/dial-peer.ts";
import { PeerNetwork } from "../control-plane/peer/peer-network.ts";
import { askOwner } from "../control-plane/scheduler/cluster/ask-owner.ts";
import type { LocalOwner } from "../control-plane/scheduler/cluster/local-owner.ts";
import { OwnerDirectory } from "../control-plane/scheduler/cluster/owner-directory.ts";
import type { Lease } from "../control-plane/scheduler/lease-store.ts";
import type { Owner } from "../control-plane/scheduler/owner.ts";
import type { OwnerDeps } from "../control-plane/scheduler/owner-deps.ts";
import type { OwnerPort } from "../control-plane/scheduler/owner-port.ts";
import { Ownership } from "../control-plane/scheduler/ownership.ts";
import type { Database } from "./database.ts";
import { SimulatedDoors } from "./simulated-doors.ts";
import { simulatedTables } from "./simulated-tables.ts";
import { Process, type VirtualTime } from "./virtual-time.ts";
import type { Incoming, Wire } from "./wire.ts";

/** Times of the control plane as `main.ts` sets them by default; the patience with attempts that overrun is shorter, and that of a replica that is alone. */
const TIMES = { keepaliveMs: 3000, suspectMs: 10_000, selfFenceMs: 20_000, homeFenceMs: 20_000, reclaimMs: 30_000, resendMs: 5000, marginMs: 3000 };
const OWNERSHIP_TIMES = { holdMs: 15_000, holdAloneMs: 40_000, fencedWithinMs: 25_000 };
const LIMITS = { timeoutMs: 3_600_000, cancelGraceMs: 1000, resultMaxBytes: 1000, logMaxBytes: 1000 };

export interface ReplicaWorld {
  readonly time: VirtualTime;
  readonly database: Database;
  readonly random: () => number;
  readonly log: OwnerDeps["log"];
  readonly hotLimit: number;
  /** Opens a stream to another replica by its address, which is its name here. */
  dialPeer(from: SimulatedReplica, address: string): ReturnType<DialPeer>;
  /** Called when an operation of the owner is handed to the writer, before anything is written. */
  submitted(replica: SimulatedReplica, operation: FlushOperation): void;
  /** Called when a flush operation has come back to the owner. */
  settled(replica: SimulatedReplica, operation: FlushOperation, outcome: "moved" | "gone"): void;
  failed(replica: SimulatedReplica, operation: FlushOperation): void;
}

/** The real group commit; the world looks at what passes. */
class WatchedWriter extends FlushWriter {
  readonly #world: ReplicaWorld;
  readonly #replica: SimulatedReplica;

  constructor(world: ReplicaWorld, replica: SimulatedReplica, lease: Lease, hooks: Pick<FlushWriterOptions, "mayWrite" | "onLeaseLost">) {
    const { process } = replica;
    const connect = () => world.database.link(process, lease);
    super({ url: "", ...lease, ...hooks, connections: 2, log: world.log, metrics: { flushed: () => undefined }, connect });
    this.#world = world;
    this.#replica = replica;
  }

  override submit(operation: FlushOperation, settle: (outcome: "moved" | "gone") => void, fail: (error: unknown) => void): void {
    this.#world.submitted(this.#replica, operation);
    const settled = (outcome: "moved" | "gone"): void => {
      this.#world.settled(this.#replica, operation, outcome);
      settle(outcome);
    };
    const failed = (error: unknown): void => {
      this.#world.failed(this.#replica, operation);
      fail(error);
    };
    super.submit(operation, settled, failed);
  }
}

/** What a replica is made of from a start to its end. */
interface Life {
  readonly directory: OwnerDirectory;
  readonly network: PeerNetwork;
  readonly home: AgentHome;
  readonly doors: SimulatedDoors;
  readonly ownership: Ownership;
}

/**
 * A replica of the control plane, put together as `main.ts` does it: the real ownership, owner, group commit, home, peer links and agent
 * sessions. Only the door for agents is a model.
 */
export class SimulatedReplica {
  readonly name: string;
  readonly #world: ReplicaWorld;
  readonly #number: number;
  #life: Life | undefined;
  #boots = 0;
  process: Process;

  constructor(world: ReplicaWorld, number: number) {
    this.#world = world;
    this.#number = number;
    this.name = `r${number}`;
    this.process = new Process(world.time, this.name);
    this.process.alive = false;
  }

  get local(): LocalOwner | undefined {
    return this.process.alive ? this.#life?.ownership.local : undefined;
  }

  get owner(): Owner | undefined {
    return this.local?.owner;
  }

  /** True when it could answer clients. */
  get isOpen(): boolean {
    return this.process.alive && this.#life?.home.isOpen === true;
  }

  /** Slots of the agents that are connected here, and attempts on them. */
  get slots(): { total: number; used: number } {
    return this.#life?.home.slots ?? { total: 0, used: 0 };
  }

  get agents(): SimulatedDoors["sessions"] {
    return this.#life?.doors.sessions ?? [];
  }

  start(): void {
    if (this.process.alive) return;
    this.#boots += 1;
    this.process = new Process(this.#world.time, this.name);
    const { process } = this;
    process.after(0, () => {
      const life = this.#build();
      this.#life = life;
      life.home.start();
      setInterval(() => life.doors.endSilent(), 1000);
      void life.network.start().then(() => life.ownership.start());
    });
  }

  /** kill -9 */
  crash(): void {
    this.process.alive = false;
    this.#life = undefined;
  }

  /** SIGTERM: its shards go to others, then its agents do. @param gone called when the process has ended */
  leave(gone: () => void): void {
    const { process } = this;
    const life = this.#life;
    if (!process.alive || life === undefined) return;
    process.after(0, () => {
      const end = async (): Promise<void> => {
        await life.ownership.leave();
        life.doors.drain();
        await new Promise((resolve) => setTimeout(resolve, 100));
        await life.ownership.stop();
        life.home.stop();
        life.doors.sendAway("the control plane is shutting down");
        await life.network.stop();
        // What was said last is on its way.
        process.after(1, gone);
      };
      void end();
    });
  }

  /** A client's request, as `job-service.ts` passes it on. Errors: those of askOwner. */
  ask<T>(shard: number, request: (owner: OwnerPort) => Promise<T | "moved">): Promise<T> {
    if (this.#life === undefined) return Promise.reject(new Error("the replica is down"));
    return askOwner(this.#life.directory, this.process.clock, shard, request);
  }

  /** A stream of an agent arrives. */
  accept(wire: Wire, incoming: Incoming): void {
    if (this.#life === undefined) incoming.stream.emit("error", { code: 14, details: "the replica is starting" });
    else this.#life.doors.accept(wire, incoming);
  }

  acceptPeer(stream: Parameters<PeerNetwork["accept"]>[0]): void {
    if (this.#life === undefined) stream.emit("error", { code: 14, details: "the replica is starting" });
    else this.#life.network.accept(stream);
  }

  #build(): Life {
    const { log, database } = this.#world;
    const { process } = this;
    const { clock } = process;
    const directory = new OwnerDirectory();
    const network: PeerNetwork = new PeerNetwork({
      directory,
      dial: (address) => this.#world.dialPeer(this, address),
      home: (replicaId) => home.homeFor(replicaId),
      secret: () => Promise.resolve(SECRET),
      clock,
      log,
      agentsOf: () => [],
      onNews: (cancels) => ownership.look(cancels),
      onEvent: () => undefined,
    });
    const prefix = `${String(this.#number).padStart(8, "0")}-${this.#boots.toString(16).padStart(4, "0")}`;
    const doors = new SimulatedDoors({ process, database, log, home: () => home, holdsAgents: () => ownership.holdsAgents, times: TIMES, prefix });
    const home: AgentHome = new AgentHome({ directory, streams: doors, clock, log, fenceMs: TIMES.selfFenceMs });
    const ownership = this.#ownership(directory, network, home);
    return { directory, network, home, doors, ownership };
  }

  #ownership(directory: OwnerDirectory, network: PeerNetwork, home: AgentHome): Ownership {
    const { log, database, random, hotLimit } = this.#world;
    const { process } = this;
    return new Ownership({
      tables: simulatedTables(database, process),
      writer: (lease, hooks) => new WatchedWriter(this.#world, this, lease, hooks),
      replica: () => ({ name: this.name, address: this.name, version: "" }),
      hotLimit,
      times: OWNERSHIP_TIMES,
      metrics: { handedOver: () => undefined, gained: () => undefined, tookOver: () => undefined },
      directory,
      peers: network,
      home: (replicaId) => home.homeFor(replicaId),
      deps: { source: SOURCE, clock: process.clock, random, log, metrics: METRICS, limits: LIMITS, times: TIMES, onChange: () => undefined },
    });
  }
}

const SECRET = Buffer.from("the secret of the simulated cluster");

const METRICS: OwnerDeps["metrics"] = { dispatched: () => undefined, started: () => undefined, ended: () => undefined, lost: () => undefined };

const SOURCE: OwnerDeps["source"] = {
  script: () => undefined,
  loadScript: () => Promise.resolve(undefined),
  workspaceName: (workspace) => `w${workspace}`,
  loadWorkspaceName: (workspace) => Promise.resolve(`w${workspace}`),
  hashOfCode: () => "0",
  mayRefer: () => false,
  resolve: (_workspace, json) => Promise.resolve({ kind: "resolved", json, secrets: [] }),
};
