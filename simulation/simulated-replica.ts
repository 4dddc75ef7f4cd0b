import { AgentHome } from "../control-plane/agents/agent-home.ts";
import { AgentSession } from "../control-plane/agents/session.ts";
import { FlushWriter } from "../control-plane/jobs/flush-writer.ts";
import { type FlushOperation, SHARDS } from "../control-plane/jobs/model.ts";
import type { LogIngest } from "../control-plane/logs/ingest.ts";
import type { AgentPort } from "../control-plane/scheduler/agent-port.ts";
import { ownerPort } from "../control-plane/scheduler/cluster/local-owner.ts";
import { OwnerDirectory } from "../control-plane/scheduler/cluster/owner-directory.ts";
import { ShardSet } from "../control-plane/scheduler/cluster/shard-set.ts";
import { SharedAgents } from "../control-plane/scheduler/cluster/shared-agents.ts";
import { silentAgent } from "../control-plane/scheduler/core/agents-core.ts";
import { adoptRunning } from "../control-plane/scheduler/core/dispatch-core.ts";
import { admitCold } from "../control-plane/scheduler/core/queue-core.ts";
import { createSchedulerState } from "../control-plane/scheduler/core/state-core.ts";
import { Owner } from "../control-plane/scheduler/owner.ts";
import type { OwnerDeps } from "../control-plane/scheduler/owner-deps.ts";
import type { OwnerPort } from "../control-plane/scheduler/owner-port.ts";
import { AppError } from "../kernel/app-error.ts";
import { type AgentKey, asAgentKey, asSessionId, type SessionId } from "../kernel/ids.ts";
import type { Database } from "./database.ts";
import { Process, type VirtualTime } from "./virtual-time.ts";
import type { Incoming, Wire } from "./wire.ts";

/** Times of the control plane as `main.ts` sets them by default; only the patience with attempts that overrun is shorter. */
export const TIMES = { keepaliveMs: 3000, suspectMs: 10_000, selfFenceMs: 20_000, reclaimMs: 30_000, resendMs: 5000, marginMs: 3000, holdAgentsMs: 15_000 };
export const LIMITS = { timeoutMs: 3_600_000, cancelGraceMs: 1000, resultMaxBytes: 1000, logMaxBytes: 1000 };
const RENEW_MS = 2000;
const RETRY_MS = 1000;

export interface ReplicaWorld {
  readonly time: VirtualTime;
  readonly database: Database;
  readonly random: () => number;
  readonly log: OwnerDeps["log"];
  readonly hotLimit: number;
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

