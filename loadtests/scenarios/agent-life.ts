import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Footprint, footprintOf } from "../agents/footprint.ts";
import { round } from "../load/latencies.ts";
import { pause } from "../load/monotonic.ts";
import { seededRandom, seedFor } from "../load/random.ts";
import type { Chart, Figures } from "../result/model.ts";
import { until } from "../world/processes.ts";
import { World } from "../world/world.ts";
import type { Scenario } from "./scenario.ts";

const WORKSPACE = "load";
const SLOTS = 6;
/** Requests at the same time: the slots are never idle, and some jobs wait. */
const CLIENTS = 10;
/** After the last job of a round: folders are removed, sandboxes made anew, results acknowledged. */
const SETTLE_MS = 5000;

interface Kind {
  readonly name: string;
  /** Of all shares together. */
  readonly share: number;
  /** @param job its number: the code of some is never the same */
  readonly body: (job: number) => object;
  readonly reason: string;
}

const kind = (name: string, share: number, language: string, content: string | ((job: number) => string), reason = "succeeded", more: object = {}): Kind => ({
  name,
  share,
  reason,
  body: (job) => ({ code: { language, content: typeof content === "string" ? content : content(job) }, ...more }),
});

/** The end of a job that is cancelled while it runs. */
const CANCELLED = "cancelled";

/** What agents see in a month: most jobs are short and end well, some fail in every way there is. */
const KINDS: readonly Kind[] = [
  kind("bash", 40, "bash", "echo hello\n"),
  kind("python", 17, "python3", "def main():\n    return list(range(10))\n"),
  kind("typescript", 8, "typescript", "export function main(): number[] {\n  return [1, 2, 3];\n}\n"),
  kind("fails", 10, "bash", "exit 3\n", "exit_code"),
  kind("raises", 6, "python3", "def main():\n    raise ValueError('no')\n", "exit_code"),
  kind("prints", 5, "bash", "head -c 200000 /dev/zero | tr '\\0' x | fold -w 100\n"),
  kind("large result", 3, "python3", "def main():\n    return 'x' * 300000\n"),
  kind("leaves a process", 4, "bash", "setsid sleep 300 &\necho left\n"),
  kind("fills its disk", 2, "bash", 'head -c 20000000 /dev/zero > "$TMPDIR/fill"\necho full\n'),
  kind("killed", 2, "bash", "kill -9 $$\n", "signal"),
  kind("too slow", 2, "bash", "trap '' TERM\nwhile :; do sleep 300; done\n", "timeout", { timeout_ms: 300, soft_timeout_ms: 100 }),
  kind("does not parse", 1, "bash", "fi\n", "syntax_error"),
  // What the agent keeps by the hash of the code must be bounded.
  kind("new script", 6, "typescript", (job) => `export function main(): number {\n  return ${job};\n}\n`),
  kind("dedicated", 3, "python3", "def main():\n    return 1\n", "succeeded", { dedicated: true }),
  kind("query", 3, "sqlite", "select 1 as one"),
  kind("cancelled", 3, "bash", "sleep 300\n", CANCELLED),
];

/** An agent lives for months in somebody else's network: what it holds must not grow with the jobs that it has run. */
export const agentLife: Scenario = {
  name: "agent-life",
  summary: "100,000 mixed jobs on one real agent: memory, descriptors, files and processes it holds when it is idle, over time",
  takes: { short: "1,200 jobs, a minute and a half", long: "100,000 jobs, about an hour" },
  async run(context) {
    const { short, seed, scope, say } = context;
    const [rounds, jobs] = short ? [6, 200] : [50, 2000];
    const world = await World.start(scope, { seed });
    await world.workspaces([WORKSPACE]);
    const agent = await world.realAgents(1, SLOTS, { noop: false });
    const folders = agentFolders(agent.pid, world.folder);
    const pick = picker(seedFor(seed, 1));
    const problems: string[] = [];
    const seen: Footprint[] = [];
    for (let number = 0; number < rounds; number++) {
      say(`round ${number + 1} of ${rounds} …`);
      await runRound(world, { first: number * jobs, jobs }, pick, problems);
      await pause(SETTLE_MS);
      seen.push(footprintOf(agent.pid, folders));
    }
    return {
      figures: { agent_life_jobs: rounds * jobs, ...growth(seen) },
      aims: [
        { figure: "agent_life_memory_growth_ratio", kind: "at most", limit: 1.1, words: "4.8: memory of an idle agent, last fifth against second" },
        { figure: "agent_life_descriptors_more_count", kind: "at most", limit: 2, words: "4.8: descriptors more at the end" },
        { figure: "agent_life_processes_more_count", kind: "at most", limit: 1, words: "4.8: processes more at the end" },
        { figure: "agent_life_groups_more_count", kind: "at most", limit: 8, words: "4.8: control groups more at the end" },
        { figure: "agent_life_files_more_count", kind: "at most", limit: 5, words: "4.8: files more at the end" },
      ],
      charts: charts(seen, jobs),
      settings: {
        jobs: rounds * jobs,
        rounds,
        slots: SLOTS,
        requests_at_a_time: CLIENTS,
        kinds: KINDS.map(({ name, share }) => `${name} ${share} %`).join(", "),
      },
      problems: problems.slice(0, 20),
    };
  },
};

