import { advance } from "../control-plane/flows/core/advance.ts";
import type { FlowEvent, Place } from "../control-plane/flows/core/model.ts";
import { isWanted, outstanding } from "../control-plane/flows/core/outstanding.ts";
import { type FlowState, newFlowState } from "../control-plane/flows/core/state.ts";
import { ModelEngine } from "../control-plane/flows/core/testing/model-engine.ts";
import { approveAll, chooser, containersRetry, example, hasParallel, playToEnd, worldOf } from "../control-plane/flows/core/testing/random-flows.fixture.ts";
import { currentBlock, openAt, visitBlock } from "../control-plane/flows/core/under-way.ts";
import type { FlowDefinition } from "../control-plane/flows/model.ts";
import { fc } from "../kernel/fast-check.fixture.ts";
import type { Violation } from "./world.ts";

/** A promise about a run of a flow does not hold. */
class Broken extends Error implements Violation {
  readonly invariant: string;

  constructor(invariant: string, message: string) {
    super(message);
    this.invariant = invariant;
  }
}

interface Example {
  readonly definition: FlowDefinition;
  readonly seed: number;
  readonly order: number;
}

/**
 * Plays the flow of a seed with the pure core of flows and a model of its engine: in some order with events that come again, with crashes, with
 * a cancel. What a flow does is looked at from outside, without the core's own idea of it where that is possible.
 */
export function runFlow(seed: number): Violation | undefined {
  const [drawn] = fc.sample(fc.record(example), { seed, numRuns: 1 });
  if (drawn === undefined) throw new Error("there is no example");
  try {
    for (const play of [playTold, playCrashed, playCancelled]) play(drawn);
    return undefined;
  } catch (error) {
    return error instanceof Broken ? error : { invariant: "crash", message: String(error) };
  }
}

/** Everything in some order; now and then an event comes a second time. */
function playTold(drawn: Example): void {
  const run = new ModelEngine(drawn.definition, worldOf(drawn.seed));
  const watch = new Watch(run);
  run.onEvent = (event) => watch.saw(event);
  run.begin(true);
  const again = chooser(drawn.order + 1);
  playToEnd(run, chooser(drawn.order), () => {
    watch.look();
    if (again(4) === 0) tellAgain(run, again);
  });
  isOver(run);
  const replayed = newFlowState();
  for (const event of run.events) advance(run.definition, replayed, event);
  if (text(replayed) !== text(run.state)) throw new Broken("replay", "the log leads to another state");
}

/** Only the state is left, at any moments: it ends as without them. */
function playCrashed({ definition, seed, order }: Example): void {
  const nothing = (): void => undefined;
  const rough = new ModelEngine(definition, worldOf(seed)).begin(true);
  const crash = chooser(order + 2);
  playToEnd(rough, chooser(order), () => {
    if (crash(4) === 0 && rough.finished.length === 0) rough.forget();
  });
  isOver(rough);
  if (hasParallel(definition)) return;
  const calm = new ModelEngine(definition, worldOf(seed)).begin(true);
  playToEnd(calm, () => 0, nothing);
  if (text([rough.started, rough.finished[0]?.outcome]) !== text([calm.started, calm.finished[0]?.outcome]))
    throw new Broken("crashes", `${text(rough.started)} was run, without crashes it is ${text(calm.started)}`);
}

/** Somebody cancels it at any moment; what was just being made comes late. */
function playCancelled({ definition, seed, order }: Example): void {
  const run = new ModelEngine(definition, worldOf(seed)).begin(true);
  const pick = chooser(order + 3);
  const moment = pick(30);
  for (let i = 0; i < moment && run.finished.length === 0; i++) if (!run.playOne(pick)) approveAll(run, i);
  if (run.state.stage === "over") return;
  run.tell({ kind: "cancel_asked", by: "ann", reason: "enough" });
  const stale = run.pending.filter(({ kind }) => kind !== "cancel_job");
  const made = run.started.length;
  for (const command of stale) run.carryOut(command);
  areTold(run);
  if (pick(2) === 0) run.tell({ kind: "cancel_asked", by: "bob", reason: "really" });
  if (pick(2) === 0 && run.finished.length === 0) {
    run.forget();
    areTold(run);
  }
  run.play(pick);
  // It was over when a late job came, and is so again.
  isOver(run, 2);
  for (const { outcome, reason } of run.finished)
    if (outcome !== "cancelled" || reason !== "enough") throw new Broken("cancel", `it ended as ${outcome}: ${reason}`);
  if (run.started.length - made > stale.length) throw new Broken("cancel", "steps began after the cancel");
  const ends = run.finished.length;
  run.forget();
  if (run.finished.length === ends) throw new Broken("crashes", "after a crash at its end nobody hears of that");
}

