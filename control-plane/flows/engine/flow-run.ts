import { AppError, messageOf } from "../../../kernel/app-error.ts";
import { background } from "../../../kernel/background.ts";
import type { JobEnd, Write } from "../../jobs/model.ts";
import type { RunningJob, WaitingJob } from "../../scheduler/core/model.ts";
import { isReadable } from "../core/log-format.ts";
import type { Command } from "../core/model.ts";
import { Carrier } from "./carrier.ts";
import type { FlowSource } from "./flow-run-store.ts";
import { missedEnds } from "./missed-ends.ts";
import { brokenEnd, endOfStep, keepWhole } from "./run-ends.ts";
import { ofOneTurn, type RunInput } from "./run-inputs.ts";
import { type RunParts, wallMs } from "./run-parts.ts";
import { AWAKE, RunState } from "./run-state.ts";
import { workOn } from "./run-work.ts";
import { takeInput } from "./take-input.ts";
import { type NextMoment, Transition } from "./transition.ts";
import { WorkUnderWay } from "./work-under-way.ts";

/** Who keeps the runs of an owner. */
export interface RunKeeper {
  /** The run wants a turn. */
  ready(run: FlowRun): void;
  /** It has ended, or cannot go on here: it is to be forgotten. */
  over(run: FlowRun): void;
  /** The run that a run is a step of, if it runs here. */
  parentOf(run: FlowRun): FlowRun | undefined;
}

/** A transition that the database refuses is tried alone; after so many that cannot be blamed on a job's result the run ends. */
const MOST_REFUSALS = 3;
const RETRY_MS = 500;
/** A run that a newer release has worked on is left alone, with all that its steps report, until one owns its shard again. */
const NEWER = "a newer release has worked on the flow: only a newer one goes on with it";
const NEWER_AGAIN_MS = 30_000;

/**
 * One flow in the memory of its owner, and nobody else writes it. Turns: what has come is made into events, the core says what follows, and as much
 * of that as can be done at once becomes part of the same transition, which is written as a whole. While it is being written nothing else happens to
 * the run, so that no event can overtake another; what comes meanwhile is taken together in the next turn.
 */
export class FlowRun {
  readonly job: WaitingJob;
  readonly #parts: RunParts;
  readonly #keeper: RunKeeper;
  #state: RunState | undefined;
  #inputs: RunInput[] = [];
  /** A write or a load is under way. */
  #busy = false;
  readonly #working = new WorkUnderWay();
  /** So many inputs are tried one by one. */
  #alone = 0;
  #refusals = 0;
  /** What the run's own row says; undefined: it has none. */
  #stored: NextMoment | undefined;
  #fresh: FlowSource | undefined;
  /** Makes the run's job run; it goes along with the first transition. */
  #ownWrite: Write | undefined;
  /** It has gone along: the run has begun when its owner hears that the job has. */
  beganTogether = false;
  /** The core's wishes are to be looked through again. */
  #behind = true;
  /** Since the turn before was full. */
  #isLong = false;
  #broken: string | undefined;
  /** Broken, and all jobs of this state are leaving. */
  #left: RunState | undefined;
  /** Its state cannot be read. */
  #isLost = false;
  #stopped = false;

  /** @param source of a run that has only just begun: nothing has to be read */
  constructor(job: WaitingJob, parts: RunParts, keeper: RunKeeper, source?: FlowSource) {
    this.job = job;
    this.#parts = parts;
    this.#keeper = keeper;
    this.#fresh = source;
  }

  /** Nothing is under way, and nothing waits to be done: it may be dropped from memory. */
  get isIdle(): boolean {
    const isQuiet = this.#inputs.length === 0 && this.#working.size === 0 && !this.#behind && this.#state?.leavers.isBehind !== true;
    return isQuiet && !this.#busy && this.#broken === undefined;
  }

  /** @param write makes the run's job run, see FlowRunner.takesBegin */
  beginWith(write: Write): void {
    this.#ownWrite = write;
    this.push({ kind: "go" });
  }