  constructor(world: ReplicaWorld, replica: SimulatedReplica, epoch: number, onLeaseLost: () => void) {
    const { process } = replica;
    const connect = () => world.database.link(process, epoch);
    super({ url: "", replicaId: replica.name, epoch, connections: 2, log: world.log, metrics: { flushed: () => undefined }, onLeaseLost, connect });
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

interface Live {
  readonly session: AgentSession;
  readonly wire: Wire;
}

/**
 * A replica of the control plane: the real owner, group commit, home and agent sessions; lease loop and gRPC server are models of
 * `ownership.ts` and `session-server.ts`.
 */
export class SimulatedReplica implements AgentPort {
  readonly name: string;
  readonly #world: ReplicaWorld;
  readonly #sessions = new Map<SessionId, Live>();
  readonly #byAgent = new Map<AgentKey, Live>();
  #owner: Owner | undefined;
  #directory = new OwnerDirectory();
  #home: AgentHome;
  #port: OwnerPort | undefined;
  #writer: FlushWriter | undefined;
  #epoch: number | undefined;
  #leaseLost = false;
  #renewedAtMs = 0;
  #watched = false;
  #sessionCount = 0;
  #boots = 0;
  process: Process;

  constructor(world: ReplicaWorld, name: string) {
    this.#world = world;
    this.name = name;
    this.process = new Process(world.time, name);
    this.process.alive = false;
    this.#home = this.#makeHome();
  }

  get owner(): Owner | undefined {
    return this.process.alive ? this.#owner : undefined;
  }

  start(): void {
    if (this.process.alive) return;
    this.#boots += 1;
    this.process = new Process(this.#world.time, this.name);
    this.#forget();
    this.process.after(0, () => this.#loop());
    const watch = (): void => {
      this.process.after(1000, watch);
      this.#endSilent();
      this.#home.tick();
    };
    this.process.after(1000, watch);
  }

  /** kill -9 */
  crash(): void {
    this.process.alive = false;
    this.#forget();
  }

  assign(session: SessionId, bundle: Parameters<AgentPort["assign"]>[1]): boolean {
    const live = this.#sessions.get(session)?.session;
    live?.outbox.add("assign", bundle);
    return live !== undefined;
  }

  isBehind(session: SessionId): boolean {
    return this.#sessions.get(session)?.session.outbox.isBehind === true;
  }

  cancel(session: SessionId, attempt: Parameters<AgentPort["cancel"]>[1]): void {
    const { id, token, reason, fenced } = attempt;
    this.#sessions.get(session)?.session.outbox.add("cancel", { jobId: id, token, reason, fenced });
  }

  /** A stream arrives; its first frame is Hello. */
  accept(wire: Wire, incoming: Incoming): void {
    const process = this.process;
    incoming.onFrame = (frame) => {
      const { hello } = frame;
      const owner = this.#owner;
      if (hello === undefined || owner === undefined) {
        incoming.stream.emit("error", { code: 14, details: "this replica does not own the shards at the moment" });
        return;
      }
      incoming.onFrame = () => undefined;
      // Agents' keys are their names' numbers here; the look-up still takes its time.
      const register = this.#world.database.query(process, () => asAgentKey(hello.agentId));
      register.then(
        (key) => {
          if (this.#owner !== owner) incoming.stream.emit("error", { code: 14, details: "the owner of the shards has changed: connect again" });
          else if (!incoming.stream.cancelled) this.#adopt(wire, incoming, key, hello);
        },
        () => incoming.stream.emit("error", { code: 14, details: "the database does not answer" }),
      );
    };
  }

  #adopt(wire: Wire, incoming: Incoming, key: AgentKey, hello: NonNullable<Parameters<AgentSession["receive"]>[0]["hello"]>): void {
    this.#sessionCount += 1;
    const id = asSessionId(`${this.name}/${this.#boots}/${this.#sessionCount}`);
    const { clock } = this.process;
    const session = new AgentSession(
      incoming.stream,
      { key, session: id, workspace: undefined, workspaceName: undefined, hello },
      {
        home: this.#home,
        ingest: { accept: () => Promise.resolve() } as unknown as LogIngest,
        log: this.#world.log,
        policy: { keepaliveMs: TIMES.keepaliveMs, selfFenceMs: TIMES.selfFenceMs, logFlushMs: 50, logWindowBytes: 0 },
        holdsAgents: () => this.#holdsAgents(),
        now: () => clock.wallMs(),
        monotonic: () => clock.monotonicMs(),
      },
    );
    const live = { session, wire };
    const before = this.#byAgent.get(key);
    if (before !== undefined) {
      before.session.end(new AppError("unavailable", "the agent has connected again"));
      this.#gone(before);
    }
    this.#sessions.set(id, live);
    this.#byAgent.set(key, live);
    incoming.onFrame = (frame) => session.receive(frame);
    incoming.onGone = () => this.#gone(live);
    session.begin();
  }

  #gone(live: Live): void {
    const { key, session: id } = live.session.agentInfo;
    if (!this.#sessions.delete(id)) return;
    if (this.#byAgent.get(key) === live) this.#byAgent.delete(key);
    live.session.close();
  }

  #endSilent(): void {
    for (const live of this.#sessions.values()) {
      if (this.process.clock.monotonicMs() - live.session.heardAtMs < TIMES.suspectMs) continue;
      live.session.end(new AppError("unavailable", "nothing was heard of the agent for too long"));
      this.#gone(live);
    }
  }

  #holdsAgents(): boolean {
    if (this.#owner === undefined) return false;
    return !this.#watched || this.process.clock.monotonicMs() - this.#renewedAtMs < TIMES.holdAgentsMs;
  }

  /** One turn of the lease loop; see `Ownership`. */
  #loop(): void {
    const process = this.process;
    const again = (): void => {
      if (process === this.process) process.after(this.#leaseLost ? 0 : this.#epoch === undefined ? RETRY_MS : RENEW_MS, () => this.#loop());
    };
    this.#step(process).then(again, again);
  }

  async #step(process: Process): Promise<void> {
    const { database } = this.#world;
    const epoch = this.#epoch;
    if (epoch !== undefined) {
      const askedAtMs = process.clock.monotonicMs();
      const renewal = this.#leaseLost ? { ours: false, watched: false } : await database.query(process, () => database.store.renew(this.name, epoch));
      this.#renewedAtMs = askedAtMs;
      this.#watched = renewal.watched;
      if (renewal.ours) return;
      await this.#giveUp();
    }
    this.#leaseLost = false;
    const askedAtMs = process.clock.monotonicMs();
    const acquired = await database.query(process, () => database.store.acquire(this.name));
    if ("holder" in acquired) return;
    this.#renewedAtMs = askedAtMs;
    await this.#load(process, acquired.epoch);
    this.#epoch = acquired.epoch;
  }

  async #load(process: Process, epoch: number): Promise<void> {
    const { database, hotLimit, log, random } = this.#world;
    const { clock } = process;
    const begunMs = clock.monotonicMs();
    const state = createSchedulerState(epoch, hotLimit);
    const { running, groups } = await database.query(process, () => database.store.load());
    for (const row of running) {
      const adopted = adoptRunning(state, silentAgent(state, row.agent, begunMs), row.job, row.token, begunMs - row.ageMs);
      if (row.cancelReason !== undefined) adopted.cancel = { reason: row.cancelReason, atMs: begunMs };
    }
    for (const group of groups) admitCold(state, group);
    const writer = new WatchedWriter(this.#world, this, epoch, () => {
      this.#leaseLost = true;
    });
    await writer.start();
    const shards = new ShardSet();
    shards.set(ALL, "owned");
    const agents = new SharedAgents(() => false);
    const owner = new Owner({
      state,
      writer,
      store: this.#reads(process, epoch),
      agents,
      owns: (shard) => shards.owns(shard),
      afterRound: () => agents.afterRound(),
      source: SOURCE,
      clock,
      random,
      log,
      metrics: METRICS,
      limits: LIMITS,
      times: TIMES,
      onChange: () => undefined,
    });
    owner.start();
    const home = this.#home.homeFor(this.name);
    agents.bind(owner);
    agents.addHome(home);
    this.#port = ownerPort({ replicaId: this.name, epoch, owner, shards, agents }, home, clock);
    this.#directory.announce(this.#port, ALL);
    this.#writer = writer;
    this.#owner = owner;
    this.#endSessions();
  }

  #reads(process: Process, epoch: number): OwnerDeps["store"] {
    const { database } = this.#world;
    const { store } = database;
    return {
      refill: (queue, limit, dueMs) => {
        const asked = { ...queue };
        return database.query(process, () => store.refill(asked, limit, dueMs), 0.4);
      },
      payloads: (jobs) =>
        database.query(
          process,
          () => new Map(jobs.flatMap((job) => (store.payloads.has(job.id) ? [[job.id, store.payloads.get(job.id)] as const] : [])).filter(isPresent)),
        ),
      deferred: (read, limit) => database.query(process, () => store.deferred(read, limit), 0.4),
      expiring: (read, limit) => database.query(process, () => store.expiring(read, limit), 0.4),
      findKeys: (workspace, keys, nowMs) => database.query(process, () => store.findKeys(workspace, keys, nowMs), 0.4),
      isRecorded: (id, agent, token) => database.query(process, () => store.isRecorded(id, agent, token, epoch)),
      markCancelled: (job, token, reason) => database.query(process, () => store.markCancelled(job.id, token, reason, epoch), 0.4),
      // Nobody changes weights or caps here, and no job has a rate.
      workspaceLimits: () => Promise.resolve({ changed: [], next: "0" }),
      dropOldWindows: () => Promise.resolve(),
    };
  }

