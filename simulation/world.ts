import type { Logger } from "pino";
import type { SessionStream, StreamHandlers } from "../agent/session/stream.ts";
import { asWorkspaceId, type WorkspaceId } from "../kernel/ids.ts";
import type { AgentFrame, ServerFrame } from "../proto/gen/millrace/agent/v1/session.ts";
import { Clients, WORKSPACES } from "./clients.ts";
import { Database } from "./database.ts";
import { INVARIANTS } from "./invariants.ts";
import { Oracle } from "./oracle.ts";
import { PeerWires } from "./peer-wires.ts";
import type { Dice, Planned } from "./plan.ts";
import { pick, seededRandom } from "./random.ts";
import { SimulatedAgent } from "./simulated-agent.ts";
import { SimulatedReplica } from "./simulated-replica.ts";
import { Process, VirtualTime } from "./virtual-time.ts";
import { Wire } from "./wire.ts";

export interface Violation {
  readonly invariant: string;
  readonly message: string;
}

export interface WorldResult {
  readonly violation: Violation | undefined;
  readonly acknowledged: number;
  readonly ended: number;
  readonly events: number;
  readonly trace: readonly string[];
}

/** Who is there and what happens in a directed world; see scene.ts. */
export interface Direction {
  readonly replicas: number;
  /** Slots of each agent. */
  readonly slots: readonly number[];
  begin(world: World): void;
  /** Everything heals: there are no more steps. */
  end(): void;
  /** Called for each note. */
  happened(text: string): void;
  /** @returns what is not as it should be at the end, beyond the promises */
  unmet(): string | undefined;
}

export interface WorldOptions {
  readonly seed: number;
  readonly plan: readonly Planned[];
  /** Makes an event of the plan happen. @returns what happened */
  readonly happen: (world: World, event: Planned) => string;
  /** Faults come until then, milliseconds of the world's time; afterwards everything heals and must end. */
  readonly faultsUntilMs: number;
  readonly keepTrace?: boolean;
  /** Looks at the end whether moments come in time again. */
  readonly probed?: boolean;
  /** A directed world: nothing is left to chance, and this says what is there and what happens. */
  readonly scene?: Direction;
}

/** After the last fault everything must have ended by then: two leases, the longest script in each of its attempts, and retries on top. */
const SETTLE_MS = 900_000;
/** Reads that failed are repeated by then. */
const CALM_MS = 10_000;
/** Moments of jobs that are made when all is calm, and how late they may be. */
const PROBE_S = 3;
const LATE_MS = 1000;
type LogLine = (fields: Record<string, unknown>, message: string) => void;
const SILENT: Record<"debug" | "info" | "warn" | "error", LogLine> = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/**
 * A small installation of Millrace in virtual time: a store, two replicas of the control plane and a few agents, made of the real code
 * where it decides anything, and of faults that a seed chooses.
 */
export class World {
  readonly time: VirtualTime;
  readonly database: Database;
  readonly peers: PeerWires;
  readonly replicas: readonly SimulatedReplica[];
  readonly agents: readonly SimulatedAgent[];
  readonly oracle: Oracle;
  readonly clients: Clients;
  /** Where agents dial; any replica when it is not said. */
  readonly homes = new Map<SimulatedAgent, SimulatedReplica>();
  readonly #random: () => number;
  readonly #options: WorldOptions;
  readonly #clients: Process;
  readonly #trace: string[] = [];
  readonly #isolated = new Map<SimulatedAgent, number>();
  #wires: Wire[] = [];
  #violation: Violation | undefined;
  /** How far any clock was ever ahead of the true time. */
  #latestOffsetMs = 0;
  #settled = false;
  #healed = false;

