import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { JobView } from "../control-plane/jobs/contract.ts";
import type { ScriptView } from "../control-plane/scripts/contract.ts";
import { type Bundle, ExitReason, Network, Purpose } from "../proto/gen/millrace/agent/v1/job.ts";
import { job, run, startWorld, until, untilEnded, type World } from "./harness.ts";
import { RawAgent } from "./raw-agent.ts";

/** One server; an agent over the real wire that answers what a test tells it to. */
let world: World;
let agent: RawAgent;
const agentId = randomUUID();
function connect(tags = ["default"]): RawAgent {
  const runtimes = [{ language: "python3", version: "3" }];
  return new RawAgent(`127.0.0.1:${world.grpcPort}`, world.credentials.agent_token, { agentId, slots: 8, tags, runtimes });
}
beforeAll(async () => {
  world = await startWorld();
  agent = connect();
});
afterAll(async () => {
  agent.close();
  await world.close();
});

interface Deployed extends ScriptView {
  readonly created: boolean;
  readonly lock?: string;
}

async function deploy(path: string, more: Record<string, unknown> = {}): Promise<Deployed> {
  const body = { path, language: "python3", content: "import pandas\ndef main(n: int = 1): ...\n", ...more };
  const answer = await world.api<Deployed>("POST", "/scripts", body);
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  return answer.body;
}

async function script(hash: string): Promise<Deployed> {
  return (await world.api<Deployed>("GET", `/scripts/by-hash/${hash}`)).body;
}

/** The next bundle of a script that the agent has not answered yet. */
async function bundleOf(path: string, purpose: Purpose = Purpose.PURPOSE_LOCK): Promise<Bundle> {
  const find = (): Bundle | undefined =>
    agent.frames.flatMap((frame) => frame.assign).find((bundle) => bundle.scriptPath === path && bundle.purpose === purpose && !answered.has(bundle.token));
  await until(`a job of ${path} is assigned`, async () => find() !== undefined);
  const bundle = find();
  if (bundle === undefined) throw new Error("no bundle");
  return bundle;
}

const answered = new Set<string>();

function answer({ jobId, token }: Bundle, result: unknown, reason: ExitReason = ExitReason.EXIT_REASON_SUCCEEDED, message = ""): void {
  answered.add(token);
  const at = Date.now() * 1000;
  const numbers = { startedAtUs: at, finishedAtUs: at, logChunks: 0, logBytes: 0, logDroppedBytes: 0 };
  agent.send({ finished: [{ jobId, token, exit: { reason, code: 1, signal: "", message }, resultJson: JSON.stringify(result), ...numbers }] });
}

async function untilState(hash: string, state: string): Promise<Deployed> {
  await until(`the lock is ${state}`, async () => (await script(hash)).lock_state === state);
  return script(hash);
}

test("a deploy makes a job that finds the versions; they are kept with the version and go along with its runs", async () => {
  const { hash, lock_state } = await deploy("f/lock/one", { network: ["10.0.0.0/8:5432", "example.org"], min_sandbox_level: 2, memory_mb: 256 });
  expect(lock_state).toBe("pending");
  const bundle = await bundleOf("f/lock/one");
  expect(bundle).toMatchObject({ lock: "", code: expect.stringContaining("import pandas"), argsJson: "{}", requirements: { network: 0, minSandboxLevel: 2 } });
  const seen = await job(world, bundle.jobId);
  expect(seen).toMatchObject({ kind: "dependencies", script: "f/lock/one", hash, language: "python3" });
  // It is no run of the script.
  expect((await world.api<{ jobs: JobView[] }>("GET", "/jobs?script=f/lock/one")).body.jobs).toEqual([]);
  // A run that comes before the lock does not wait for it.
  const early = await run(world, { script: "f/lock/one" });
  const earlyBundle = await bundleOf("f/lock/one", Purpose.PURPOSE_UNSPECIFIED);
  expect(earlyBundle).toMatchObject({ jobId: early.id, lock: "" });
  answer(earlyBundle, 1);
  answer(bundle, { lock: "pandas==2.2.3\n" });
  expect(await untilState(hash, "ready")).toMatchObject({ lock: "pandas==2.2.3\n", lock_job: bundle.jobId });
  expect((await world.api<Deployed>("GET", "/scripts/by-path?path=f/lock/one")).body).toMatchObject({ lock_state: "ready", lock: "pandas==2.2.3\n" });
  const { id } = await run(world, { script: "f/lock/one" });
  const late = await bundleOf("f/lock/one", Purpose.PURPOSE_UNSPECIFIED);
  expect(late).toMatchObject({ jobId: id, lock: "pandas==2.2.3\n" });
  expect(late.requirements).toEqual({
    network: Network.NETWORK_ALLOW_LIST,
    allow: ["10.0.0.0/8:5432", "example.org"],
    minSandboxLevel: 2,
    memoryBytes: 256 * 1024 * 1024,
    cpuMillis: 0,
    dedicated: false,
  });
  answer(late, 1);
  // Other settings, same code: the versions stay.
  expect(await deploy("f/lock/one", { timeout_ms: 5000 })).toMatchObject({ created: true, lock_state: "ready" });
});

