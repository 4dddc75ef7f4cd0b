import type { TimeSettings } from "../control-plane/jobs/job-options.ts";
import { shardOf } from "../control-plane/jobs/model.ts";
import { asWorkspaceId, type JobId, type WorkspaceId } from "../kernel/ids.ts";
import type { Asked, Meddling } from "./database.ts";
import type { ScriptArgs } from "./executor.ts";
import type { PeerWire } from "./peer-wire.ts";
import type { SimulatedAgent } from "./simulated-agent.ts";
import type { SimulatedReplica } from "./simulated-replica.ts";
import type { Wire } from "./wire.ts";
import type { Direction, World } from "./world.ts";

/**
 * A history that chance hardly ever makes, told step by step: who is there, what happens when, and what everybody's way to the others is like
 * meanwhile. It runs in the same simulator and under the same oracle as the worlds of seeds.
 */
export interface DirectedWorld {
  readonly replicas: number;
  /** Slots of each agent. */
  readonly slots: readonly number[];
  /** Nothing has begun yet; whoever is to be there has to be started. Steps that did not come in time do not come any more. */
  readonly play: (scene: Scene) => void;
  /** After that time all faults are healed, and everybody is there. */
  readonly forMs: number;
  /** What is true at the end beyond the promises. @returns what is not */
  readonly unmet?: (scene: Scene) => string | undefined;
}

export interface WantedJob {
  readonly runMs: number;
  readonly mode?: ScriptArgs["mode"];
  readonly timeoutMs?: number;
  readonly settings?: TimeSettings;
}

interface Cue {
  readonly text: RegExp;
  readonly act: () => void;
}

/** A directed world that is being played. */
export class Scene implements Direction {
  readonly #directed: DirectedWorld;
  readonly #cues = new Set<Cue>();
  #meddlers: ((asked: Asked) => Meddling | undefined)[] = [];
  #world: World | undefined;

  constructor(directed: DirectedWorld) {
    this.#directed = directed;
  }

  get replicas(): number {
    return this.#directed.replicas;
  }

  get slots(): readonly number[] {
    return this.#directed.slots;
  }

  get world(): World {
    if (this.#world === undefined) throw new Error("the scene has not begun");
    return this.#world;
  }

  begin(world: World): void {
    this.#world = world;
    world.database.meddle = (asked) => this.#meddle(asked);
    this.#directed.play(this);
  }

  /** Everything heals: there are no more steps. */
  end(): void {
    this.#cues.clear();
    this.#meddlers = [];
  }

  unmet(): string | undefined {
    return this.#directed.unmet?.(this);
  }

  /** Something happened; the note is the one of the trace. */
  happened(text: string): void {
    for (const cue of this.#cues) {
      if (!cue.text.test(text)) continue;
      this.#cues.delete(cue);
      cue.act();
    }
  }

  get nowMs(): number {
    return this.world.time.nowMs;
  }

  /** A step at a time since the beginning, milliseconds. */
  at(ms: number, act: () => void): void {
    this.#after(ms - this.nowMs, act);
  }

  /** A step that follows on a line of the trace, once: at once, before anything else happens, or after a time. */
  when(text: RegExp, act: () => void, inMs = 0): void {
    this.#cues.add({ text, act: inMs === 0 ? act : () => this.#after(inMs, act) });
  }

  /** What happens to what goes to the database, while it says something. The first one that does counts. */
  meddle(how: (asked: Asked) => Meddling | undefined): void {
    this.#meddlers.push(how);
  }

  /** The same once, for the first query of that name, or flush with such an operation, of the replica. */
  meddleOnce(replica: SimulatedReplica, name: string, how: Meddling, then?: () => void): void {
    let done = false;
    this.meddle((asked) => {
      const isIt = asked.process === replica.process && (asked.name === name || asked.operations.some((operation) => `flush ${operation.kind}` === name));
      if (done || !isIt) return undefined;
      done = true;
      if (then !== undefined) this.#after(0, then);
      return how;
    });
  }

  replica(number: number): SimulatedReplica {
    const replica = this.world.replicas[number - 1];
    if (replica === undefined) throw new Error(`there is no replica ${number}`);
    return replica;
  }

  /** An agent, which dials that replica from now on. */
  agent(number: number, home?: SimulatedReplica): SimulatedAgent {
    const agent = this.world.agents[number - 1];
    if (agent === undefined) throw new Error(`there is no agent ${number}`);
    if (home !== undefined) this.world.homes.set(agent, home);
    return agent;
  }

  /** The stream that `home` has dialled to `owner`. */
  link(home: SimulatedReplica, owner: SimulatedReplica): PeerWire | undefined {
    return this.world.peers.open().findLast((wire) => wire.home === home.process && wire.owner === owner.process);
  }

  /** The stream of the agent. */
  stream(agent: SimulatedAgent): Wire | undefined {
    return this.world.openWires().findLast((wire) => wire.agent === agent.process);
  }

  /** Jobs of a workspace whose shard that is. */
  put(replica: SimulatedReplica, shard: number, ...jobs: readonly WantedJob[]): JobId[] {
    const wanted = jobs.map(({ runMs, mode = "success", timeoutMs, settings = {} }) => ({ settings, args: { runMs, mode }, timeoutMs, limits: undefined }));
    return this.world.clients.put(replica, workspaceOf(shard), wanted);
  }

  #after(ms: number, act: () => void): void {
    this.world.time.world.after(ms, act);
  }

  #meddle(asked: Asked): Meddling | undefined {
    for (const meddler of this.#meddlers) {
      const how = meddler(asked);
      if (how !== undefined) return how;
    }
    return undefined;
  }
}

/** A workspace of that shard. */
function workspaceOf(shard: number): WorkspaceId {
  for (let number = 1; ; number++) {
    const workspace = asWorkspaceId(String(number));
    if (shardOf(workspace) === shard) return workspace;
  }
}
