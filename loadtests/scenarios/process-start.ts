import { Latencies, latencyFigures } from "../load/latencies.ts";
import { pause, wallUs } from "../load/monotonic.ts";
import type { Figures } from "../result/model.ts";
import { until } from "../world/processes.ts";
import type { World } from "../world/world.ts";
import { readStarts } from "../world/world-store.ts";

/** Of a new agent process. Its code is not compiled yet: what they take says nothing about one that has been up for a day. */
const COLD_JOBS = 100;
/** Longer than a start takes. Our own look at the database must not stand between a request and its start. */
const LOOK_AFTER_MS = 30;
const BODY = JSON.stringify({ code: { language: "bash", content: "echo $EPOCHREALTIME" } });

export interface ProcessStart {
  readonly cold: Latencies;
  readonly latencies: Latencies;
  readonly firstInstruction: Latencies;
  readonly problems: string[];
  readonly figures: Figures;
}

interface Job {
  readonly id: string;
  readonly sentUs: number;
  /** The script's own clock at its first instruction; NaN when it did not succeed. */
  readonly instructionUs: number;
}

/**
 * Bash jobs, one at a time, in the sandbox of the agent program: `warmUp` of them, then `jobs` that count. The agent says when the
 * script's program began, the script when its own first instruction ran. Both are wall clock of this machine, and so is the moment of
 * the request.
 */
export async function measureProcessStart(world: World, workspace: string, { warmUp, jobs }: { warmUp: number; jobs: number }): Promise<ProcessStart> {
  const agent = await world.realAgents(1, 8, { noop: false });
  const ran: Job[] = [];
  for (let at = 0; at < warmUp + jobs; at++) {
    ran.push(await runBash(world, workspace));
    // Between 25 and 55 ms, so that requests do not fall in step with any timer.
    await pause(25 + ((at * 7) % 30));
  }
  const starts = new Map((await readStarts(world.sql)).map((row) => [row.id, row]));
  await agent.stop("SIGTERM");
  const took = ran.map(({ id, sentUs }) => (starts.get(id)?.startedUs ?? Number.NaN) - sentUs);
  const [missing, failed] = [ran.filter(({ id }) => !starts.has(id)).length, ran.filter(({ id }) => starts.get(id)?.succeeded === false).length];
  const { cold, warm } = coldAndWarm(took, warmUp);
  const { warm: firstInstruction } = coldAndWarm(
    ran.map(({ instructionUs, sentUs }) => instructionUs - sentUs),
    warmUp,
  );
  const problems = [
    ...(missing > 0 ? [`${missing} Bash jobs have no start in the history`] : []),
    ...(failed > 0 ? [`${failed} Bash jobs did not succeed`] : []),
  ];
  const figures = {
    ...latencyFigures("idle_request_to_process_start", warm),
    ...latencyFigures("idle_request_to_first_instruction", firstInstruction),
    ...latencyFigures("idle_cold_request_to_process_start", cold),
  };
  return { cold, latencies: warm, firstInstruction, problems, figures };
}

/** Of latencies in the order of the jobs: the first ones after connecting, none of which count, and those after the warm-up. NaN is a job that has none. */
export function coldAndWarm(tookUs: readonly number[], warmUp: number): { cold: Latencies; warm: Latencies } {
  const known = (part: readonly number[]): Latencies => Latencies.of(part.filter((us) => !Number.isNaN(us)));
  return { cold: known(tookUs.slice(0, Math.min(COLD_JOBS, warmUp))), warm: known(tookUs.slice(warmUp)) };
}

async function runBash(world: World, workspace: string): Promise<Job> {
  const sentUs = wallUs();
  const answer = await world.api("POST", workspace, "/jobs", BODY);
  if (answer.status !== 201) throw new Error(`a job was refused: ${answer.status} ${answer.text}`);
  await pause(LOOK_AFTER_MS);
  const { id } = JSON.parse(answer.text) as { id: string };
  let instructionUs = Number.NaN;
  await until("the job has ended", async () => {
    const found = await world.sql.query<{ result: string }>("SELECT result FROM job_done WHERE id = $1", [id]);
    instructionUs = Number(found.rows[0]?.result || Number.NaN) * 1_000_000;
    return found.rowCount === 1;
  });
  return { id, sentUs, instructionUs };
}