/** Where it keeps things. */
function agentFolders(pid: number, folder: string): string[] {
  const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  const data = environment.find((entry) => entry.startsWith("MILLRACE_AGENT_DATA_DIR="))?.split("=")[1];
  // The first of the agents in that process.
  return [join(data ?? folder, "0")];
}

function picker(seed: number): () => Kind {
  const random = seededRandom(seed);
  const all = KINDS.reduce((sum, { share }) => sum + share, 0);
  return () => {
    let left = random() * all;
    const found = KINDS.find(({ share }) => {
      left -= share;
      return left < 0;
    });
    const [first] = KINDS;
    if (found === undefined && first === undefined) throw new Error("there are no kinds");
    return (found ?? first) as Kind;
  };
}

/** Runs so many jobs to their ends, each of which must be the one that its kind has. */
async function runRound(world: World, { first, jobs }: { first: number; jobs: number }, pick: () => Kind, problems: string[]): Promise<void> {
  let next = first;
  const client = async (): Promise<void> => {
    while (next < first + jobs) {
      const { name, body, reason } = pick();
      const text = JSON.stringify(body(next++));
      const answer = reason === CANCELLED ? await runAndCancel(world, text) : await world.api("POST", WORKSPACE, "/jobs?wait=50", text);
      const job = answer.status === 200 ? (JSON.parse(answer.text) as JobEnd) : {};
      if (job.exit?.reason !== reason) problems.push(`${name}: ${answer.status} ${answer.text.slice(0, 300)}`);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

interface JobEnd {
  readonly id?: string;
  readonly status?: string;
  readonly exit?: { readonly reason: string };
}

/** Cancels a job when its process runs. @returns the answer about its end */
async function runAndCancel(world: World, body: string): ReturnType<World["api"]> {
  const { id = "" } = JSON.parse((await world.api("POST", WORKSPACE, "/jobs", body)).text) as JobEnd;
  const look = (): ReturnType<World["api"]> => world.api("GET", WORKSPACE, `/jobs/${id}`);
  const statusOf = async (): Promise<string | undefined> => (JSON.parse((await look()).text) as JobEnd).status;
  await until("the job runs", async () => (await statusOf()) === "running");
  await world.api("POST", WORKSPACE, `/jobs/${id}/cancel`, "{}");
  await until("it has ended", async () => (await statusOf()) === "cancelled");
  return await look();
}

function growth(seen: readonly Footprint[]): Figures {
  const fifth = Math.max(1, Math.floor(seen.length / 5));
  // The first rounds compile the code and fill the caches.
  const [early, late] = [seen.slice(fifth, 2 * fifth), seen.slice(-fifth)];
  const median = (of: readonly Footprint[], pick: (one: Footprint) => number): number => of.map(pick).sort((a, b) => a - b)[of.length >> 1] ?? Number.NaN;
  const more = (pick: (one: Footprint) => number): number => median(late, pick) - median(early, pick);
  return {
    agent_life_memory_bytes: round(median(late, (one) => one.rssMb)) * 2 ** 20,
    agent_life_memory_growth_ratio: round(median(late, (one) => one.rssMb) / median(early, (one) => one.rssMb)),
    agent_life_descriptors_count: median(late, (one) => one.descriptors),
    agent_life_descriptors_more_count: more((one) => one.descriptors),
    agent_life_threads_more_count: more((one) => one.threads),
    agent_life_processes_count: median(late, (one) => one.processes),
    agent_life_processes_more_count: more((one) => one.processes),
    agent_life_zombies_count: Math.max(...seen.map((one) => one.zombies)),
    agent_life_groups_count: median(late, (one) => one.groups),
    agent_life_groups_more_count: more((one) => one.groups),
    agent_life_files_count: median(late, (one) => one.files),
    agent_life_files_more_count: more((one) => one.files),
    agent_life_mounts_more_count: more((one) => one.mounts),
  };
}

function charts(seen: readonly Footprint[], jobs: number): Chart[] {
  const line = (name: string, pick: (one: Footprint) => number) => ({ name, points: seen.map((one, at) => [(at + 1) * jobs, pick(one)] as const) });
  return [
    { kind: "time", title: "Memory of the idle agent", xTitle: "jobs run", yTitle: "resident memory (MB)", lines: [line("memory", (one) => one.rssMb)] },
    {
      kind: "time",
      title: "What the idle agent holds",
      xTitle: "jobs run",
      yTitle: "count",
      lines: [line("descriptors", (one) => one.descriptors), line("processes", (one) => one.processes), line("files", (one) => one.files)],
    },
  ];
}