  constructor(options: WorldOptions) {
    this.#options = options;
    // Half of the way from the shortest to the longest, and neither early nor lost.
    this.#random = options.scene === undefined ? seededRandom(options.seed * 2 + 1) : () => 0.5;
    const random = this.#random;
    this.time = new VirtualTime(random);
    this.#clients = new Process(this.time, "clients");
    this.oracle = new Oracle(this);
    this.database = new Database(this.time, random, this.oracle);
    const hotLimit = random() < 0.5 ? 4 : 1000;
    const note = this.#isTold ? (text: string) => this.note(text) : undefined;
    this.peers = new PeerWires({ time: this.time, random, note });
    const world = { time: this.time, database: this.database, random, log: this.#log(), hotLimit };
    const count = options.scene?.replicas ?? (random() < 0.1 ? 3 : 2);
    this.replicas = Array.from({ length: count }, (_, at) => at + 1).map(
      (number) =>
        new SimulatedReplica(
          {
            ...world,
            dialPeer: (from, address) =>
              this.peers.dial(
                from,
                this.replicas.find((replica) => replica.name === address),
              ),
            submitted: (replica, operation) => this.oracle.submitted(replica, operation),
            failed: (replica, operation) => this.oracle.failed(replica, operation),
            settled: (replica, operation, outcome) => this.oracle.settled(replica, operation, outcome),
          },
          number,
        ),
    );
    for (const workspace of WORKSPACES) if (random() < 0.2) this.#cap(asWorkspaceId(workspace), 1 + Math.floor(random() * 3));
    this.agents = (options.scene?.slots ?? [2, 3, 4]).map((slots, at) => this.#agent(at + 1, slots));
    this.clients = new Clients({
      time: this.time,
      random,
      process: this.#clients,
      replicas: this.replicas,
      store: this.database.store,
      oracle: this.oracle,
      longestMs: options.faultsUntilMs,
    });
  }

  /** Plays the plan and then lets everything end. The same options give the same result. */
  async run(): Promise<WorldResult> {
    const { plan, faultsUntilMs, happen, scene } = this.#options;
    if (scene === undefined) for (const part of [...this.replicas, ...this.agents]) this.#clients.after(this.#random() * 2000, () => part.start());
    else scene.begin(this);
    for (const event of plan) this.#clients.after(3000 + event.atMs, () => this.note(happen(this, event)));
    const check = (process: Process): boolean => this.#check(process);
    const thrown = (error: unknown): void =>
      this.broken("crash", `${this.time.current.name} died of ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    await this.time.run(3000 + faultsUntilMs, check, thrown);
    if (this.#violation === undefined) {
      this.#heal();
      await this.time.run(this.time.nowMs + SETTLE_MS, (process) => check(process) || this.#isSettled(), thrown);
      if (!this.#settled) this.broken("progress", `after all faults are over: ${this.oracle.unfinished()}`);
      if (this.#options.probed === true) await this.#probe(check, thrown);
      const unmet = scene?.unmet();
      if (unmet !== undefined) this.broken("expected", unmet);
    }
    const { acknowledged } = this.oracle;
    return { violation: this.#violation, acknowledged: acknowledged.size, ended: this.database.store.done.size, events: this.time.events, trace: this.#trace };
  }

  /** When all is calm again, moments come in time. */
  async #probe(check: (process: Process) => boolean, thrown: (error: unknown) => void): Promise<void> {
    this.database.calm();
    await this.time.run(this.time.nowMs + CALM_MS, check, thrown);
    this.note("all is calm");
    this.oracle.stories.expectMoments(LATE_MS);
    this.clients.probe(PROBE_S);
    await this.time.run(this.time.nowMs + PROBE_S * 1000, check, thrown);
    await this.time.run(this.time.nowMs + SETTLE_MS, (process) => check(process) || this.#isSettled(), thrown);
    if (!this.#settled) this.broken("progress", `when all is calm: ${this.oracle.unfinished()}`);
  }

  note(text: string): void {
    this.#options.scene?.happened(text);
    if (this.#options.keepTrace === true) this.#trace.push(`${(this.time.nowMs / 1000).toFixed(4).padStart(9)} s  ${text}`);
  }

  /** A promise does not hold. The first one counts; the run ends after the event that broke it. */
  broken(invariant: string, message: string): void {
    if (this.#violation !== undefined) return;
    this.#violation = { invariant, message };
    this.note(`BROKEN ${invariant}: ${message}`);
  }

  /** An administrator raises a workspace's cap. */
  raiseCap(dice: Dice): string {
    const workspace = asWorkspaceId(pick(WORKSPACES, dice[0]) ?? "1");
    const { store } = this.database;
    const before = store.capOf(workspace);
    if (before === undefined) return "nothing";
    const most = before + 1;
    this.#cap(workspace, most);
    return `workspace ${workspace} may run ${most} jobs`;
  }

  #cap(workspace: WorkspaceId, most: number): void {
    this.database.store.setCap(workspace, most);
    this.oracle.limits.capped(workspace, most);
  }

  /** The second part of a fault, unless all of them are over by then. */
  later(inMs: number, act: () => void): void {
    this.time.world.after(inMs, () => {
      if (!this.#healed) act();
    });
  }

  crashAgent(agent: SimulatedAgent, forMs: number, inMs = 0): void {
    this.#clients.after(inMs, () => {
      const { process } = agent;
      agent.crash();
      for (const wire of this.#wires) if (wire.agent === process) wire.processDied(process);
      this.#clients.after(forMs, () => this.#revive(agent));
    });
  }

  crashReplica(replica: SimulatedReplica, forMs: number): void {
    const { process } = replica;
    replica.crash();
    this.#died(process);
    this.#clients.after(forMs, () => this.#revive(replica));
  }

  /** SIGTERM: it hands its shards over, and comes back after that time. */
  leaveReplica(replica: SimulatedReplica, forMs: number): void {
    const { process } = replica;
    replica.leave(() => {
      if (replica.process !== process || !process.alive) return;
      this.note(`${replica.name} has left`);
      replica.crash();
      this.#died(process);
      this.#clients.after(forMs, () => this.#revive(replica));
    });
  }

  /** SIGSTOP and SIGCONT; when the whole machine is suspended, its monotonic clock stands still too. */
  stopAgent(agent: SimulatedAgent, forMs: number, machine: boolean): void {
    agent.process.stop(forMs);
    if (machine) agent.process.sleptMs += forMs;
    this.oracle.stopped(agent, forMs);
  }

  /** Somebody sets the wall clock of a machine. */
  stepClock(process: Process, byMs: number): void {
    process.stepWall(byMs);
    this.#latestOffsetMs = Math.max(this.#latestOffsetMs, process.wallOffsetMs);
  }

  /** No way between the agent and any replica. */
  isolate(agent: SimulatedAgent, forMs: number): void {
    this.#isolated.set(agent, this.time.nowMs + forMs);
    for (const wire of this.openWires()) if (wire.agent === agent.process) wire.freeze(forMs);
  }

  openWires(): Wire[] {
    this.#wires = this.#wires.filter((wire) => wire.open);
    return this.#wires;
  }

  #died(process: Process): void {
    for (const wire of this.#wires) if (wire.server === process) wire.processDied(process);
    this.peers.died(process);
  }

  #agent(number: number, slots: number): SimulatedAgent {
    const world = {
      time: this.time,
      random: this.#random,
      log: SILENT as unknown as Logger,
      watch: this.oracle,
      dial: (agent: SimulatedAgent, handlers: StreamHandlers) => this.#dial(agent, handlers),
    };
    return new SimulatedAgent(world, {
      name: `a${number}`,
      agentId: String(number),
      slots,
      tags: ["default"],
      languages: number === 3 ? ["bash"] : ["bash", "python3"],
    });
  }

  #dial(agent: SimulatedAgent, handlers: StreamHandlers): SessionStream {
    const replica = this.homes.get(agent) ?? pick(this.replicas, this.#random());
    const { process } = agent;
    const server = replica?.process ?? this.#clients;
    const onReceived = (frame: ServerFrame): void => this.oracle.received(agent, frame);
    const onArrived = (frame: AgentFrame): void => this.#noteFrame(agent.name, server.name, frame);
    const wire = new Wire({ time: this.time, random: this.#random, agent: process, server, handlers, onReceived, onArrived });
    const forMs = (this.#isolated.get(agent) ?? 0) - this.time.nowMs;
    this.#wires.push(wire);
    if (forMs > 0) wire.freeze(forMs);
    const stream = wire.dial((incoming) => replica?.accept(wire, incoming));
    if (replica?.process.alive !== true) wire.refuse();
    return stream;
  }

  /** Somebody reads the notes. */
  get #isTold(): boolean {
    return this.#options.keepTrace === true || this.#options.scene !== undefined;
  }

  #noteFrame(from: string, to: string, frame: AgentFrame): void {
    if (!this.#isTold) return;
    const refs = (list: readonly { jobId: string }[]): string => list.map((ref) => ref.jobId.slice(-4)).join(" ");
    if (frame.hello !== undefined) this.note(`${from} to ${to}: hello, holds [${refs(frame.hello.held)}]`);
    if (frame.finished.length > 0) this.note(`${from} to ${to}: finished [${refs(frame.finished)}]`);
  }

  #check(process: Process): boolean {
    const replica = this.replicas.find((entry) => entry.process === process);
    if (replica?.owner !== undefined) {
      for (const { name, check } of INVARIANTS) {
        const message = check(replica.owner.state);
        if (message !== undefined) this.broken(name, `${replica.name}: ${message}`);
      }
    }
    return this.#violation !== undefined;
  }

  #heal(): void {
    this.note("all faults are over");
    this.#options.scene?.end();
    this.homes.clear();
    this.database.heal();
    this.#isolated.clear();
    this.peers.heal();
    for (const wire of this.#wires) wire.heal();
    this.#healed = true;
    for (const part of [...this.replicas, ...this.agents]) {
      part.process.resume();
      this.#revive(part);
    }
  }

  /** A machine that comes back has the right time. In the end moments that an owner set by a clock that was ahead must come in time. */
  #revive(part: SimulatedReplica | SimulatedAgent): void {
    part.start();
    if (this.#healed) part.process.stepWall(this.#latestOffsetMs - part.process.wallOffsetMs);
  }

  /** Nothing runs, waits or is unanswered, in the store, in the owner's memory and on the agents. */
  #isSettled(): boolean {
    const { pending, running } = this.database.store;
    this.#settled = pending.size + running.size === 0 && this.oracle.unfinished() === "";
    return this.#settled;
  }

  #log(): typeof SILENT {
    if (this.#options.keepTrace !== true) return SILENT;
    const line = (fields: Record<string, unknown>, message: string): void => this.note(`log ${this.time.current.name}: ${message} ${JSON.stringify(fields)}`);
    return { ...SILENT, warn: line, error: line };
  }
}
