import type { JobId } from "../../../kernel/ids.ts";
import { HEALTHY, type Health } from "../handlers-core.ts";
import type { DueSchedule, Move, Occupancy, OpenRun, PlannedRun, RunRecord, RunRef, ScheduleRef, Todo, Work } from "../model.ts";
import { runKey } from "../run-names.ts";
import { keyOf, type TickTables } from "../tick-tables.ts";

export interface ModelSchedule extends Omit<DueSchedule, "nextMs"> {
  nextMs: number | undefined;
  readonly work: Work;
  health: Health;
  runs: number;
}

export interface ModelRun extends RunRef {
  state: RunRecord["state"];
  askedBy: string | undefined;
  job: JobId | undefined;
  note: string | undefined;
  todo: Todo | undefined;
  untilMs: number | undefined;
  handler: "error" | "recovery" | undefined;
  handlerJob: JobId | undefined;
  readonly claimedAtMs: number;
  todoAtMs: number;
  /** By the clock of the replica that claimed it. */
  readonly claimedWallMs: number;
}

/** The tables as plain data, with the meaning of their statements. Each method happens at once, as a transaction does. */
export class ModelTables implements TickTables {
  readonly schedules = new Map<string, ModelSchedule>();
  readonly runs = new Map<string, ModelRun>();
  /** The clock of the database. */
  nowMs = 0;
  /** The clock of the replica that is at work. */
  wallMs = 0;
  readonly #isLive: (job: JobId) => boolean;
  readonly #bySchedule = new Map<string, ModelRun[]>();

  constructor(isLive: (job: JobId) => boolean) {
    this.#isLive = isLive;
  }

  /** In the order of their ticks. */
  runsOf(schedule: ScheduleRef): ModelRun[] {
    return this.#bySchedule.get(keyOf(schedule)) ?? [];
  }

  async due(_shards: readonly number[], untilMs: number, limit: number): Promise<DueSchedule[]> {
    return [...this.schedules.values()]
      .flatMap((one) => (one.nextMs !== undefined && one.nextMs <= untilMs ? [{ ...one, nextMs: one.nextMs }] : []))
      .sort((a, b) => a.nextMs - b.nextMs)
      .slice(0, limit);
  }

