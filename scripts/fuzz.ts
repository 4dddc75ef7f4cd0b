// npm run fuzz: requests to every operation of the API with new seeds, round after round, until one fails or the time is over.
// `--seed N` plays one seed; `--runs N` sets the requests per operation and round.
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { ROOT } from "./gates.ts";

const TEST = "control-plane/http/fuzz/api-fuzz.db.test.ts";

const { values } = parseArgs({
  options: { hours: { type: "string", default: "1" }, runs: { type: "string", default: "1000" }, seed: { type: "string" } },
});

function round(seed: number): boolean {
  const { status } = spawnSync(process.execPath, ["node_modules/vitest/vitest.mjs", "run", "--project", "db", TEST], {
    cwd: ROOT,
    stdio: "inherit",
    env: { ...process.env, MILLRACE_TEST_FUZZ_SEED: String(seed), MILLRACE_TEST_FUZZ_RUNS: values.runs },
  });
  if (status !== 0) process.stdout.write(`FAILED\nagain with: npm run fuzz -- --seed ${seed} --runs ${values.runs}\n`);
  return status === 0;
}

function fuzz(): boolean {
  if (values.seed !== undefined) return round(Number(values.seed));
  for (const until = performance.now() + Number(values.hours) * 3_600_000; performance.now() < until; )
    if (!round(Math.floor(Math.random() * 2 ** 31))) return false;
  return true;
}

process.exitCode = fuzz() ? 0 : 1;
