/**
 * An engine for tests: it answers what the core wants to have carried out, in an order that the test chooses, and keeps the log and the items
 * as a real one would. The world that it asks is given by the test.
 */
import { asJobId, type JobId } from "../../../../kernel/ids.ts";
import type { FlowDefinition } from "../../model.ts";
import { advance } from "../advance.ts";
import { LOG_FORMAT } from "../log-format.ts";
import type { Approval, Command, FlowEvent, Happening, Outcome, Place, Question, ValueRef } from "../model.ts";
import { outstanding } from "../outstanding.ts";
import { type FlowState, newFlowState } from "../state.ts";

export interface World {
  /** How the attempt at a step ends; succeeds when there is no answer. */
  job?(place: Place, attempt: number): Outcome | undefined;
  /** Answers: booleans of rules, counts of iterators, parallelism, seconds of sleeps. A text is an evaluation that failed with it. */
  ask?(place: Place, question: Question, branch: number | undefined): boolean | number | string | undefined;
  /** Inputs of a step: `cached` when its result is known, a text when they cannot be evaluated. */
  inputs?(place: Place): "cached" | { readonly failed: string } | undefined;
  /** The result of an earlier run with the same inputs. */
  readonly recalled?: ValueRef;
  /** With same_worker: what is told of the agent when the job at a place has ended. */
  where?(place: Place, attempt: number): Pick<Extract<Happening, { kind: "ended" }>, "agent" | "folderLost">;
  /** Who answers an invitation at a place. */
  approvals?(place: Place): readonly Approval[];
}

type Ask = Extract<Command, { kind: "ask" }>;
type Finish = Extract<Command, { kind: "finish" }>;

export class ModelEngine {
  readonly definition: FlowDefinition;
  readonly state: FlowState = newFlowState();
  readonly events: FlowEvent[] = [];
  readonly items = new Map<string, ValueRef>();
  /** Commands that were not carried out yet, apart from timers. */
  pending: Command[] = [];
  timers: Extract<Command, { kind: "timer" }>[] = [];
  /** Running ones. */
  readonly jobs = new Map<JobId, { readonly place: Place; readonly attempt: number }>();
  /** Places of jobs, in the order in which they were made. */
  readonly started: Place[] = [];
  readonly finished: Finish[] = [];
  early: ValueRef | undefined;
  nowMs = 1_000_000;
  jitter = 0.5;
  #made = 0;
  readonly #world: World;
  /** Called after each event. */
  onEvent: ((event: FlowEvent) => void) | undefined;

  constructor(definition: FlowDefinition, world: World = {}) {
    this.definition = definition;
    this.#world = world;
  }

  begin(preprocess = false): this {
    this.tell({ kind: "flow_started", preprocess });
    return this;
  }

  tell(happening: Happening): void {
    const event: FlowEvent = { ...happening, atMs: this.nowMs, ...(this.state.format !== LOG_FORMAT && { format: LOG_FORMAT }) };
    this.events.push(event);
    const { commands, items } = advance(this.definition, this.state, event);
    for (const { place, index, value } of items) this.items.set(`${place}/${index}`, value);
    for (const command of commands) this.#take(command);
    this.onEvent?.(event);
  }

  /** Plays until nothing is left to do but what people would have to do. @param pick which of so many things comes next */
  play(pick: (count: number) => number = () => 0, most = 100_000): this {
    for (let i = 0; i < most; i++) if (!this.playOne(pick)) return this;
    throw new Error(`no end after ${most} events`);
  }

  /** @returns false when there is nothing to do */
  playOne(pick: (count: number) => number): boolean {
    if (this.pending.length + this.jobs.size === 0) return this.#wakeNext();
    const at = pick(this.pending.length + this.jobs.size);
    const command = this.pending[at];
    const job = command === undefined ? [...this.jobs.keys()][at - this.pending.length] : undefined;
    if (command !== undefined) this.carryOut(command);
    else if (job !== undefined) this.endJob(job);
    return true;
  }

  /** As `playOne`, but what comes next follows from what there is to do alone, not from the order in which it came up. @param rank of a thing by its name */
  playRanked(rank: (name: string) => number): boolean {
    const names = [...this.pending.map((command) => JSON.stringify(command)), ...[...this.jobs.values()].map(({ place, attempt }) => `${place} ${attempt}`)];
    const [first] = names.map((name, at) => ({ name, at, rank: rank(name) })).toSorted((a, b) => a.rank - b.rank || compare(a.name, b.name));
    return this.playOne(() => first?.at ?? 0);
  }

