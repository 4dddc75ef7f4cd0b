import { Conversation } from "../world/messages.ts";
import { type Started, startProgram } from "../world/processes.ts";
import type { Scope } from "../world/scope.ts";
import type { FromGenerator, LoadPlan, LoadReport, ToGenerator } from "./generator-messages.ts";

/** A generator process, from the outside. It runs one plan. */
export class Load {
  readonly #process: Started;
  readonly #talk: Conversation<ToGenerator, FromGenerator>;

  private constructor(process: Started) {
    this.#process = process;
    this.#talk = new Conversation<ToGenerator, FromGenerator>(process.child, "the load generator");
  }

  static async start(scope: Scope): Promise<Load> {
    const load = new Load(startProgram(scope, "loadtests/load/generator-child.ts", [], {}, false));
    await load.#talk.hear("ready", 20_000);
    return load;
  }

  /** Resolves when all that the plan asks for was accepted. */
  async run(plan: LoadPlan): Promise<LoadReport> {
    const longestMs = Math.max(...plan.sources.map((source) => source.forMs));
    const done = this.#talk.hear("done", longestMs + 300_000);
    this.#talk.say({ kind: "run", plan });
    try {
      return (await done).report;
    } finally {
      await this.#process.stop("SIGTERM");
    }
  }

  /** How many jobs have ended, for closed loops. */
  endedAre(jobs: number): void {
    this.#talk.say({ kind: "ended", jobs });
  }

  /** No new requests from now on; `run` resolves when those under way are answered. */
  cease(): void {
    this.#talk.say({ kind: "cease" });
  }
}
