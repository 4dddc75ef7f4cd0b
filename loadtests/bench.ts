import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { build } from "hdr-histogram-js";
import { type BenchWorld, cpuSeconds, machine, startBenchWorld, until } from "./bench-world.ts";

/**
 * `npm run bench`: idle dispatch latency (HTTP request → process start, Bash in the sandbox) and sustained full-lifecycle
 * throughput (authenticated HTTP batches → pick → gRPC agent → history) with the in-process no-op runtime, with WAL and
 * commits per job from Postgres' own counters. Everything runs on this machine: generator, control plane, agents, Postgres.
 */
const { values: options } = parseArgs({
  options: {
    short: { type: "boolean", default: false },
    json: { type: "string" },
    seconds: { type: "string" },
    agents: { type: "string", default: "8" },
    slots: { type: "string", default: "64" },
  },
});
const seconds = Number(options.seconds ?? (options.short ? "10" : "60"));
const latencyRuns = options.short ? 100 : 400;
const BATCH = 250;
const MAX_WAITING = 4000;

type Figures = Record<string, number>;

const world = await startBenchWorld();
try {
  const figures: Figures = { ...(await dispatchLatency(world)), ...(await sustained(world)) };
  print(figures);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ machine: machine(), figures }, null, 2)}\n`);
} finally {
  await world.close();
}

/**
 * Dispatch latency twice: with nothing else going on, and beside a trickle of a hundred no-op jobs a second. On a virtual
 * machine the first one is mostly the price of waking processors that sleep (one durable commit: 0.26 ms awake, 1.3 ms
 * after 40 ms of rest on the machine that this was written on), the second one is what our own code and Postgres take.
 */
async function dispatchLatency(on: BenchWorld): Promise<Figures> {
  const agents = await on.startAgents(1, 8, { MILLRACE_AGENT_RUNTIMES: "noop" });
  const idle = await oneAtATime(on, "idle");
  const noop = JSON.stringify({ code: { language: "noop", content: "" } });
  const trickle = setInterval(() => void on.post("/jobs", noop).catch(() => undefined), 10);
  const awake = await oneAtATime(on, "awake");
  clearInterval(trickle);
  agents.kill("SIGTERM");
  await new Promise((resolve) => agents.once("exit", resolve));
  return { ...idle, ...awake };
}

/**
 * One Bash job at a time, with pauses of 25 to 55 ms so that requests do not fall in step with any timer. The script says when
 * its own first instruction ran; the agent says when the script's program began. All clocks are this machine's.
 */
async function oneAtATime(on: BenchWorld, name: string): Promise<Figures> {
  process.stderr.write(`${name} latency: ${latencyRuns} Bash jobs, one at a time …\n`);
  const body = JSON.stringify({ code: { language: "bash", content: "echo $EPOCHREALTIME" } });
  const sentAt = new Map<string, number>();
  const acknowledged = build();
  for (let at = -30; at < latencyRuns; at++) {
    const sentUs = nowUs();
    const { id } = JSON.parse(await on.post("/jobs", body)) as { id: string };
    if (at >= 0) {
      acknowledged.recordValue(Math.round(nowUs() - sentUs));
      sentAt.set(id, sentUs);
    }
    await until(async () => (await on.sql.query("SELECT 1 FROM job_done WHERE id = $1", [id])).rowCount === 1);
    await new Promise((resolve) => setTimeout(resolve, 5 + (((at + 30) * 7) % 30)));
  }
  const { rows } = await on.sql.query<{ id: string; started_us: string; outcome: number; result: string }>(
    "SELECT id::text, (extract(epoch FROM started_at) * 1000000)::bigint AS started_us, outcome, result FROM job_done WHERE started_at IS NOT NULL",
  );
  const [started, instruction] = [build(), build()];
  let failed = 0;
  for (const row of rows) {
    const sentUs = sentAt.get(row.id);
    if (sentUs === undefined) continue;
    if (row.outcome !== 0) failed += 1;
    started.recordValue(Math.max(0, Math.round(Number(row.started_us) - sentUs)));
    instruction.recordValue(Math.max(0, Math.round(Number(row.result) * 1_000_000 - sentUs)));
  }
  return {
    [`${name}_request_to_acknowledged_p50_ms`]: acknowledged.getValueAtPercentile(50) / 1000,
    [`${name}_request_to_acknowledged_p99_ms`]: acknowledged.getValueAtPercentile(99) / 1000,
    [`${name}_request_to_process_start_p50_ms`]: started.getValueAtPercentile(50) / 1000,
    [`${name}_request_to_process_start_p99_ms`]: started.getValueAtPercentile(99) / 1000,
    [`${name}_request_to_first_instruction_p50_ms`]: instruction.getValueAtPercentile(50) / 1000,
    [`${name}_request_to_first_instruction_p99_ms`]: instruction.getValueAtPercentile(99) / 1000,
    [`${name}_jobs`]: started.totalCount,
    [`${name}_failed_jobs`]: failed,
  };
}

/** Microseconds since the epoch. */
function nowUs(): number {
  return (performance.timeOrigin + performance.now()) * 1000;
}

/** As many jobs as the system takes, for the given time, held back when too many wait: then nothing builds up, and what is counted has ended. */
async function sustained(on: BenchWorld): Promise<Figures> {
  const [agentCount, slots] = [Number(options.agents), Number(options.slots)];
  process.stderr.write(`sustained lifecycle: ${seconds} s, ${agentCount} agents × ${slots} slots …\n`);
  await on.startAgents(agentCount, slots, { MILLRACE_AGENT_RUNTIMES: "noop" });
  const deployed = await on.api("POST", "/scripts", JSON.stringify({ path: "f/bench/noop", language: "noop", content: "" }));
  if (!deployed.ok) throw new Error(`the no-op script was refused: ${await deployed.text()}`);
  const body = JSON.stringify({ script: "f/bench/noop", jobs: Array.from({ length: BATCH }, (_, at) => ({ args: { value: at } })) });
  let waiting = 0;
  let running = true;
  const watch = (async () => {
    while (running) {
      waiting = await on.metric("millrace_jobs_waiting");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  let accepted = 0;
  const endedBefore = await on.metric("millrace_jobs_ended_total");
  const generator = async (): Promise<void> => {
    while (running) {
      if (waiting > MAX_WAITING) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        continue;
      }
      const response = await on.api("POST", "/jobs/batch", body);
      if (response.status === 503) await new Promise((resolve) => setTimeout(resolve, 50));
      else if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
      else accepted += BATCH;
      await response.arrayBuffer().catch(() => undefined);
    }
  };
  const workers = Array.from({ length: 8 }, generator);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const before = await counters(on);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const after = await counters(on);
  running = false;
  await Promise.all([...workers, watch]);
  await until(async () => (await on.metric("millrace_jobs_ended_total")) >= endedBefore + accepted);
  const jobs = after.ended - before.ended;
  const took = (after.atMs - before.atMs) / 1000;
  return {
    sustained_jobs_per_s: Math.round(jobs / took),
    sustained_seconds: Math.round(took),
    sustained_jobs: jobs,
    wal_bytes_per_job: Math.round((after.wal - before.wal) / jobs),
    commits_per_job: Number(((after.commits - before.commits) / jobs).toFixed(4)),
    control_plane_cores: Number(((after.cpu - before.cpu) / took).toFixed(2)),
    lost_or_open_jobs: await open(on),
  };
}

async function counters(on: BenchWorld): Promise<{ ended: number; wal: number; commits: number; cpu: number; atMs: number }> {
  const ended = await on.metric("millrace_jobs_ended_total");
  const { rows } = await on.sql.query<{ wal: string; commits: string }>(
    "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::text AS wal, xact_commit::text AS commits FROM pg_stat_database WHERE datname = current_database()",
  );
  return { ended, wal: Number(rows[0]?.wal), commits: Number(rows[0]?.commits), cpu: cpuSeconds(on.processes.server.pid), atMs: performance.now() };
}

async function open(on: BenchWorld): Promise<number> {
  const { rows } = await on.sql.query<{ count: number }>("SELECT ((SELECT count(*) FROM job_pending) + (SELECT count(*) FROM job_running))::int AS count");
  return rows[0]?.count ?? -1;
}

function print(figures: Figures): void {
  const width = Math.max(...Object.keys(figures).map((name) => name.length));
  for (const [name, value] of Object.entries(figures)) process.stdout.write(`${name.padEnd(width)}  ${value}\n`);
  process.stdout.write(`${JSON.stringify(machine())}\n`);
}