  carryOut(command: Command): void {
    const at = this.pending.indexOf(command);
    if (at >= 0) this.pending.splice(at, 1);
    this.timers = this.timers.filter((one) => one !== command);
    if (command.kind === "run") this.#run(command.place, command.attempt);
    else if (command.kind === "pass") this.#pass(command.place);
    else if (command.kind === "ask") this.tell(this.answer(command));
    else if (command.kind === "go_on") this.tell({ kind: "went_on", place: command.place });
    else if (command.kind === "recall") this.tell({ kind: "recalled", ...(this.#world.recalled !== undefined && { value: this.#world.recalled }) });
    else if (command.kind === "cancel_job") this.#cancelJob(command.place, command.job);
    else if (command.kind === "invite") {
      for (const approval of this.#world.approvals?.(command.place) ?? []) this.tell({ kind: "approval", place: command.place, approval });
    } else if (command.kind === "timer") this.tell({ kind: "woke", place: command.place });
  }

  endJob(job: JobId): void {
    const at = this.jobs.get(job);
    if (at === undefined) return;
    this.jobs.delete(job);
    const outcome = this.#world.job?.(at.place, at.attempt) ?? "succeeded";
    const where = this.definition.sameWorker ? this.#world.where?.(at.place, at.attempt) : {};
    this.tell({ kind: "ended", place: at.place, job, outcome, value: { kind: "job", job }, jitter: this.jitter, ...where });
  }

  /** As after a crash: only the state is left of what was to be done. */
  forget(): void {
    this.pending = [];
    this.timers = [];
    for (const command of outstanding(this.definition, this.state)) this.#take(command);
  }

  answer({ place, question, branch }: Ask): Happening {
    const answer = this.#world.ask?.(place, question, branch);
    if (typeof answer === "string") return { kind: "evaluation_failed", place, question, message: answer };
    const yes = answer === true;
    const number = typeof answer === "number" ? answer : 0;
    switch (question) {
      case "flow_skip":
        return { kind: "flow_skip_decided", skip: yes };
      case "skip":
        return { kind: "skip_decided", place, skip: yes };
      case "branch":
        return { kind: "branch_decided", place, branch: branch ?? 0, taken: yes };
      case "iterator":
        return { kind: "iterator_opened", place, count: number };
      case "parallelism":
        return { kind: "parallelism_decided", place, most: number };
      case "stop":
      case "stop_all":
        return { kind: "stop_decided", place, question, stop: yes };
      case "sleep":
        return { kind: "slept", place, untilMs: this.nowMs + number * 1000 };
      case "retry_if":
        return { kind: "retry_decided", place, retry: yes, jitter: this.jitter };
    }
  }

  #take(command: Command): void {
    if (command.kind === "finish") this.finished.push(command);
    else if (command.kind === "answer_early") this.early = command.value;
    else if (command.kind === "timer") this.timers.push(command);
    else this.pending.push(command);
  }

  #run(place: Place, attempt: number): void {
    const inputs = this.#world.inputs?.(place);
    if (inputs === "cached") {
      this.tell({ kind: "cached", place, value: { kind: "json", json: `"cached ${place}"` } });
      return;
    }
    if (inputs !== undefined) {
      this.tell({ kind: "evaluation_failed", place, question: "inputs", message: inputs.failed });
      return;
    }
    const job = this.newJob();
    this.jobs.set(job, { place, attempt });
    this.started.push(place);
    this.tell({ kind: "started", place, job, attempt });
  }

  #pass(place: Place): void {
    const inputs = this.#world.inputs?.(place);
    if (typeof inputs === "object") {
      this.tell({ kind: "evaluation_failed", place, question: "inputs", message: inputs.failed });
      return;
    }
    this.tell({ kind: "passed", place, value: { kind: "json", json: `"passed ${place}"` } });
  }

  #cancelJob(place: Place, job: JobId): void {
    this.jobs.delete(job);
    this.tell({ kind: "ended", place, job, outcome: "cancelled", value: { kind: "job", job }, jitter: this.jitter });
  }

  #wakeNext(): boolean {
    const [next] = this.timers.toSorted((a, b) => a.atMs - b.atMs || compare(a.place, b.place));
    if (next === undefined) return false;
    this.nowMs = Math.max(this.nowMs, next.atMs);
    this.carryOut(next);
    return true;
  }

  newJob(): JobId {
    this.#made += 1;
    return asJobId(`00000000-0000-7000-8000-${this.#made.toString(16).padStart(12, "0")}`);
  }
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