  push(...inputs: readonly RunInput[]): void {
    this.#inputs.push(...inputs);
    if (this.#stopped) this.stop();
    else this.#keeper.ready(this);
  }

  /** The run belongs to another owner now, or has ended. Ends that wait for a turn are told to come again. */
  stop(): void {
    this.#stopped = true;
    const moved = new AppError("unavailable", "the flow belongs to another owner now", { retryAfterS: 1 });
    for (const input of this.#inputs.splice(0)) if (input.kind === "ended") failAll(input.writes, moved);
    this.#ownWrite?.fail(moved);
    this.#ownWrite = undefined;
  }

  /** A turn went wrong in a way that nobody thought of: the run ends. What its state was is asked of the tables. */
  fail(message: string): void {
    this.#dropState();
    this.#broken ??= `the flow cannot go on: ${message}`;
    this.#keeper.ready(this);
  }

  turn(): void {
    if (this.#busy || this.#stopped) return;
    const running = this.#parts.host.running(this.job.id);
    if (running === undefined) {
      this.#forget();
      return;
    }
    if (this.#broken !== undefined) {
      if (this.#ownWrite !== undefined) this.#beginAlone(this.#ownWrite);
      // Its state says which jobs it has.
      else if (this.#state === undefined && !this.#isLost) this.#load();
      else this.#breakOff(running, this.#broken);
      return;
    }
    if (this.#state === undefined) this.#load();
    const state = this.#state;
    if (state === undefined) return;
    const inputs = this.#inputs.splice(0, this.#alone > 0 ? 1 : ofOneTurn(this.#inputs));
    this.#alone = Math.max(0, this.#alone - 1);
    const to = new Transition();
    try {
      this.#decide(to, state, running, inputs);
    } catch (error) {
      // Nobody thought of this. Ends come again, and find the run broken.
      const taken = new Set(to.caused);
      for (const input of inputs) if (input.kind === "ended") to.causedBy(input.writes.filter((write) => !taken.has(write)));
      to.abandon(new AppError("unavailable", "the flow's turn went wrong", { cause: error }));
      if (this.#ownWrite === undefined) throw error;
      this.#beginAlone(this.#ownWrite);
      return;
    }
    // A row that is made and taken away in one statement would stay.
    if (this.#ownWrite !== undefined && to.end !== undefined) {
      to.abandon(new AppError("unavailable", "the flow has to be accepted first"));
      this.#beginAlone(this.#ownWrite);
    } else this.#write(to, state, running, inputs);
  }

  #decide(to: Transition, state: RunState, running: RunningJob, inputs: readonly RunInput[]): void {
    const carrier = new Carrier(this.#parts, running, state, to);
    if (state.seq === 0) carrier.apply({ kind: "flow_started", preprocess: this.job.policy?.preprocess === true });
    for (const input of inputs) {
      if ("command" in input) this.#working.over(input.command);
      takeInput(this.#parts, carrier, to, state, input);
    }
    if (this.#behind) {
      this.#behind = false;
      to.commands = state.outstanding();
    }
    // What is left over follows from the state.
    this.#isLong = carrier.carryOut(this.#working, this.#isLong);
    this.#behind = this.#isLong;
  }

  #write(to: Transition, state: RunState, running: RunningJob, inputs: readonly RunInput[]): void {
    const next = state.next(this.#working.size + to.later.length > 0 || this.#behind);
    if (to.isEmpty) {
      this.#armTimer(next.dueAtMs);
      this.#follow(to, state);
      // A turn may have begun nothing but what takes longer.
      if (this.#behind) this.#keeper.ready(this);
      return;
    }
    const known = this.#stored ?? AWAKE;
    const changed = next.dueAtMs !== known.dueAtMs || next.awake !== known.awake;
    const whole: Pick<Write, "settle" | "fail"> = {
      settle: () => {
        if (changed) this.#stored = next;
        this.#committed(to, state, running, next);
      },
      fail: (error) => this.#refused(to, inputs, error),
    };
    if (to.end !== undefined) keepWhole(this.job, state, to, wallMs(this.#parts));
    const stateJson = state.snapshot(to.end !== undefined);
    const row = { next: changed ? next : undefined, hasRow: this.#stored !== undefined };
    this.#busy = true;
    to.begin = this.#ownWrite;
    this.beganTogether = this.#ownWrite !== undefined;
    this.#ownWrite = undefined;
    this.#submit(to.writes(this.job, { seq: state.seq, atMs: wallMs(this.#parts), stateJson, ...row }, whole), to.end, false);
  }

  /** The end of a run that is a step goes along with what its own flow makes of it. */
  #submit(writes: readonly Write[], end: JobEnd | undefined, mended: boolean): void {
    const parent = end === undefined ? undefined : this.#keeper.parentOf(this);
    const told = end === undefined ? undefined : endOfStep(this.job, end, writes, mended);
    if (parent === undefined || told === undefined) this.#parts.host.submitTogether(writes);
    else parent.push(told);
  }

  #committed(to: Transition, state: RunState, running: RunningJob, next: NextMoment): void {
    this.#busy = false;
    this.#refusals = 0;
    this.#parts.deps.metrics.transition(to.events.length);
    for (const agent of state.leftFolders(to.end !== undefined)) this.#parts.host.leaveFolder(running, agent);
    if (to.end !== undefined) {
      this.#parts.host.ended(running, to.end);
      if (state.deletesUsed) this.#parts.lookForUsed();
      this.#forget();
      return;
    }
    this.#armTimer(next.dueAtMs);
    this.#parts.host.moved(this.job);
    this.#follow(to, state);
    if (this.#inputs.length > 0 || this.#behind) this.#keeper.ready(this);
  }

  #armTimer(atMs: number | undefined): void {
    if (atMs !== undefined || this.#stored?.dueAtMs !== undefined) this.#parts.host.wakeAt(this.job, atMs);
  }

  /** Nothing was written. The state in memory is ahead of the tables: it is made anew from them. */
  #refused(to: Transition, inputs: readonly RunInput[], error: unknown): void {
    this.#busy = false;
    this.#dropState();
    if (this.#stopped || AppError.from(error).code === "unavailable") {
      to.begin?.fail(error);
      failAll(to.caused, error);
      this.#forget();
      return;
    }
    if (to.begin !== undefined) {
      this.#beginAlone(to.begin);
      return;
    }
    const { log } = this.#parts.host;
    log.warn({ event: "flow.refused", jobId: this.job.id, inputs: inputs.length, error: messageOf(error) }, "a transition of a flow could not be stored");
    const again = inputs.filter(({ kind }) => kind === "ended" || kind === "approval" || kind === "cancel");
    const [only] = again;
    // Its result is what the database does not like: the owner makes another end of it, which comes back here.
    if (again.length === 1 && only?.kind === "ended" && !only.mended && only.writes.length > 0) failAll(only.writes, error);
    else {
      this.#inputs.unshift(...again);
      this.#alone = again.length;
      if (again.length <= 1) this.#refusals += 1;
    }
    if (this.#refusals >= MOST_REFUSALS) this.#broken = `a transition of the flow could not be stored: ${messageOf(error)}`;
    this.#keeper.ready(this);
  }

  /** Its first transition cannot go along with its acceptance. It comes when that is committed, of a run that is made anew. */
  #beginAlone(begin: Write): void {
    this.#ownWrite = undefined;
    this.#forget();
    this.#parts.host.submitTogether([begin]);
  }

  /** What is not in the transition: jobs are cancelled, and what takes longer begins; its outcome comes as an input. */
  #follow(to: Transition, state: RunState): void {
    for (const command of to.later) this.#begin(state, command);
    this.#dismiss(state);
  }

  /** Cancels some of the jobs that nobody waits for any more; the next ones have their turn like everything else. */
  #dismiss(state: RunState): void {
    const running = this.#parts.host.running(this.job.id);
    if (running === undefined) return;
    state.leavers.tellSome(this.#parts.host, running, () => {
      if (this.#state === state) this.#keeper.ready(this);
    });
    if (state.leavers.isBehind) this.#keeper.ready(this);
  }

  #begin(state: RunState, command: Command): void {
    const { lanes } = this.#parts;
    const work = (): Promise<RunInput> => lanes.take(this.job.workspace, () => workOn(this.#parts, this.job, state, command));
    this.#working.begin(
      command,
      work,
      (input) => this.push(input),
      (error) => this.#workFailed(error),
    );
  }

  /** The database is away; or the result of the whole run is too large to be put together, or something is gone from the tables for good. */
  #workFailed(error: unknown): void {
    this.#behind = true;
    if (error instanceof AppError && (error.code === "out_of_range" || error.code === "internal")) {
      this.#broken = messageOf(error);
      this.#keeper.ready(this);
      return;
    }
    const { log } = this.#parts.host;
    log.warn({ event: "flow.work_failed", jobId: this.job.id, error: messageOf(error) }, "a step of a flow could not be prepared, will be tried again");
    this.#again();
  }

  #load(): void {
    const source = this.#fresh;
    const flow = source === undefined ? undefined : this.#parts.deps.catalogue.flow(this.job.workspace, source);
    if (source !== undefined && flow !== undefined) this.#loaded(new RunState(this.job, flow, { ...NOTHING, source }));
    else {
      this.#busy = true;
      background(this.#parts.host.log, "load of a flow", this.#read(source));
    }
  }

  /** Never rejects. */
  async #read(fresh: FlowSource | undefined): Promise<void> {
    const { deps, host } = this.#parts;
    const { workspace, id } = this.job;
    try {
      const stored = fresh === undefined ? await deps.store.load(workspace, id) : { ...NOTHING, source: fresh };
      if (stored === undefined) throw new AppError("not_found", "the flow's job is no longer in the database");
      if (!isReadable(stored.state, stored.events)) throw new AppError("unavailable", NEWER, { retryAfterS: NEWER_AGAIN_MS / 1000 });
      const state = new RunState(this.job, await deps.catalogue.loadFlow(workspace, stored.source), stored);
      if (state.seq === 0 && this.job.policy?.restart !== undefined) throw new AppError("not_found", "what it was to go on from is no longer in the database");
      const missed = await missedEnds(deps.store, workspace, state);
      // Whether it has a row is not known: the next transition writes it.
      if (fresh === undefined) this.#stored = { dueAtMs: undefined, awake: false };
      this.#inputs = [...missed, ...this.#inputs];
      this.#loaded(state);
    } catch (error) {
      host.log.warn({ event: "flow.load_failed", jobId: id, error: messageOf(error) }, "a flow could not be loaded");
      const failure = AppError.from(error);
      if (failure.code === "unavailable") this.#again(failure.message === NEWER ? NEWER_AGAIN_MS : RETRY_MS);
      else {
        this.#isLost = true;
        this.#broken ??= `the flow cannot be run: ${messageOf(error)}`;
      }
    }
    this.#busy = false;
    if (this.#state !== undefined || this.#isLost) this.#keeper.ready(this);
  }

  #loaded(state: RunState): void {
    this.#fresh = undefined;
    this.#behind = true;
    this.#state = state;
  }

  /** It cannot go on: its steps are cancelled, then it ends as failed. In this order: nobody would look for them any more. */
  #breakOff(running: RunningJob, message: string): void {
    // No transition will take them along.
    for (const input of this.#inputs.splice(0)) if (input.kind === "ended") this.#parts.host.submitTogether(input.writes);
    const state = this.#state;
    if (state !== undefined && this.#left !== state)
      for (const at of state.jobs()) state.leavers.add({ kind: "cancel_job", ...at, reason: "the flow has ended" });
    this.#left = state;
    if (state !== undefined && !state.leavers.isDone) {
      if (state.leavers.isBehind) this.#dismiss(state);
      return;
    }
    const to = new Transition();
    const end = brokenEnd(running, message, wallMs(this.#parts));
    to.end = end;
    this.#busy = true;
    const settle = (): void => {
      this.#parts.host.ended(running, end);
      this.#forget();
    };
    const fail = (): void => this.#forget();
    this.#submit(to.writes(this.job, { seq: 0, atMs: 0, stateJson: undefined, next: undefined, hasRow: true }, { settle, fail }), end, true);
  }

  #dropState(): void {
    this.#state = undefined;
    this.#working.clear();
    this.#behind = true;
    this.#fresh = undefined;
  }

  #again(inMs = RETRY_MS): void {
    setTimeout(() => this.#keeper.ready(this), inMs).unref();
  }

  #forget(): void {
    this.stop();
    this.#keeper.over(this);
  }
}

const NOTHING = { state: undefined, stateSeq: 0, events: [] };

function failAll(writes: readonly Write[], error: unknown): void {
  for (const { fail } of writes) fail(error);
}
