import type { Clock } from "../../kernel/clock.ts";
import type { ScheduleMetrics } from "../telemetry/schedule-metrics.ts";
import { sliced } from "./chunks.ts";
import { hasHandlers, isWatched, type Occupancy, type PlannedRun, type RunRecord, type StartOutcome } from "./model.ts";
import { judgeOverlap } from "./overlap-core.ts";
import type { RunEndings } from "./run-endings.ts";
import { labelOf, runKey } from "./run-names.ts";
import type { TickJobs } from "./tick-jobs.ts";
import { keyOf, type TickTables } from "./tick-tables.ts";

export interface StarterDeps {
  readonly tables: TickTables;
  readonly jobs: TickJobs;
  readonly endings: RunEndings;
  readonly clock: Clock;
  readonly metrics: ScheduleMetrics;
}

/** Jobs that are handed over together: they are judged and committed in one go. */
const CHUNK = 50;

/**
 * Starts runs that are recorded as to be started: judges overlaps, hands jobs over, records what became of them. It may end anywhere: what is
 * left is found by its row, and done again under the same key.
 */
export class RunStarter {
  readonly #deps: StarterDeps;

  constructor(deps: StarterDeps) {
    this.#deps = deps;
  }

  /**
   * @param busy what earlier runs do; where it is not said the tables are asked
   * @param gaveUp what cannot be started now is given up for good
   * Errors: of the tables; then nothing is known of the runs.
   */
  async start(runs: readonly PlannedRun[], busy?: ReadonlyMap<string, Occupancy>, gaveUp: (run: PlannedRun) => boolean = () => false): Promise<void> {
    const going = await this.#judge(runs, busy);
    const chunks = [...Map.groupBy(going, ({ workspace }) => workspace).values()].flatMap((those) => [...sliced(those, CHUNK)]);
    await Promise.all(chunks.map((chunk) => this.#startChunk(chunk, gaveUp)));
  }

  /** Those whose turn it is; of the others it is recorded what they do. */
  async #judge(runs: readonly PlannedRun[], known: ReadonlyMap<string, Occupancy> | undefined): Promise<PlannedRun[]> {
    const { tables, metrics } = this.#deps;
    const asks = ({ askedBy, work }: PlannedRun): boolean => askedBy === undefined && work.overlap !== "parallel";
    const going = runs.filter((run) => !asks(run));
    const bySchedule = Map.groupBy(runs.filter(asks), keyOf);
    if (bySchedule.size === 0) return going;
    const firsts = [...bySchedule.values()].map((those) => those.toSorted((a, b) => a.dueMs - b.dueMs));
    const occupancy = known ?? (await tables.occupancy(firsts.flatMap(([first]) => first ?? [])));
    const records: RunRecord[] = [];
    for (const those of firsts) {
      const [first] = those;
      if (first === undefined) continue;
      const busy = occupancy.get(keyOf(first)) ?? { isBusy: false, waiting: 0 };
      const verdicts = judgeOverlap(
        first.work.overlap,
        busy,
        those.map(({ dueMs }) => dueMs),
      );
      those.forEach((run, at) => {
        const what = verdicts[at]?.what ?? "skip";
        if (what === "start") going.push(run);
        else if (what === "wait") records.push({ run, state: "waiting", todo: "wait" });
        else records.push({ run, state: "skipped", note: run.work.overlap === "queue" ? "too many runs wait" : "the run before has not ended" });
      });
    }
    if (records.length > 0) await tables.record(records);
    for (const { state } of records) metrics.ticked(state === "waiting" ? "waiting" : "skipped");
    return going;
  }

  async #startChunk(runs: readonly PlannedRun[], gaveUp: (run: PlannedRun) => boolean): Promise<void> {
    const { tables, jobs, endings, clock, metrics } = this.#deps;
    const [first] = runs;
    if (first === undefined) return;
    const wanted = runs.map((run) => ({ ...run.work, key: runKey(run), createdBy: run.askedBy ?? labelOf(run.work) }));
    const outcomes = await jobs.start(first.workspace, wanted);
    const nowMs = clock.wallMs();
    const records: RunRecord[] = [];
    runs.forEach((run, at) => {
      const outcome = outcomes[at] ?? { kind: "unknown", message: "" };
      const record = recordOf(run, outcome, gaveUp(run));
      if (record === undefined) return;
      records.push(record);
      metrics.ticked(record.state === "started" ? "started" : "failed");
      if (record.state === "started" && run.askedBy === undefined) metrics.drifted(nowMs - run.dueMs);
    });
    if (records.length > 0) await tables.record(records);
    const byDue = new Map(runs.map((run) => [runKey(run), run]));
    for (const { run, job, note, todo } of records) {
      const planned = byDue.get(runKey(run));
      if (planned !== undefined && todo === "watch") endings.watch(planned, job, note);
    }
  }
}

/** Undefined: it stays as it is, and is tried again. */
function recordOf(run: PlannedRun, outcome: StartOutcome, isGivenUp: boolean): RunRecord | undefined {
  if (outcome.kind === "started") return { run, state: "started", job: outcome.job, todo: isWatched(run) ? "watch" : undefined };
  if (outcome.kind === "unknown" && !isGivenUp) return undefined;
  const isCounted = run.askedBy === undefined && hasHandlers(run.work.handlers);
  return { run, state: "failed", note: outcome.message.slice(0, 1000), todo: isCounted ? "watch" : undefined };
}
