import type { Logger } from "pino";
import type { SessionStream, StreamHandlers } from "../agent/session/stream.ts";
import { jobKey } from "../control-plane/jobs/idempotency-key.ts";
import { type NewJob, shardOf } from "../control-plane/jobs/model.ts";
import { AppError } from "../kernel/app-error.ts";
import { asWorkspaceId, type WorkspaceId } from "../kernel/ids.ts";
import type { AgentFrame, ServerFrame } from "../proto/gen/millrace/agent/v1/session.ts";
import { Database } from "./database.ts";
import { INVARIANTS } from "./invariants.ts";
import { limitsOf } from "./limited-jobs.ts";
import { makeJob, type NewJobOptions } from "./new-jobs.ts";
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

export interface WorldOptions {
  readonly seed: number;
  readonly plan: readonly Planned[];
  /** Makes an event of the plan happen. @returns what happened */
  readonly happen: (world: World, event: Planned) => string;
  /** Faults come until then, milliseconds of the world's time; afterwards everything heals and must end. */
  readonly faultsUntilMs: number;
  readonly keepTrace?: boolean;
}

/** After the last fault everything must have ended by then: two leases, the longest script in each of its attempts, and retries on top. */
const SETTLE_MS = 900_000;
/** Of different shards, spread over the replicas. */
const WORKSPACES = ["1", "2", "3", "4"];
/** How long a key counts: longer than any run. */
const KEY_MS = 24 * 3_600_000;
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
  readonly #random: () => number;
  readonly #options: WorldOptions;
  readonly #clients: Process;
  readonly #trace: string[] = [];
  readonly #isolated = new Map<SimulatedAgent, number>();
  #wires: Wire[] = [];
  #violation: Violation | undefined;
  #made = 0;
  #keys = 0;
  /** How far any clock was ever ahead of the true time. */
  #latestOffsetMs = 0;
  #settled = false;
  #healed = false;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed * 2 + 1);
    const random = this.#random;
    this.time = new VirtualTime(random);
    this.#clients = new Process(this.time, "clients");
    this.oracle = new Oracle(this);
    this.database = new Database(this.time, random, this.oracle);
    const hotLimit = random() < 0.5 ? 4 : 1000;
    const note = options.keepTrace === true ? (text: string) => this.note(text) : undefined;
    this.peers = new PeerWires({ time: this.time, random, note });
    const world = { time: this.time, database: this.database, random, log: this.#log(), hotLimit };
    this.replicas = (random() < 0.1 ? [1, 2, 3] : [1, 2]).map(
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
    this.agents = [1, 2, 3].map((number) => this.#agent(number));
  }

  /** Plays the plan and then lets everything end. The same options give the same result. */
  async run(): Promise<WorldResult> {
    const { plan, faultsUntilMs, happen } = this.#options;
    for (const part of [...this.replicas, ...this.agents]) this.#clients.after(this.#random() * 2000, () => part.start());
    for (const event of plan) this.#clients.after(3000 + event.atMs, () => this.note(happen(this, event)));
    const check = (process: Process): boolean => this.#check(process);
    const thrown = (error: unknown): void =>
      this.broken("crash", `${this.time.current.name} died of ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    await this.time.run(3000 + faultsUntilMs, check, thrown);
    if (this.#violation === undefined) {
      this.#heal();
      await this.time.run(this.time.nowMs + SETTLE_MS, (process) => check(process) || this.#isSettled(), thrown);
      if (this.#violation === undefined && !this.#settled) this.broken("progress", `after all faults are over: ${this.oracle.unfinished()}`);
    }
    const { acknowledged } = this.oracle;
    return { violation: this.#violation, acknowledged: acknowledged.size, ended: this.database.store.done.size, events: this.time.events, trace: this.#trace };
  }

  note(text: string): void {
    if (this.#options.keepTrace === true) this.#trace.push(`${(this.time.nowMs / 1000).toFixed(4).padStart(9)} s  ${text}`);
  }

  /** A promise does not hold. The first one counts; the run ends after the event that broke it. */
  broken(invariant: string, message: string): void {
    if (this.#violation !== undefined) return;
    this.#violation = { invariant, message };
    this.note(`BROKEN ${invariant}: ${message}`);
  }

  /** @param limited what limits the jobs: a number in [0, 1) that chooses, or undefined for nothing */
  enqueue({ count, dice, limited }: { count: number; dice: Dice; limited?: number }): string {
    const replica = this.#someReplica(dice[3]);
    if (replica === undefined) return "nobody";
    const { process } = replica;
    const workspace = asWorkspaceId(pick(WORKSPACES, dice[1]) ?? "1");
    process.after(0, () => {
      const jobs = Array.from({ length: count }, () => {
        const limits = limited === undefined ? undefined : limitsOf(this.#random, workspace, limited);
        return this.#newJob(process, workspace, { language: dice[2] < 0.8 ? "bash" : "python3", limits });
      });
      replica
        .ask(shardOf(workspace), (owner) => owner.enqueue(jobs))
        .then(
          () => this.oracle.acknowledge(jobs.map(({ job }) => job.id)),
          () => undefined,
        );
    });
    return `${count} jobs of workspace ${workspace} to ${replica.name}`;
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

  cancel(dice: Dice): string {
    const { pending } = this.database.store;
    const id = pick(dice[2] < 0.5 && pending.size > 0 ? [...pending.keys()] : [...this.oracle.acknowledged], 1 - dice[0] * dice[0]);
    const replica = this.#someReplica(dice[1]);
    const workspace = id === undefined ? undefined : this.oracle.stories.workspaceOf(id);
    if (id === undefined || replica === undefined || workspace === undefined) return "nothing";
    this.oracle.stories.cancelAsked(id);
    replica.process.after(0, () => {
      replica
        .ask(shardOf(workspace), (owner) => owner.cancel({ id, workspace }, "no longer wanted"))
        .then(
          (answer) => this.oracle.stories.cancelAnswered(id, answer),
          () => undefined,
        );
    });
    return `${id.slice(-4)} at ${replica.name}`;
  }

  /** Some clients send the same request under a key at once and again, to whoever answers; now and then one changes the request. */
  enqueueKeyed(dice: Dice): string {
    if (this.#keys === 0 || dice[0] < 0.4) this.#keys += 1;
    const number = Math.max(1, this.#keys - Math.floor(dice[1] * 3));
    const copies = 1 + Math.floor(dice[2] * 4);
    for (let copy = 0; copy < copies; copy++)
      this.#clients.after(copy * dice[3] * 30, () => this.#sendKeyed(number, this.#random() < 0.1 ? "other" : "same", 5));
    return `${copies} requests under key ${number}`;
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

  #sendKeyed(number: number, body: string, tries: number): void {
    const replica = this.#someReplica(this.#random());
    const again = (error: unknown): void => {
      if (tries > 1 && AppError.from(error).code !== "already_exists")
        this.#clients.after(200 + this.#random() * 5000, () => this.#sendKeyed(number, body, tries - 1));
    };
    if (replica === undefined) {
      again(new AppError("unavailable", "there is no replica"));
      return;
    }
    const { process } = replica;
    const workspace = asWorkspaceId(WORKSPACES[number % WORKSPACES.length] ?? "1");
    process.after(0, () => {
      // Every third one is a batch of two.
      const keys = Array.from({ length: number % 3 === 0 ? 2 : 1 }, (_, at) => jobKey("batch", String(number), at, body, process.clock.wallMs() + KEY_MS));
      const jobs = keys.map((key) => this.#newJob(process, workspace, { language: "bash", key }));
      replica
        .ask(shardOf(workspace), (owner) => owner.enqueue(jobs))
        .then((accepted) => {
          this.oracle.acknowledge(accepted.map(({ id }) => id));
          for (const [at, { id }] of accepted.entries()) this.oracle.stories.keyAnswered(`${number}/${at}`, { id, body });
        }, again);
    });
  }

  /** One that could answer, if there is one. */
  #someReplica(dice: number): SimulatedReplica | undefined {
    return pick(
      this.replicas.filter((replica) => replica.isOpen),
      dice,
    );
  }

  #died(process: Process): void {
    for (const wire of this.#wires) if (wire.server === process) wire.processDied(process);
    this.peers.died(process);
  }

  #agent(number: number): SimulatedAgent {
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
      slots: 1 + number,
      tags: ["default"],
      languages: number === 3 ? ["bash"] : ["bash", "python3"],
    });
  }

  #dial(agent: SimulatedAgent, handlers: StreamHandlers): SessionStream {
    const replica = pick(this.replicas, this.#random());
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

  #noteFrame(from: string, to: string, frame: AgentFrame): void {
    if (this.#options.keepTrace !== true) return;
    const refs = (list: readonly { jobId: string }[]): string => list.map((ref) => ref.jobId.slice(-4)).join(" ");
    if (frame.hello !== undefined) this.note(`${from} to ${to}: hello, holds [${refs(frame.hello.held)}]`);
    if (frame.finished.length > 0) this.note(`${from} to ${to}: finished [${refs(frame.finished)}]`);
  }

  #newJob(process: Process, workspace: WorkspaceId, wanted: Pick<NewJobOptions, "language" | "key" | "limits">): NewJob {
    this.#made += 1;
    const wallMs = process.clock.wallMs();
    const made = makeJob({
      random: this.#random,
      number: this.#made,
      workspace,
      wallMs,
      nowMs: this.time.nowMs,
      longestMs: this.#options.faultsUntilMs,
      ...wanted,
    });
    this.oracle.stories.made(made);
    this.oracle.limits.made(made);
    return made;
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
