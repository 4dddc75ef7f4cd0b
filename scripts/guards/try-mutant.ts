import { spawn } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DIRECTED_WORLDS } from "../../simulation/directed/directed-worlds.ts";
import { KNOWN_SEEDS } from "../../simulation/known-seeds.ts";
import { runTask, seedsFrom, type WorkerTask } from "../../simulation/seed-workers.ts";
import { ROOT } from "../gates.ts";
import type { Mutant } from "./mutants.ts";
import { testsOf, type Walk } from "./walks.ts";

/** Most mutants fail within these; the others get them all. */
const FIRST_SEEDS = 8;
/** Worlds in which something rare happens: one of them found a mutation of the list. */
const TELLING_SEEDS = [...new Set(Object.values(KNOWN_SEEDS))].filter((seed) => seed > FIRST_SEEDS);
const SEED_LIMIT_MS = 1_000;
const TASK_LIMIT_MS = 20_000;
/** Of what a group of tests takes as the code is. */
const PATIENCE = 3;
const PATIENCE_MS = 60_000;

/** Names of tests that play a seed each: they take most of the time of their files. */
const WITH_SEEDS = "seed [0-9]";
const WITHOUT_SEEDS = `^(?!.*${WITH_SEEDS})`;

const isDirected = (name: string): name is keyof typeof DIRECTED_WORLDS => name in DIRECTED_WORLDS;

/** A copy of the repository in which a file is changed while tests of it run. One for each worker. */
export class Workbench {
  readonly #root = mkdtempSync(join(tmpdir(), "millrace-guards-"));
  readonly #mostSeeds: number;
  /** How long a group of tests takes as the code is, by its files. */
  readonly #tookMs = new Map<string, number>();

  /** @param mostSeeds of the simulation, for mutants that nothing else has noticed */
  constructor(mostSeeds: number) {
    this.#mostSeeds = mostSeeds;
    const left = /(^|\/)(node_modules|\.git|\.millrace|reports)(\/|$)/;
    cpSync(ROOT, this.#root, { recursive: true, filter: (source) => !left.test(source.slice(ROOT.length)) });
    symlinkSync(join(ROOT, "node_modules"), join(this.#root, "node_modules"));
    // Postgres runs under another user.
    chmodSync(this.#root, 0o755);
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true });
  }

  /** @param quick leaves out what takes long @returns what notices the mutant, undefined when nothing does */
  async try(walk: Walk, mutant: Mutant, quick: boolean): Promise<string | undefined> {
    const [first = [], ...others] = testsOf(walk);
    const early = await this.#play(walk, mutant, seedsFrom(1, FIRST_SEEDS), false);
    if (early !== undefined) return early;
    if (await this.#failsTests(mutant, first, ["-t", WITHOUT_SEEDS])) return "tests";
    if (quick) return undefined;
    const late = await this.#play(walk, mutant, [...TELLING_SEEDS, ...seedsFrom(FIRST_SEEDS + 1, this.#mostSeeds - FIRST_SEEDS)], true);
    if (late !== undefined) return late;
    if (await this.#failsTests(mutant, first, ["-t", WITH_SEEDS])) return "tests with seeds";
    for (const group of others) if (await this.#failsTests(mutant, group)) return "slower tests";
    return undefined;
  }

  async #play({ simulation }: Walk, { file, text }: Mutant, seeds: number[], directed: boolean): Promise<string | undefined> {
    if (simulation === undefined || (seeds.length === 0 && !directed)) return undefined;
    const edits = [{ file, text: readFileSync(join(ROOT, file), "utf8"), replacement: text }];
    const ofFlows = simulation === "flows";
    const worlds = directed && !ofFlows ? Object.keys(DIRECTED_WORLDS).filter(isDirected) : [];
    const task: WorkerTask = { seeds, worlds, mutation: { name: "", why: "", edits }, ofFlows, explainFailure: false };
    try {
      const { failure } = await runTask(task, TASK_LIMIT_MS + SEED_LIMIT_MS * (seeds.length + worlds.length));
      return failure === undefined ? undefined : `${failure.seed}: ${failure.invariant}`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  async #failsTests({ file, text }: Mutant, files: readonly string[], options: readonly string[] = []): Promise<boolean> {
    if (files.length === 0) return false;
    const args = ["--passWithNoTests", ...options, ...files];
    const key = args.join(" ");
    const usual = this.#tookMs.get(key) ?? (await this.#usualMs(args));
    this.#tookMs.set(key, usual);
    const path = join(this.#root, file);
    const before = readFileSync(path);
    writeFileSync(path, text);
    try {
      return !(await this.#runTests(args, PATIENCE * usual + PATIENCE_MS));
    } finally {
      writeFileSync(path, before);
    }
  }

  /** Tests that fail as the code is would fail with every mutant, too. */
  async #usualMs(args: readonly string[]): Promise<number> {
    const began = performance.now();
    if (!(await this.#runTests(args, undefined))) throw new Error(`these fail without any change: vitest run ${args.join(" ")}`);
    return performance.now() - began;
  }

  #runTests(args: readonly string[], withinMs: number | undefined): Promise<boolean> {
    const command = ["node_modules/vitest/vitest.mjs", "run", "--bail", "1", "--reporter", "dot", ...args];
    const child = spawn(process.execPath, command, { cwd: this.#root, stdio: "ignore", detached: true });
    const { pid } = child;
    // The group: tests have processes of their own.
    const stop = (): void => void (pid !== undefined && process.kill(-pid, "SIGKILL"));
    const timer = withinMs === undefined ? undefined : setTimeout(stop, withinMs);
    // A mutant may have no end: its tests must not outlive whoever started them.
    process.once("exit", stop);
    return new Promise((resolve, reject) => {
      child.once("error", reject).once("close", (code) => {
        clearTimeout(timer);
        process.off("exit", stop);
        resolve(code === 0);
      });
    });
  }
}
