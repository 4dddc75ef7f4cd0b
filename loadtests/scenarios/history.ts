import { arrivalTimesMs } from "../load/arrivals.ts";
import { HttpClient } from "../load/http-client.ts";
import { Latencies, latencyFigures, round } from "../load/latencies.ts";
import { monotonicUs, untilUs } from "../load/monotonic.ts";
import { seededRandom, seedFor } from "../load/random.ts";
import { daysAgo, fillDay, readScripts, sampleIds } from "../world/history-store.ts";
import { runStage, type Times } from "../world/stage.ts";
import { World } from "../world/world.ts";
import { readSizes } from "../world/world-store.ts";
import { percentileChart } from "./charts.ts";
import type { Scenario, ScenarioContext } from "./scenario.ts";
import { noopJobs, poisson } from "./sources.ts";

const LARGE = "large";
const SMALL = "small";
const SCRIPTS = 10;
const DAYS = 5;
/** Yesterday's partition is there already; filled are the days before. */
const FIRST_DAY = 2;
const FAILED_ONE_IN = 50;
const READS_PER_S = 80;
const JOBS_PER_S = 100;

/** Reading a long history through the API, beside a little work. */
export const history: Scenario = {
  name: "history",
  summary: "10 million finished jobs: list, filter by script and by failure, get by id, through the API",
  takes: { short: "200,000 jobs, 40 s", long: "10 million jobs, about 10 minutes" },
  async run(context) {
    const { short, seed, scope } = context;
    const rows = short ? 200_000 : 10_000_000;
    const world = await World.start(scope, { seed });
    await world.workspaces([LARGE, SMALL]);
    const fillS = await fill(context, world, rows);
    const ids = await sampleIds(world.sql, LARGE, 2000);
    if (ids.length < 100) throw new Error(`the history gave only ${ids.length} ids to ask for`);
    const reads = new Map<string, Latencies>(KINDS.map((kind) => [kind, new Latencies()]));
    const errors: string[] = [];
    const stage = await runStage({
      world,
      agents: 4,
      slots: 16,
      warmUpMs: short ? 2000 : 10_000,
      measureMs: (context.seconds ?? (short ? 14 : 120)) * 1000,
      sources: (times) => [noopJobs(times, { workspace: SMALL, batch: 1, pace: poisson(JOBS_PER_S), seed: seedFor(seed, 1) })],
      during: (times) => readAlong(world, times, { ids, seed, reads, errors }),
    });
    const { historyBytes } = await readSizes(world.sql);
    return {
      figures: {
        history_finished_jobs: rows,
        history_fill_s: round(fillS),
        history_tables_bytes: historyBytes,
        ...Object.assign({}, ...KINDS.map((kind) => latencyFigures(`history_${kind}`, reads.get(kind) ?? new Latencies()))),
      },
      aims: KINDS.map((kind) => ({
        figure: `history_${kind}_p99_ms`,
        kind: "below" as const,
        limit: 30,
        words: `7: ${kind.replaceAll("_", " ")} p99 beside ${rows} finished jobs, ms`,
      })),
      charts: [
        percentileChart(
          "Reading the history through the API",
          Object.fromEntries(KINDS.map((kind) => [kind.replaceAll("_", " "), reads.get(kind) ?? new Latencies()])),
          { value: 30, label: "aim: 30 ms" },
        ),
      ],
      settings: {
        rows,
        days: DAYS,
        scripts: SCRIPTS,
        failed_one_in: FAILED_ONE_IN,
        share_of_the_workspace: "80 %",
        reads_per_s: READS_PER_S,
        read_arrivals: "poisson",
        jobs_per_s_beside: JOBS_PER_S,
        page: 50,
      },
      problems: [...stage.problems, ...(errors.length > 0 ? [`${errors.length} reads failed, the first with ${errors[0]}`] : [])],
      notes: ["Every read has its own random place in the history: pages begin at a random job, a get asks for a random one."],
    };
  },
};

