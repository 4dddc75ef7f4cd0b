import { Conversation } from "../world/messages.ts";
import { type Started, startProgram } from "../world/processes.ts";
import type { Scope } from "../world/scope.ts";
import type { FromSimulator, SimulatorOptions, SimulatorReport, ToSimulator, Window } from "./simulator-messages.ts";

/** A process with simulated agents, from the outside. */
export class Simulator {
  readonly #process: Started;
  readonly #talk: Conversation<ToSimulator, FromSimulator>;
  readonly #listeners = new Set<(ended: number) => void>();
  #ended = 0;

  private constructor(process: Started) {
    this.#process = process;
    this.#talk = new Conversation<ToSimulator, FromSimulator>(process.child, "the simulated agents", (message) => {
      if (message.kind !== "progress") return;
      this.#ended = message.ended;
      for (const listener of this.#listeners) listener(message.ended);
    });
  }

  /** Resolves when all agents are connected. */
  static async start(scope: Scope, options: SimulatorOptions): Promise<Simulator> {
    const simulator = new Simulator(startProgram(scope, "loadtests/agents/simulator-child.ts", [], {}, false));
    const connected = simulator.#talk.hear("connected", 60_000);
    simulator.#talk.say({ kind: "start", options });
    await connected;
    return simulator;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Ends that were acknowledged to these agents so far. */
  get ended(): number {
    return this.#ended;
  }

  onProgress(listener: (ended: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async measure(window: Window): Promise<void> {
    const measuring = this.#talk.hear("measuring", 10_000);
    this.#talk.say({ kind: "measure", window });
    await measuring;
  }

  async report(): Promise<SimulatorReport> {
    const heard = this.#talk.hear("report", 60_000);
    this.#talk.say({ kind: "report" });
    return (await heard).report;
  }

  slow(agents: number, forMs: number): void {
    this.#talk.say({ kind: "slow", agents, forMs });
  }

  crash(agents: number): void {
    this.#talk.say({ kind: "crash", agents });
  }

  stop(): Promise<void> {
    return this.#process.stop("SIGTERM");
  }
}