  async #giveUp(): Promise<void> {
    const writer = this.#writer;
    this.#owner?.stop();
    if (this.#port !== undefined) this.#directory.remove(this.#port);
    this.#port = undefined;
    this.#owner = undefined;
    this.#writer = undefined;
    this.#epoch = undefined;
    this.#endSessions();
    await writer?.stop();
  }

  #endSessions(): void {
    for (const live of [...this.#sessions.values()]) {
      live.session.end(new AppError("unavailable", "the owner of the shards has changed: connect again"));
      this.#gone(live);
    }
  }

  #makeHome(): AgentHome {
    this.#directory = new OwnerDirectory();
    return new AgentHome({ directory: this.#directory, streams: this, clock: this.process.clock, log: this.#world.log, fenceMs: TIMES.selfFenceMs });
  }

  #forget(): void {
    this.#home = this.#makeHome();
    this.#port = undefined;
    this.#sessions.clear();
    this.#byAgent.clear();
    this.#owner = undefined;
    this.#writer = undefined;
    this.#epoch = undefined;
    this.#leaseLost = false;
    this.#watched = false;
  }
}

const ALL = Array.from({ length: SHARDS }, (_, shard) => shard);

function isPresent<K, V>(entry: readonly [K, V | undefined]): entry is readonly [K, V] {
  return entry[1] !== undefined;
}

const METRICS: OwnerDeps["metrics"] = { dispatched: () => undefined, started: () => undefined, ended: () => undefined, lost: () => undefined };

const SOURCE: OwnerDeps["source"] = {
  script: () => undefined,
  loadScript: () => Promise.resolve(undefined),
  workspaceName: (workspace) => `w${workspace}`,
  loadWorkspaceName: (workspace) => Promise.resolve(`w${workspace}`),
  hashOfCode: () => "0",
};