/** An event that came before comes again, or a timer that nobody waits for: nothing happens. */
function tellAgain(run: ModelEngine, pick: (count: number) => number): void {
  const before = run.events[pick(run.events.length)];
  const last = run.events.at(-1);
  if (before === undefined || last === undefined) return;
  const { definition, state, nowMs } = run;
  const place = "place" in before ? before.place : "";
  const isDue = outstanding(definition, state).some((command) => command.kind === "timer" && command.place === place && command.atMs <= nowMs);
  const was = text(state);
  if (["flow_started", "recalled", "flow_skip_decided", "ended"].includes(before.kind)) run.tell(before);
  else if (!isDue) run.tell({ kind: "woke", place });
  if (text(state) !== was) throw new Broken("again", `${before.kind} of ${place}, or a timer there, came again and changed something`);
}

/** Jobs of a flow that is over are being cancelled. */
function areTold({ jobs, pending }: ModelEngine): void {
  for (const job of jobs.keys())
    if (!pending.some((command) => command.kind === "cancel_job" && command.job === job)) throw new Broken("cancel", `job ${job} is not told of it`);
}

function isOver(run: ModelEngine, most = 1): void {
  if (run.finished.length === 0 || run.finished.length > most) throw new Broken("end", `it ended ${run.finished.length} times`);
  if (run.jobs.size > 0) throw new Broken("end", `it ended while ${run.jobs.size} of its jobs ran`);
}

const text = (value: unknown): string => JSON.stringify(value);

/** What was seen of a run. */
class Watch {
  readonly #run: ModelEngine;
  readonly #succeeded = new Set<Place>();
  readonly #cancelled = new Set<Place>();
  /** Who has approved, by place. */
  readonly #approvers = new Map<Place, Set<string>>();
  /** How far lists had come when they were broken off. */
  readonly #broken = new Map<object, number>();
  #early: string | undefined;

  constructor(run: ModelEngine) {
    this.#run = run;
  }

  saw(event: FlowEvent): void {
    const { definition, state, early } = this.#run;
    if (event.kind === "started" && !containersRetry(definition)) {
      if (this.#succeeded.has(event.place)) throw new Broken("once", `${event.place} had succeeded and runs again`);
      if (this.#cancelled.has(event.place)) throw new Broken("once", `${event.place} was cancelled and runs again`);
    }
    if (event.kind === "ended" && event.outcome === "succeeded") this.#succeeded.add(event.place);
    if (event.kind === "ended" && event.outcome === "cancelled") this.#cancelled.add(event.place);
    if (event.kind === "approval" && event.approval.approved) this.#approved(event.place, event.approval.approver, state);
    if (this.#early !== undefined && this.#early !== text(early)) throw new Broken("early", "it was answered early twice");
    this.#early ??= early === undefined ? undefined : text(early);
  }

  #approved(place: Place, approver: string, state: FlowState): void {
    const all = this.#approvers.get(place) ?? new Set();
    this.#approvers.set(place, all.add(approver));
    const step = openAt(this.#run.definition, state, place)?.step;
    const enough = (step?.approvals?.length ?? 0) > 0 && step?.phase.kind !== "suspended";
    if (enough && new Set(step?.approvals?.map((one) => one.approver)).size < (step?.approvals?.length ?? 0))
      throw new Broken("approvals", `${place} goes on: one person was counted twice`);
  }

  /** Between two steps of the engine. */
  look(): void {
    const { definition, state, pending, timers, jobs, finished } = this.#run;
    const wanted = outstanding(definition, state).filter(({ kind }) => kind !== "invite" && kind !== "answer_early" && kind !== "finish");
    const commanded = new Set([...pending, ...timers].map(text));
    for (const one of wanted) {
      if (!commanded.has(text(one))) throw new Broken("outstanding", `${text(one)} is outstanding and was not commanded`);
      if (!isWanted(definition, state, one)) throw new Broken("outstanding", `${text(one)} is outstanding and not wanted`);
    }
    if (finished.length === 0 && outstanding(definition, state).length + jobs.size === 0) throw new Broken("end", "it does not wait for anything");
    const current = currentBlock(definition, state);
    if (current !== undefined) visitBlock(current.level, current.block, { step: (place, { phase }) => this.#lookAtList(place, phase) });
  }

  #lookAtList(place: Place, phase: NonNullable<FlowState["main"]["step"]>["phase"]): void {
    if (phase.kind !== "list") return;
    const { open, most, next, broken } = phase.list;
    if (open.length > most) throw new Broken("lists", `${open.length} iterations of ${place} are open, ${most} may be`);
    if (broken !== true) return;
    if ((this.#broken.get(phase.list) ?? next) < next) throw new Broken("lists", `${place} was broken off and goes on`);
    this.#broken.set(phase.list, next);
  }
}
