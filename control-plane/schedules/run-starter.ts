import type { Clock } from "../../kernel/clock.ts";
import { nextTurn } from "../../kernel/slices.ts";
import type { NewJob } from "../jobs/model.ts";
import type { ScheduleMetrics } from "../telemetry/schedule-metrics.ts";
import { allDone, sliced } from "./chunks.ts";
import { hasHandlers, isWatched, type Occupancy, type PlannedRun, type RunRecord, type RunRef, type StartOutcome } from "./model.ts";
import { judgeOverlap } from "./overlap-core.ts";
import type { RunEndings } from "./run-endings.ts";
import { labelOf, runKey } from "./run-names.ts";
import type { TickJobs, WantedJob } from "./tick-jobs.ts";
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
const NOTHING_KNOWN: ReadonlyMap<string, Occupancy> = new Map();

/**
 * Starts runs that are recorded as to be started: judges overlaps, hands jobs over, records what became of them. It may end anywhere: what is
 * left is found by its row, and done again under the same key.
 */
export class RunStarter {
  readonly #deps: StarterDeps;
  /** Runs that are being started, or are about to be, with their jobs when these are made. */
  readonly #atHand = new Map<string, NewJob | undefined>();

  constructor(deps: StarterDeps) {
    this.#deps = deps;
  }

  /** Whether a run is this replica's to start at the moment: nobody here takes it for one that was left. */
  isAtHand(run: RunRef): boolean {
    return this.#atHand.has(runKey(run));
  }

  /** Makes the jobs of runs that `start` is called with soon. One that cannot be made now is made then. Never rejects. */
  async prepare(runs: readonly PlannedRun[]): Promise<void> {
    for (const run of runs) this.#atHand.set(runKey(run), undefined);
    for (const chunk of inChunks(runs)) {
      const [first] = chunk;
      if (first === undefined) continue;
      const made = await this.#deps.jobs.make(first.workspace, chunk.map(wantedOf)).catch(() => []);
      chunk.forEach((run, at) => {
        const key = runKey(run);
        if (this.#atHand.has(key)) this.#atHand.set(key, made[at]);
      });
      await nextTurn();
    }
  }

  /**
   * @param known what earlier runs do; where it is not said the tables are asked
   * @param gaveUp what cannot be started now is given up for good
   * Errors: of the tables; then nothing is known of the runs.
   */
  async start(
    runs: readonly PlannedRun[],
    known: ReadonlyMap<string, Occupancy> = NOTHING_KNOWN,
    gaveUp: (run: PlannedRun) => boolean = () => false,
  ): Promise<void> {
    for (const run of runs) if (!this.isAtHand(run)) this.#atHand.set(runKey(run), undefined);
    const isTold = (run: PlannedRun): boolean => !asks(run) || known.has(keyOf(run));
    try {
      // Those that the tables are asked about keep no others waiting.
      await allDone([
        this.#startJudged(runs.filter(isTold), known, gaveUp),
        this.#startAsked(
          runs.filter((run) => !isTold(run)),
          gaveUp,
        ),
      ]);
    } finally {
      for (const run of runs) this.#atHand.delete(runKey(run));
    }
  }

  async #startAsked(runs: readonly PlannedRun[], gaveUp: (run: PlannedRun) => boolean): Promise<void> {
    if (runs.length === 0) return;
    const firsts = [...Map.groupBy(runs, keyOf).values()].flatMap((those) => inOrder(those)[0] ?? []);
    await this.#startJudged(runs, await this.#deps.tables.occupancy(firsts), gaveUp);
  }

  async #startJudged(runs: readonly PlannedRun[], occupancy: ReadonlyMap<string, Occupancy>, gaveUp: (run: PlannedRun) => boolean): Promise<void> {
    const { tables, metrics } = this.#deps;
    const { going, records } = judge(runs, occupancy);
    if (records.length > 0) await tables.record(records);
    for (const { state } of records) metrics.ticked(state === "waiting" ? "waiting" : "skipped");
    const starting: Promise<void>[] = [];
    for (const chunk of inChunks(going)) {
      // The first jobs are on their way to the database while the next ones are looked at.
      if (starting.length > 0) await nextTurn();
      const started = this.#startChunk(chunk, gaveUp);
      // Its failure is told below.
      started.catch(() => undefined);
      starting.push(started);
    }
    const begun = new Set(going);
    await allDone([...starting, this.#advance(runs.filter((run) => run.work.overlap === "queue" && !begun.has(run)))]);
  }

  /** The run before may have ended while these were recorded and not judged yet: whoever waited was not let go then. */
  async #advance(behind: readonly PlannedRun[]): Promise<void> {
    for (const schedule of new Map(behind.map((run) => [keyOf(run), run])).values()) await this.#deps.endings.advance(schedule);
  }

  async #startChunk(runs: readonly PlannedRun[], gaveUp: (run: PlannedRun) => boolean): Promise<void> {
    const { tables, jobs, endings, clock, metrics } = this.#deps;
    const [first] = runs;
    if (first === undefined) return;
    const outcomes = await jobs.start(
      first.workspace,
      runs.map((run) => ({ ...wantedOf(run), made: this.#atHand.get(runKey(run)) })),
    );
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

const wantedOf = (run: PlannedRun): WantedJob => ({ ...run.work, key: runKey(run), createdBy: run.askedBy ?? labelOf(run.work), isNew: run.isNew });

/** Whether what earlier runs do matters to it. */
const asks = ({ askedBy, work }: PlannedRun): boolean => askedBy === undefined && work.overlap !== "parallel";

const inOrder = (runs: readonly PlannedRun[]): PlannedRun[] => runs.toSorted((a, b) => a.dueMs - b.dueMs);

function* inChunks(runs: readonly PlannedRun[]): Generator<readonly PlannedRun[]> {
  for (const those of Map.groupBy(runs, ({ workspace }) => workspace).values()) yield* sliced(those, CHUNK);
}

/** Those whose turn it is, and what is to be recorded of the others. */
function judge(runs: readonly PlannedRun[], occupancy: ReadonlyMap<string, Occupancy>): { readonly going: PlannedRun[]; readonly records: RunRecord[] } {
  const going = runs.filter((run) => !asks(run));
  const records: RunRecord[] = [];
  for (const [schedule, those] of Map.groupBy(runs.filter(asks), keyOf)) {
    const ordered = inOrder(those);
    const verdicts = judgeOverlap(
      ordered[0]?.work.overlap ?? "skip",
      occupancy.get(schedule) ?? { isBusy: false, waiting: 0 },
      ordered.map(({ dueMs }) => dueMs),
    );
    ordered.forEach((run, at) => {
      const what = verdicts[at]?.what ?? "skip";
      if (what === "start") going.push(run);
      else if (what === "wait") records.push({ run, state: "waiting", todo: "wait" });
      else records.push({ run, state: "skipped", note: run.work.overlap === "queue" ? "too many runs wait" : "the run before has not ended" });
    });
  }
  return { going, records };
}

/** Undefined: it stays as it is, and is tried again. */
function recordOf(run: PlannedRun, outcome: StartOutcome, isGivenUp: boolean): RunRecord | undefined {
  if (outcome.kind === "started") return { run, state: "started", job: outcome.job, todo: isWatched(run) ? "watch" : undefined };
  if (outcome.kind === "unknown" && !isGivenUp) return undefined;
  const isCounted = run.askedBy === undefined && hasHandlers(run.work.handlers);
  return { run, state: "failed", note: outcome.message.slice(0, 1000), todo: isCounted ? "watch" : undefined };
}
