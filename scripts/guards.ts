// npm run guards: takes every guard of the named files away, one at a time, and says which of them nothing misses. Goes on where it ended.
// `--only TEXT` walks files whose path has it, `--quick` leaves out what takes long, `--survivors` tries those
// again that nothing missed, `--list` only counts.
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "./gates.ts";
import { ACCEPTED } from "./guards/accepted.ts";
import { KINDS, type Mutant, type MutantKind, mutantsOf } from "./guards/mutants.ts";
import { Workbench } from "./guards/try-mutant.ts";
import { filesOf, WALKS, type Walk } from "./guards/walks.ts";

const { values } = parseArgs({
  options: {
    hours: { type: "string", default: "8" },
    only: { type: "string", default: "" },
    kinds: { type: "string", default: KINDS.join(",") },
    seeds: { type: "string", default: "600" },
    workers: { type: "string", default: "2" },
    survivors: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
  },
});

/** A line for each mutant that was tried. */
const RESULTS = join(ROOT, ".millrace/guards.jsonl");

interface Tried {
  readonly key: string;
  /** Null: nothing. */
  readonly noticedBy: string | null;
}

interface Task {
  readonly walk: Walk;
  readonly mutant: Mutant;
  readonly key: string;
}

const isKind = (name: string): name is MutantKind => KINDS.some((kind) => kind === name);
const isAccepted = ({ file, where, change }: Mutant): boolean => ACCEPTED.some((one) => one.file === file && one.where === where && one.change === change);
const told = ({ file, line, where, change }: Mutant): string => `${file}:${line} ${where}: ${change}`;

/** Changes with the file: what was found about another text of it says nothing. */
const keyOf = ({ file, text }: Mutant): string => createHash("sha256").update(file).update(text).digest("hex").slice(0, 24);

function tasks(): Task[] {
  const kinds = new Set(values.kinds.split(",").filter(isKind));
  const found: Task[] = [];
  for (const walk of WALKS)
    for (const file of filesOf(walk).filter((path) => path.includes(values.only)))
      for (const mutant of mutantsOf(file, readFileSync(join(ROOT, file), "utf8"), kinds))
        if (!isAccepted(mutant)) found.push({ walk, mutant, key: keyOf(mutant) });
  return found;
}

function readResults(): Map<string, string | null> {
  if (!existsSync(RESULTS)) return new Map();
  const lines = readFileSync(RESULTS, "utf8").trim().split("\n");
  return new Map(lines.map((line) => JSON.parse(line) as Tried).map(({ key, noticedBy }) => [key, noticedBy]));
}

async function tryAll(waiting: Task[], results: Map<string, string | null>): Promise<void> {
  const until = performance.now() + Number(values.hours) * 3_600_000;
  mkdirSync(dirname(RESULTS), { recursive: true });
  const worker = async (): Promise<void> => {
    using bench = new Workbench(Number(values.seeds));
    for (let task = waiting.shift(); task !== undefined && performance.now() < until; task = waiting.shift()) {
      const { walk, mutant, key } = task;
      const noticedBy = (await bench.try(walk, mutant, values.quick)) ?? null;
      results.set(key, noticedBy);
      appendFileSync(RESULTS, `${JSON.stringify({ key, noticedBy, mutant: told(mutant), kind: mutant.kind, quick: values.quick })}\n`);
      if (noticedBy === null) process.stdout.write(`NOTHING MISSES ${told(mutant)}\n`);
    }
  };
  await Promise.all(Array.from({ length: Number(values.workers) }, worker));
}

/** @returns whether every guard that was tried is missed by something */
function report(all: readonly Task[], results: ReadonlyMap<string, string | null>): boolean {
  let survivors = 0;
  for (const [file, ofFile] of Map.groupBy(all, ({ mutant }) => mutant.file)) {
    const tried = ofFile.filter(({ key }) => results.has(key));
    const survived = tried.filter(({ key }) => results.get(key) === null).length;
    survivors += survived;
    process.stdout.write(`${file}: ${ofFile.length} mutants, ${tried.length} tried, ${tried.length - survived} noticed, ${survived} not\n`);
  }
  return survivors === 0;
}

async function walkGuards(): Promise<boolean> {
  const all = tasks();
  const results = readResults();
  const waiting = all.filter(({ key }) => (values.survivors ? results.get(key) === null : !results.has(key)));
  if (!values.list) await tryAll(waiting, results);
  return report(all, results);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
process.exitCode = (await walkGuards()) ? 0 : 1;
