import { messageOf } from "../../../kernel/app-error.ts";
import { assertNever } from "../../../kernel/assert-never.ts";
import { outcomeOf } from "../../../kernel/exit.ts";
import type { FlushOperation, NewJob } from "../../jobs/model.ts";
import type { RunningJob } from "../../scheduler/core/model.ts";
import { askedOf } from "../core/asked-of.ts";
import { type Command, type Happening, INLINE_VALUE_BYTES, type Place, type ValueRef } from "../core/model.ts";
import { moduleAt } from "../core/place.ts";
import { answerOf } from "./answers.ts";
import type { Evaluated } from "./evaluation.ts";
import { inputsOf } from "./module-inputs.ts";
import { endOfRun, valueJob } from "./run-ends.ts";
import type { AskCommand, PassCommand, RunCommand } from "./run-inputs.ts";
import { NOT_THERE, type RunParts, startParts, wallMs } from "./run-parts.ts";
import type { RunState } from "./run-state.ts";
import type { Started } from "./step-starter.ts";
import type { Transition } from "./transition.ts";
import { TurnBudget } from "./turn-budget.ts";
import type { WorkUnderWay } from "./work-under-way.ts";

/** Carries out what the core wants of a run, as far as that can be done at once: all of it goes into one transition. */
export class Carrier {
  readonly #parts: RunParts;
  readonly #running: RunningJob;
  readonly #state: RunState;
  readonly #to: Transition;

  constructor(parts: RunParts, running: RunningJob, state: RunState, to: Transition) {
    this.#parts = parts;
    this.#running = running;
    this.#state = state;
    this.#to = to;
  }

  apply(happening: Happening): void {
    this.#state.apply(this.#to, happening, wallMs(this.#parts));
  }

