import type { AgentKey } from "../../../kernel/ids.ts";
import type { WaitingJob } from "../../scheduler/core/model.ts";
import { advance } from "../core/advance.ts";
import { LOG_FORMAT } from "../core/log-format.ts";
import type { Command, FlowEvent, Happening, Place } from "../core/model.ts";
import { isWanted, outstanding } from "../core/outstanding.ts";
import { scopeOf } from "../core/scope.ts";
import type { FlowState, JobAt } from "../core/state.ts";
import { blockJobs, currentBlock, isRunning } from "../core/under-way.ts";
import type { FlowDefinition } from "../model.ts";
import { someModule } from "../module-expressions.ts";
import type { RunnableFlow } from "./engine-deps.ts";
import type { EvaluationPlace } from "./evaluation.ts";
import type { FlowSource, StoredRun } from "./flow-run-store.ts";
import { givenApprovals } from "./given-approvals.ts";
import { Leavers } from "./leavers.ts";
import { replay } from "./replay.ts";
import type { ScopeOwner } from "./scope.ts";
import type { NextMoment, Transition } from "./transition.ts";

/** A state is stored with the event that leads to it after so many events, so that no replay is longer. */
const SNAPSHOT_EVERY = 400;

/** A run in memory: what its definition and its events make of it. */
export class RunState {
  readonly flow: RunnableFlow;
  readonly source: FlowSource;
  readonly owner: ScopeOwner;
  #state: FlowState;
  #seq: number;
  #snapshotSeq: number;
  /** Moments at which places are to be woken. */
  readonly #timers = new Map<Place, number>();
  /** Something of it may wait for longer: only then it is looked whether all of it does. */
  #mayRest = false;
  #deletesUsed: boolean | undefined;
  /** With the state they are forgotten: then all jobs that are leaving are cancelled again. */
  readonly leavers = new Leavers();
  /** Agents that have had a folder for its steps. */
  readonly #folders = new Set<AgentKey>();

  constructor(job: WaitingJob, flow: RunnableFlow, stored: Omit<StoredRun, "isFlow">) {
    const { source, state, seq } = replay(flow, stored);
    this.flow = flow;
    this.source = source;
    this.owner = { job, definition: flow.definition, argsJson: source.argsJson };
    this.#state = state;
    this.#seq = seq;
    this.#snapshotSeq = stored.stateSeq;
    if (state.folder !== undefined) this.#folders.add(state.folder);
  }

  get definition(): FlowDefinition {
    return this.flow.definition;
  }

  get seq(): number {
    return this.#seq;
  }

  /** A preprocessor has made the run's inputs. */
  get hasNewInputs(): boolean {
    return this.#state.inputs !== undefined;
  }

  /** The agent that has the folder of its steps. */
  get folder(): AgentKey | undefined {
    return this.#state.folder;
  }

  /** Agents that have had the folder of its steps and need not keep it; each is told once. @param isOver the run has ended */
  leftFolders(isOver: boolean): AgentKey[] {
    const left = [...this.#folders].filter((agent) => isOver || agent !== this.#state.folder);
    for (const agent of left) this.#folders.delete(agent);
    return left;
  }

  /** Its result is that of an earlier run. */
  get wasRecalled(): boolean {
    return this.#state.recalled === true;
  }

  /** Steps of it are to be deleted when it has ended. */
  get deletesUsed(): boolean {
    this.#deletesUsed ??= someModule(this.definition, ({ deleteAfterUse }) => deleteAfterUse === true);
    return this.#deletesUsed;
  }

  apply(to: Transition, happening: Happening, atMs: number): void {
    const event: FlowEvent = { ...happening, atMs, ...(this.#state.format !== LOG_FORMAT && { format: LOG_FORMAT }) };
    const { state, commands, items } = advance(this.definition, this.#state, event);
    this.#state = state;
    this.#seq += 1;
    if (event.kind === "ended" && event.agent !== undefined) this.#folders.add(event.agent);
    to.events.push(event);
    to.values(items);
    // One by one: there may be more of them than arguments of a call.
    for (const command of commands) to.commands.push(command);
  }

  /** All that has to be done by now. */
  outstanding(): Command[] {
    return outstanding(this.definition, this.#state);
  }

  /** Whether an answer that took its time is still waited for. */
  wants(command: Command): boolean {
    return isWanted(this.definition, this.#state, command);
  }

  jobs(): readonly JobAt[] {
    const current = currentBlock(this.definition, this.#state);
    return [...(current === undefined ? [] : blockJobs(current.level, current.block)), ...this.#state.leaving];
  }

  /** Whether a job runs, or is being cancelled. Costs the same however many do. */
  runs(at: JobAt): boolean {
    return isRunning(this.definition, this.#state, at);
  }

  /** Whether somebody has answered for a step before. */
  hasAnswered(place: Place, by: string): boolean {
    return givenApprovals(this.definition, this.#state, place).some(({ approver }) => approver === by);
  }

  at(place: Place): EvaluationPlace {
    return { owner: this.owner, place, refs: scopeOf(this.definition, this.#state, place) };
  }

  wait(place: Place, atMs: number): void {
    this.#timers.set(place, atMs);
    this.#mayRest = true;
  }

  /** Somebody is waited for, however long it takes. */
  rest(): void {
    this.#mayRest = true;
  }

  /** Places whose moment has come; each is handed out once. */
  takeDue(nowMs: number): Place[] {
    const due = [...this.#timers].filter(([, atMs]) => atMs <= nowMs).map(([place]) => place);
    for (const place of due) this.#timers.delete(place);
    return due;
  }

  get nextMs(): number | undefined {
    let nextMs: number | undefined;
    for (const atMs of this.#timers.values()) if (nextMs === undefined || atMs < nextMs) nextMs = atMs;
    return nextMs;
  }

  /** What is true after all that was done in this turn. @param busy something is being evaluated */
  next(busy: boolean): NextMoment {
    if (!this.#mayRest) return AWAKE;
    const open = this.outstanding();
    const waited = new Set(open.flatMap((command) => (command.kind === "timer" ? [command.place] : [])));
    // One whose place has gone on is of no use any more.
    for (const place of this.#timers.keys()) if (!waited.has(place)) this.#timers.delete(place);
    const awake = busy || open.some((command) => !RESTING.has(command.kind)) || this.jobs().length > 0;
    this.#mayRest = waited.size > 0 || open.some((command) => command.kind === "invite");
    return { dueAtMs: this.nextMs, awake };
  }

  /** The state to be stored with the last event, now and then. @param last it is the end: whoever looks at it later need not replay it all */
  snapshot(last: boolean): string | undefined {
    const events = this.#seq - this.#snapshotSeq;
    if (events < SNAPSHOT_EVERY && !(last && this.#seq >= SNAPSHOT_EVERY)) return undefined;
    this.#snapshotSeq = this.#seq;
    return JSON.stringify(this.#state);
  }
}

export const AWAKE: NextMoment = { dueAtMs: undefined, awake: true };
const RESTING: ReadonlySet<Command["kind"]> = new Set(["timer", "invite", "answer_early"]);
