import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { StepStamps } from "../load/step-parts.ts";
import type { Scope } from "../world/scope.ts";
import type { Workload } from "./flow-peer.ts";

/** What a program says, each on a line of its own that begins with this; whatever else its libraries print is passed by. */
const MARK = "@@";
const ran = z.object({ took_ms: z.number(), steps: z.array(z.tuple([z.number(), z.number()])) });
const line = z.union([z.object({ ready: z.literal(true) }), ran, z.object({ error: z.string() })]);
type Line = z.infer<typeof line>;

const PROGRAMS = fileURLToPath(new URL("programs/", import.meta.url));
const START_MS = 120_000;
const RUN_MS = 120_000;
const KILL_AFTER_MS = 10_000;
const SAID_CHARS = 400;

/**
 * A process that holds another engine. It says `@@{"ready":true}`, then for each line `{"count","n","way"}` on its stdin `@@{"took_ms","steps"}`: from the call that
 * starts the workflow to its result, and when the function of each step began and ended since that call. It ends, and all that it has started, when its stdin does: also when this process is killed.
 */
export class Program {
  readonly #child: ChildProcess;
  readonly #waiting: ((line: Line) => void)[] = [];
  #said = "";
  #isOver = false;

  private constructor(child: ChildProcess) {
    this.#child = child;
    if (child.stdout === null || child.stderr === null) throw new Error("a program has its pipes");
    createInterface({ input: child.stdout }).on("line", (text) => {
      if (text.startsWith(MARK)) this.#waiting.shift()?.(line.parse(JSON.parse(text.slice(MARK.length))));
    });
    child.stderr.on("data", (data: Buffer) => {
      this.#said = (this.#said + data.toString()).slice(-SAID_CHARS);
    });
    child.stdin?.on("error", () => undefined);
    child.once("close", () => {
      this.#isOver = true;
      for (const tell of this.#waiting.splice(0)) tell({ error: `it ended: ${this.#said.trim()}` });
    });
  }

  /** @param command interpreter and its options @throws when it does not become ready */
  static async start(scope: Scope, folder: string, command: readonly string[], program: string, args: readonly string[]): Promise<Program> {
    // Beside its packages, where its imports are found.
    for (const name of readdirSync(PROGRAMS)) copyFileSync(join(PROGRAMS, name), join(folder, name));
    const [interpreter = "", ...options] = command;
    const env = { PATH: process.env["PATH"], HOME: folder, DO_NOT_TRACK: "1" };
    const child = spawn(interpreter, [...options, join(folder, program), ...args], { cwd: folder, env, stdio: ["pipe", "pipe", "pipe"] });
    child.on("error", () => undefined);
    const started = new Program(child);
    scope.defer(() => started.#stop());
    const answer = await started.#next(START_MS);
    if (!("ready" in answer)) throw new Error("error" in answer ? answer.error : "it said something else than that it is ready");
    return started;
  }

  /** Milliseconds from the call to the result, and since the call those of the steps. @throws when it does not come to one */
  async run({ count, n, way }: Workload): Promise<{ readonly tookMs: number; readonly steps: readonly StepStamps[] }> {
    const answer = this.#next(RUN_MS);
    this.#child.stdin?.write(`${JSON.stringify({ count, n, way })}\n`);
    const said = await answer;
    if (!("took_ms" in said)) throw new Error("error" in said ? said.error : "it said something else than how long it took");
    if (said.steps.length !== count) throw new Error(`${said.steps.length} steps of ${count} were run`);
    return { tookMs: said.took_ms, steps: said.steps.toSorted(([a], [b]) => a - b) };
  }

  #next(withinMs: number): Promise<Line> {
    if (this.#isOver) return Promise.resolve({ error: `it ended: ${this.#said.trim()}` });
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve({ error: `nothing within ${withinMs / 1000} s; it said at the end: ${this.#said.trim()}` }), withinMs);
      this.#waiting.push((said) => {
        clearTimeout(timer);
        resolve(said);
      });
    });
  }

  async #stop(): Promise<void> {
    if (this.#isOver) return;
    const over = new Promise<void>((resolve) => this.#child.once("close", () => resolve()));
    this.#child.stdin?.end();
    const force = setTimeout(() => this.#child.kill("SIGKILL"), KILL_AFTER_MS);
    await over;
    clearTimeout(force);
  }
}