  /**
   * As much of the transition's commands as one turn may do. @param working those that are being worked on @param wasFull the turn before has left something
   * @returns whether something is left
   */
  carryOut(working: WorkUnderWay, wasFull: boolean): boolean {
    const budget = new TurnBudget(this.#to, wasFull);
    // More of them come meanwhile.
    for (const command of this.#to.commands) {
      // Of jobs that are to be cancelled it is only noted who they are, and of all of them: the next turn would begin with them again.
      if (command.kind === "cancel_job") this.#state.leavers.add(command);
      else if (budget.isSpent) return true;
      else if (!working.has(command)) {
        this.#carry(command);
        budget.spend();
      }
    }
    return false;
  }

  #carry(command: Exclude<Command, { kind: "cancel_job" }>): void {
    switch (command.kind) {
      case "ask":
        this.#ask(command);
        return;
      case "run": {
        const started = this.#parts.starter.now(startParts(this.#parts, this.#running.job, this.#state, command), this.#state.at(command.place));
        started === undefined ? this.#later(command) : this.start(command, started);
        return;
      }
      case "pass":
        this.#passNow(command);
        return;
      case "recall":
        this.#later(command);
        return;
      case "timer":
        this.#state.wait(command.place, command.atMs);
        return;
      case "invite":
        this.#state.rest();
        return;
      case "go_on":
        if (this.#state.wants(command)) this.apply({ kind: "went_on", place: command.place });
        return;
      // Who waits looks for it in the state.
      case "answer_early":
        return;
      case "finish": {
        const text = this.#parts.values.text(this.#state.owner, command.value);
        if (text === undefined) this.#later(command);
        else this.#to.end = endOfRun(this.#running, command, text, wallMs(this.#parts), this.#parts.deps.resultMaxBytes);
        return;
      }
      default:
        assertNever(command);
        return;
    }
  }

  answer(command: AskCommand, evaluated: Evaluated): void {
    const { values, host } = this.#parts;
    const { happening, pieces } = answerOf(command, evaluated, wallMs(this.#parts), host.random());
    const run = this.#running.job.id;
    this.#to.pieces(pieces);
    for (const { place, index, json, count } of pieces) values.keepPiece({ run, place, index }, json, count);
    if (happening.kind === "iterator_opened") values.valuesChanged(run, happening.place);
    this.apply(happening);
  }

  /** The job of a step goes into the transition. */
  start({ place, attempt }: RunCommand, started: Started): void {
    if (started.kind === "failed") {
      this.#fail(place, started.message);
      return;
    }
    if (started.kind === "cached") {
      this.apply({ kind: "cached", place, value: this.#ref(place, started.json) });
      return;
    }
    const { made } = started;
    const { failure, refused } = this.#arrive(made);
    if (failure !== undefined) {
      this.#fail(place, failure);
      return;
    }
    const { id: job } = made.job;
    this.apply({ kind: "started", place, job, attempt });
    if (refused === undefined) return;
    // A limit of its own let it end before it began.
    this.#parts.values.keep(job, refused.resultJson);
    this.apply({ kind: "ended", place, job, outcome: outcomeOf(refused.exit.reason), value: { kind: "job", job }, jitter: this.#parts.host.random() });
  }

  pass({ place }: PassCommand, evaluated: Evaluated): void {
    if (evaluated.kind === "error") {
      this.#fail(place, evaluated.message);
      return;
    }
    this.apply({ kind: "passed", place, value: this.#ref(place, evaluated.json) });
  }

  /** @param json a result that was kept; undefined: there is none */
  recall(json: string | undefined): void {
    this.apply({ kind: "recalled", ...(json !== undefined && { value: this.#ref("", json) }) });
  }

  /** Where a value is that no job brought: small ones stand in the event. */
  #ref(place: Place, json: string): ValueRef {
    if (Buffer.byteLength(json) <= INLINE_VALUE_BYTES) return { kind: "json", json };
    const job = this.#parts.deps.newJobId();
    this.#to.makes(silent(valueJob(this.#running.job, place, job, this.#state.source.createdBy, json, wallMs(this.#parts))));
    this.#parts.values.keep(job, json);
    return { kind: "job", job };
  }

  #ask(command: AskCommand): void {
    const transform = askedOf(this.#state.definition, command);
    const evaluated = transform === undefined ? NOT_THERE : this.#parts.evaluator.now(this.#state.at(command.place), transform);
    if (evaluated === undefined) this.#later(command);
    else this.answer(command, evaluated);
  }

  #passNow(command: PassCommand): void {
    const { place } = command;
    const module = moduleAt(this.#state.definition, place);
    const at = this.#state.at(place);
    const inputs = module === undefined ? {} : inputsOf(module);
    // Without inputs it hands on what came before it.
    if (Object.keys(inputs).length === 0) {
      this.apply({ kind: "passed", place, value: at.refs.previous ?? { kind: "json", json: "null" } });
      return;
    }
    const evaluated = this.#parts.evaluator.argumentsNow(at, inputs);
    if (evaluated === undefined) this.#later(command);
    else this.pass(command, evaluated);
  }

  #arrive(made: NewJob): { readonly failure: string | undefined; readonly refused: Refused | undefined } {
    let failure: string | undefined;
    let refused: Refused | undefined;
    this.#parts.host.arrive(
      made,
      // Also when the flush fails, long after: then nobody looks at it.
      (error) => {
        failure = messageOf(error);
      },
      (operation, settle, fail) => {
        this.#to.makes({ operation, settle, fail });
        if (operation.kind === "refuse") refused = operation;
      },
    );
    return { failure, refused };
  }

  #fail(place: Place, message: string): void {
    this.apply({ kind: "evaluation_failed", place, question: "inputs", message });
  }

  #later(command: Command): void {
    this.#to.later.push(command);
  }
}

type Refused = Extract<FlushOperation, { kind: "refuse" }>;

const nothing = (): void => undefined;
const silent = (operation: FlushOperation): { operation: FlushOperation; settle: () => void; fail: () => void } => ({
  operation,
  settle: nothing,
  fail: nothing,
});