async function fill(context: ScenarioContext, world: World, rows: number): Promise<number> {
  for (let at = 0; at < SCRIPTS; at++) {
    const answer = await world.api("POST", LARGE, "/scripts", JSON.stringify({ path: scriptPath(at), language: "noop", content: "" }));
    if (answer.status >= 300) throw new Error(`a script was refused: ${answer.text}`);
  }
  const large = (await readScripts(world.sql, LARGE)).filter(({ path }) => path.startsWith("f/history/"));
  const small = await readScripts(world.sql, SMALL);
  // The first one: asking for the failures of a script that has none is what people do most, and finds nothing to stop at.
  const healthyScript = large[0]?.scriptId ?? "0";
  const owners = [...large.map((script) => ({ ...script, weight: 4 })), ...small.map((script) => ({ ...script, weight: SCRIPTS }))];
  const begunMs = performance.now();
  for (let day = 0; day < DAYS; day++) {
    context.say(`filling day ${day + 1} of ${DAYS}: ${rows / DAYS} jobs …`);
    await fillDay(world.sql, { dayMs: daysAgo(FIRST_DAY + day, Date.now()), rows: rows / DAYS, owners, healthyScript, failedOneIn: FAILED_ONE_IN });
  }
  return (performance.now() - begunMs) / 1000;
}

const KINDS = [
  "list_newest",
  "list_page",
  "list_by_script",
  "list_by_failure",
  "list_by_script_and_failure",
  "list_failures_of_healthy_script",
  "get_by_id",
  "get_result",
] as const;
const HEALTHY = 0;
const scriptPath = (number: number): string => `f/history/script_${number}`;

type Kind = (typeof KINDS)[number];

function pathOf(kind: Kind, id: string, script: number): string {
  const path = `script=${encodeURIComponent(scriptPath(script))}`;
  switch (kind) {
    case "list_newest":
      return "/jobs";
    case "list_page":
      return `/jobs?cursor=${id}`;
    case "list_by_script":
      return `/jobs?${path}&cursor=${id}`;
    case "list_by_failure":
      return `/jobs?status=failed&cursor=${id}`;
    case "list_by_script_and_failure":
      return `/jobs?status=failed&${path}&cursor=${id}`;
    case "list_failures_of_healthy_script":
      return `/jobs?status=failed&script=${encodeURIComponent(scriptPath(HEALTHY))}&cursor=${id}`;
    case "get_by_id":
      return `/jobs/${id}`;
    case "get_result":
      return `/jobs/${id}/result`;
  }
}

/** Open loop, from this process, which has nothing else to do. */
async function readAlong(
  world: World,
  { startUs, fromUs, toUs }: Times,
  run: { ids: readonly string[]; seed: number; reads: Map<string, Latencies>; errors: string[] },
): Promise<void> {
  const client = new HttpClient(world.token, 16);
  const random = seededRandom(seedFor(run.seed, 2));
  const open = new Set<Promise<void>>();
  let turn = 0;
  for (const ms of arrivalTimesMs({ kind: "poisson", perS: READS_PER_S }, (toUs - startUs) / 1000, seededRandom(seedFor(run.seed, 3)))) {
    const dueUs = startUs + ms * 1000;
    await untilUs(dueUs);
    const kind = KINDS[turn++ % KINDS.length] ?? "get_by_id";
    const path = pathOf(kind, run.ids[Math.floor(random() * run.ids.length)] ?? "", HEALTHY + 1 + Math.floor(random() * (SCRIPTS - 1)));
    const read = client.send("GET", world.bases[0] ?? "", `/api/v1/w/${LARGE}${path}`).then(
      ({ status, text }) => {
        if (status !== 200) run.errors.push(`${kind}: ${status} ${text.slice(0, 200)}`);
        else if (dueUs >= fromUs) run.reads.get(kind)?.recordUs(monotonicUs() - dueUs);
      },
      (error: unknown) => void run.errors.push(`${kind}: ${String(error)}`),
    );
    open.add(read);
    void read.finally(() => open.delete(read));
  }
  await Promise.all(open);
  client.close();
}