  async claim(moves: readonly Move[], isNew: () => boolean): Promise<Awaited<ReturnType<TickTables["claim"]>>> {
    const moved: (ScheduleRef & { runs: number; rows: number })[] = [];
    const runs: PlannedRun[] = [];
    const busy = new Map<string, Occupancy>();
    for (const move of moves) {
      const schedule = this.schedules.get(keyOf(move));
      if (schedule === undefined || schedule.nextMs !== move.nextMs || schedule.timing !== move.timing) continue;
      schedule.nextMs = move.thenMs;
      const rows = move.run.length + (move.missed === undefined ? 0 : 1);
      schedule.runs += rows;
      busy.set(keyOf(move), this.#busy(move, Number.POSITIVE_INFINITY));
      const newestMs = this.runsOf(move).at(-1)?.dueMs ?? 0;
      moved.push({ workspace: move.workspace, id: move.id, runs: schedule.runs, rows });
      if (move.missed !== undefined) this.#insert({ ...refOf(move), dueMs: move.missed.fromMs }, { state: "missed", untilMs: move.missed.untilMs });
      for (const dueMs of move.run) {
        const ref = { ...refOf(move), dueMs };
        const run = { ...ref, work: schedule.work, askedBy: undefined };
        if (this.#insert(ref, { state: "starting", todo: "start" })) runs.push(dueMs > newestMs ? { ...run, isNew } : run);
      }
    }
    return { moved, runs, busy };
  }

  async occupancy(refs: readonly RunRef[]): Promise<Map<string, Occupancy>> {
    return new Map(refs.map((ref) => [keyOf(ref), this.#busy(ref, ref.dueMs)]));
  }

  async record(records: readonly RunRecord[]): Promise<void> {
    for (const { run: ref, state, job, note, todo } of records) {
      const run = this.runs.get(runKey(ref));
      if (run === undefined || run.job !== undefined || (run.todo !== "start" && job === undefined)) continue;
      Object.assign(run, { state, job, note, todo, todoAtMs: this.nowMs });
    }
  }

  async nextWaiting(schedule: ScheduleRef): Promise<PlannedRun | undefined> {
    const run = this.runsOf(schedule).find(({ todo }) => todo === "wait");
    const work = this.schedules.get(keyOf(schedule))?.work;
    if (run === undefined || work === undefined || this.#busy(schedule, Number.POSITIVE_INFINITY).isBusy) return undefined;
    Object.assign(run, { state: "starting", todo: "start", todoAtMs: this.nowMs });
    return { ...refOf(run), dueMs: run.dueMs, work, askedBy: run.askedBy };
  }

  async open(after: RunRef | undefined, limit: number): Promise<OpenRun[]> {
    const place = ({ id, dueMs }: RunRef): string => `${id.padStart(6, "0")}/${String(dueMs).padStart(16, "0")}`;
    return [...this.runs.values()]
      .filter((run) => run.todo !== undefined && (after === undefined || place(run) > place(after)))
      .sort((a, b) => (place(a) < place(b) ? -1 : 1))
      .slice(0, limit)
      .flatMap((run) => {
        const schedule = this.schedules.get(keyOf(run));
        if (schedule === undefined || run.todo === undefined) return [];
        const { work, health } = schedule;
        return [{ ...run, todo: run.todo, work, health, todoForMs: this.nowMs - run.todoAtMs, claimedForMs: this.nowMs - run.claimedAtMs }];
      });
  }

  async retake(runs: readonly RunRef[], leftForMs: number): Promise<RunRef[]> {
    return runs.filter((ref) => {
      const run = this.runs.get(runKey(ref));
      if (run === undefined || (run.todo !== "start" && run.todo !== "handle") || this.nowMs - run.todoAtMs < leftForMs) return false;
      run.todoAtMs = this.nowMs;
      return true;
    });
  }

  async settle(ref: RunRef, next: Parameters<TickTables["settle"]>[1]): Promise<Awaited<ReturnType<TickTables["settle"]>>> {
    const run = this.runs.get(runKey(ref));
    const schedule = this.schedules.get(keyOf(ref));
    if (run?.todo !== "watch" || schedule === undefined) return { kind: "elsewhere" };
    const { health, call } = next?.(schedule.health) ?? { health: HEALTHY, call: undefined };
    const failures = call === "recovery" ? schedule.health.failures : health.failures;
    schedule.health = health;
    Object.assign(run, { todo: call === undefined ? undefined : "handle", todoAtMs: this.nowMs, handler: call });
    return { kind: "settled", call, failures };
  }

  async handled(ref: RunRef, job: JobId | undefined, note: string | undefined): Promise<void> {
    const run = this.runs.get(runKey(ref));
    if (run?.todo === "handle") Object.assign(run, { todo: undefined, handlerJob: job, note: note ?? run.note });
  }

  async prune(): Promise<void> {
    // The model forgets nothing: the check at the end wants all of it.
  }

  #busy(schedule: ScheduleRef, beforeMs: number): Occupancy {
    const runs = this.runsOf(schedule);
    const earlier = runs.filter(({ dueMs, todo }) => todo !== undefined && dueMs < beforeMs);
    const last = runs.findLast(({ job }) => job !== undefined)?.job;
    const isBusy = earlier.some(({ todo }) => todo === "start") || (last !== undefined && this.#isLive(last));
    return { isBusy, waiting: earlier.filter(({ todo }) => todo === "wait").length };
  }

  #insert(ref: RunRef, fields: Partial<ModelRun> & Pick<ModelRun, "state">): boolean {
    if (this.runs.has(runKey(ref))) return false;
    const nothing = { askedBy: undefined, job: undefined, note: undefined, todo: undefined, untilMs: undefined, handler: undefined, handlerJob: undefined };
    const times = { claimedAtMs: this.nowMs, todoAtMs: this.nowMs, claimedWallMs: this.wallMs };
    const run = { ...ref, ...nothing, ...fields, ...times };
    this.runs.set(runKey(ref), run);
    const runs = this.#bySchedule.get(keyOf(ref)) ?? [];
    this.#bySchedule.set(keyOf(ref), runs);
    runs.splice(runs.findLastIndex(({ dueMs }) => dueMs < run.dueMs) + 1, 0, run);
    return true;
  }
}

const refOf = ({ workspace, id }: ScheduleRef): ScheduleRef => ({ workspace, id });
