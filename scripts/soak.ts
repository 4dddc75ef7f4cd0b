// npm run soak: the simulation with new seeds for hours. `--seed N` plays one seed and tells its story, `--world NAME` a directed world.
// `--record` looks for the first seed that finds each mutation and writes them into simulation/known-seeds.ts.
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { catchMutation, MUTATIONS } from "../simulation/catch-mutation.ts";
import { explain, runDirected, runSeed } from "../simulation/run-seed.ts";
import { runTask, seedsFrom, type WorkerReport } from "../simulation/seed-workers.ts";

const SEEDS_PER_TASK = 500;
/** Some guards matter in one world of thousands. */
const SEEDS_PER_MUTATION = 10_000;

const { values } = parseArgs({
  options: {
    hours: { type: "string", default: "1" },
    from: { type: "string" },
    workers: { type: "string", default: "2" },
    seed: { type: "string" },
    world: { type: "string" },
    record: { type: "boolean", default: false },
  },
});

async function playOne(seed: number): Promise<boolean> {
  const { violation, acknowledged, events } = await runSeed(seed);
  if (violation !== undefined) process.stdout.write(`${await explain(seed, violation.invariant)}\n`);
  else process.stdout.write(`seed ${seed}: every promise holds (${acknowledged} jobs, ${events} events)\n`);
  return violation === undefined;
}

/** Plays a directed world, and tells all that happens in it. */
async function playDirected(name: string): Promise<boolean> {
  const known = MUTATIONS.find(({ world }) => world === name)?.world;
  if (known === undefined) throw new Error(`there is no directed world "${name}"`);
  const { trace, violation } = await runDirected(known, { keepTrace: true });
  process.stdout.write(`${trace.join("\n")}\n${violation === undefined ? "every promise holds" : `${violation.invariant}: ${violation.message}`}\n`);
  return violation === undefined;
}

/** Seeds of the suite are below 10,000: these are new each time unless `--from` says otherwise. */
async function soak(untilMs: number, from: number, workers: number): Promise<boolean> {
  const total: WorkerReport = { seeds: 0, acknowledged: 0, events: 0, failure: undefined };
  let next = from;
  let told = performance.now();
  const worker = async (): Promise<void> => {
    while (performance.now() < untilMs && total.failure === undefined) {
      const first = next;
      next += SEEDS_PER_TASK;
      const report = await runTask({ seeds: seedsFrom(first, SEEDS_PER_TASK), explainFailure: true });
      total.seeds += report.seeds;
      total.acknowledged += report.acknowledged;
      total.events += report.events;
      total.failure ??= report.failure;
      if (performance.now() - told < 10_000) continue;
      told = performance.now();
      process.stdout.write(`${total.seeds} seeds from ${from} on, ${total.acknowledged} jobs, ${total.events} events: every promise held\n`);
    }
  };
  await Promise.all(Array.from({ length: workers }, worker));
  const { failure } = total;
  if (failure === undefined) process.stdout.write(`done: ${total.seeds} seeds from ${from} on, ${total.acknowledged} jobs, every promise held\n`);
  else process.stdout.write(`FAILED\n${failure.story}\nagain with: npm run soak -- --seed ${failure.seed}\n`);
  return failure === undefined;
}

async function record(workers: number): Promise<boolean> {
  const waiting = [...MUTATIONS];
  const found = new Map<string, Awaited<ReturnType<typeof catchMutation>>>();
  const worker = async (): Promise<void> => {
    for (let mutation = waiting.shift(); mutation !== undefined; mutation = waiting.shift()) {
      const seed = await catchMutation(mutation, SEEDS_PER_MUTATION);
      found.set(mutation.name, seed);
      process.stdout.write(`${seed ?? "NONE"}: ${mutation.name}\n`);
    }
  };
  await Promise.all(Array.from({ length: workers }, worker));
  const file = new URL("../simulation/known-seeds.ts", import.meta.url);
  const lines = MUTATIONS.flatMap(({ name }) => (typeof found.get(name) === "number" ? [`  ${JSON.stringify(name)}: ${found.get(name)},\n`] : []));
  writeFileSync(file, readFileSync(file, "utf8").replace(/= \{[^}]*\};/, `= {\n${lines.join("")}};`));
  return [...found.values()].every((seed) => seed !== undefined);
}

async function work(): Promise<boolean> {
  const workers = Number(values.workers);
  if (values.record) return record(workers);
  if (values.world !== undefined) return playDirected(values.world);
  if (values.seed !== undefined) return playOne(Number(values.seed));
  const from = Number(values.from ?? 10_000 + Math.floor(Math.random() * 1e9));
  return soak(performance.now() + Number(values.hours) * 3_600_000, from, workers);
}

process.exitCode = (await work()) ? 0 : 1;