test("a lock that failed says why and is asked for again by the next deploy", async () => {
  const { hash } = await deploy("f/lock/fails");
  answer(await bundleOf("f/lock/fails"), { error: { name: "ResolveError", message: "no package named pandas" } }, ExitReason.EXIT_REASON_EXIT_CODE);
  const failed = await untilState(hash, "failed");
  expect(failed).toMatchObject({ lock_error: "no package named pandas" });
  expect(failed.lock).toBeUndefined();
  const again = await deploy("f/lock/fails");
  expect(again).toMatchObject({ hash, created: false, lock_state: "pending" });
  const second = await bundleOf("f/lock/fails");
  expect(second.jobId).not.toBe(failed.lock_job);
  answer(second, "no lock at all");
  expect(await untilState(hash, "failed")).toMatchObject({ lock_error: expect.stringContaining("did not answer with a lock"), lock_job: second.jobId });
  await deploy("f/lock/fails");
  answer(await bundleOf("f/lock/fails"), { lock: "" });
  expect(await untilState(hash, "ready")).toMatchObject({ lock: "" });
  // One that is ready stays.
  expect(await deploy("f/lock/fails")).toMatchObject({ created: false, lock_state: "ready" });
});

test("no job is made for a lock that was given, for code with standard modules only and for other languages", async () => {
  const given = await deploy("f/lock/given", { lock: "pandas==1.0\n" });
  expect(given).toMatchObject({ lock_state: "ready" });
  expect(await script(given.hash)).toMatchObject({ lock: "pandas==1.0\n" });
  const other = await deploy("f/lock/given", { lock: "pandas==2.0\n" });
  expect(other.hash).not.toBe(given.hash);
  expect(await deploy("f/lock/std", { content: "import json, os.path\ndef main(): ...\n" })).toMatchObject({ lock_state: "none" });
  expect(await deploy("f/lock/sh", { language: "bash", content: "echo 1" })).toMatchObject({ lock_state: "none" });
  expect(await deploy("f/lock/sql", { language: "postgresql", content: "SELECT 1" })).toMatchObject({ lock_state: "none" });
  const jobs = (await world.api<{ jobs: JobView[] }>("GET", "/jobs")).body.jobs;
  expect(jobs.filter(({ kind, script: path }) => kind === "dependencies" && /given|std|sh|sql/.test(path ?? ""))).toEqual([]);
});

test("inline code may ask for a place; a run of a script may not, and nonsense is refused", async () => {
  const code = { language: "python3", content: "def main(): ..." };
  const inline = await run(world, { code, network: "none", cpu_millis: 500, dedicated: true });
  expect(inline).toMatchObject({ network: "none", cpu_millis: 500, dedicated: true });
  await until("it is assigned", async () => agent.frames.some((frame) => frame.assign.some((bundle) => bundle.jobId === inline.id)));
  const bundle = agent.frames.flatMap((frame) => frame.assign).find((one) => one.jobId === inline.id);
  expect(bundle?.requirements).toMatchObject({ network: Network.NETWORK_NONE, cpuMillis: 500, dedicated: true });
  const refused = await world.api("POST", "/jobs", { script: "f/lock/one", network: "full" });
  expect(refused).toMatchObject({ status: 400, body: { errors: [{ pointer: "/network" }] } });
  for (const network of ["some", [], ["a b"], ["300.0.0.0/8"], ["10.0.0.0/33"], ["host:70000"]]) {
    expect(await world.api("POST", "/jobs", { code, network }), JSON.stringify(network)).toMatchObject({ status: 400 });
  }
});

test("a lock that is under way outlives a kill -9 of the control plane, whether its job was made or not", async () => {
  const made = await deploy("f/lock/made");
  const first = await bundleOf("f/lock/made");
  answered.add(first.token);
  // The state right after a version was stored, and nothing else: no job is known.
  const { hash } = await deploy("f/lock/stored", { tag: "nobody" });
  await until("its job is known", async () => (await script(hash)).lock_job !== undefined);
  const jobId = (await script(hash)).lock_job;
  await world.server.kill("SIGKILL");
  const { Client } = await import("pg");
  const client = new Client({ connectionString: world.databaseUrl });
  await client.connect();
  await client.query("UPDATE script_lock SET job_id = NULL WHERE hash = $1", [hash]);
  await client.end();
  agent.close();
  await world.startServer();
  agent = connect(["default", "nobody"]);
  const stored = await bundleOf("f/lock/stored");
  // Asked again, it is the same job.
  expect(stored.jobId).toBe(jobId);
  answer(stored, { lock: "a" });
  expect(await untilState(hash, "ready")).toMatchObject({ lock: "a" });
  expect((await job(world, first.jobId)).status).not.toBe("succeeded");
  // The agent does not hold the attempt any more: it gets another.
  const secondAttempt = await bundleOf("f/lock/made");
  answer(secondAttempt, { lock: "b" });
  await untilEnded(world, secondAttempt.jobId);
  expect(await untilState(made.hash, "ready")).toMatchObject({ lock: "b" });
});
