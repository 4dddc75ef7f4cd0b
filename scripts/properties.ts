// npm run properties: the property tests with new seeds, round after round, until one fails or the time is over. `--seed N` plays one again.
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "./gates.ts";

const { values } = parseArgs({ options: { hours: { type: "string", default: "1" }, seed: { type: "string" } } });

const PARTS = "{agent,cli,control-plane,kernel,signatures}/**/*.test.ts";
const FILES = globSync(PARTS, { cwd: ROOT }).filter((file) => readFileSync(join(ROOT, file), "utf8").includes("/fast-check.fixture.ts"));

function round(seed: number): boolean {
  const { status } = spawnSync(process.execPath, ["node_modules/vitest/vitest.mjs", "run", "--reporter=dot", ...FILES], {
    cwd: ROOT,
    stdio: "inherit",
    env: { ...process.env, MILLRACE_PROPERTY_SEED: String(seed) },
  });
  if (status !== 0) process.stdout.write(`FAILED\nagain with: npm run properties -- --seed ${seed}\n`);
  return status === 0;
}

function play(): boolean {
  if (values.seed !== undefined) return round(Number(values.seed));
  for (const until = performance.now() + Number(values.hours) * 3_600_000; performance.now() < until; )
    if (!round(Math.floor(Math.random() * 2 ** 31))) return false;
  return true;
}

process.exitCode = play() ? 0 : 1;
