/**
 * A run that begins anew at a step of an earlier one. It is made by the rules of every run: its log begins with the events that lead to the
 * step, with results of the earlier run in the place of work. So nobody needs to know later that it was a restart.
 */
import type { JobId } from "../../../kernel/ids.ts";
import type { FlowDefinition, Module } from "../model.ts";
import { advance } from "./advance.ts";
import { LOG_FORMAT } from "./log-format.ts";
import { type Command, type FlowEvent, type Happening, INLINE_VALUE_BYTES, type ListItem, type Place, type ValueRef } from "./model.ts";
import { branchTaken, type Past, type PastRun, pastReader } from "./past-run.ts";
import { FAILURE_PLACE, findPlace, isLoop, isParallel, moduleAt, modulesWithin, PREPROCESSOR_PLACE, parseBranch } from "./place.ts";
import { type FlowState, type Inner, newFlowState, type StepDone } from "./state.ts";
import { currentBlock, visitBlock } from "./under-way.ts";

export type Restart =
  /**
   * @param events the new run's log so far, @param state what it leads to, @param items to be stored with it
   * @param from the step at which it goes on
   * @param within where in the sub-flow of that step, whose run is then to be made by a restart of the earlier one, which was this job
   */
  | {
      readonly kind: "planned";
      readonly events: readonly FlowEvent[];
      readonly state: FlowState;
      readonly items: readonly ListItem[];
      readonly from: Place;
      readonly within?: { readonly place: Place; readonly job: JobId };
    }
  | { readonly kind: "refused"; readonly message: string };

/**
 * Plans a run that uses the results of an earlier one for all that lies before a step: modules before it on its level and on all levels
 * around it, iterations before its own; of loops and branchalls whose blocks run side by side all others that succeeded. The steps around it
 * begin with the decisions of the earlier run.
 * @param definition of the new run: its steps find earlier results by their places
 * @param place a step; an iteration or branch stands for its first step; on the step of a sub-flow a place within that may follow
 */
export function restartFrom(definition: FlowDefinition, old: PastRun, place: Place, atMs: number): Restart {
  const begun = beginRestart(definition, old, place);
  if (begun.kind === "refused") return begun;
  begun.take(old.events);
  const planning = begun.plan(atMs);
  for (;;) {
    const { done, value } = planning.next();
    if (done === true) return value;
  }
}

type BegunRestart =
  | {
      readonly kind: "reading";
      /** The earlier run's log, piece by piece: all of it is never needed at once. */
      take(events: readonly FlowEvent[]): void;
      /** Stops now and then: thousands of results may be taken over. */
      plan(atMs: number): Generator<undefined, Restart>;
    }
  | Extract<Restart, { kind: "refused" }>;

/** As `restartFrom`, for a log that is read in pieces. */
export function beginRestart(definition: FlowDefinition, old: Omit<PastRun, "events">, place: Place): BegunRestart {
  const found = findPlace(definition, place);
  if (found === undefined) return refused(`the flow has no step ${place}`);
  const target = firstStep(found.module, found.place);
  if (target === undefined) return refused(`there is no step at ${place}`);
  const path = target.split("/");
  if (path[0] === FAILURE_PLACE) return refused("the failure module runs when a step fails: restart from a step");
  const reader = pastReader(old, target, (seen) => isBeside(seen.split("/"), path));
  return {
    kind: "reading",
    take: reader.take,
    plan: (atMs) => {
      const plan = { definition, past: reader.past(), path, target, state: newFlowState(), events: [], items: [], reused: new Set<Place>(), passed: false };
      return planned(plan, target, found.rest, atMs);
    },
  };
}

function* planned(plan: Plan, target: Place, rest: Place, atMs: number): Generator<undefined, Restart> {
  const missing = (yield* play(plan, atMs)) ?? (plan.passed ? undefined : missingAt(plan, target));
  if (missing !== undefined) return refused(missing);
  const { events, state, items, past } = plan;
  const whole = { kind: "planned", events, state, items, from: target } as const;
  if (rest === "") return whole;
  return past.stepJob === undefined ? refused(`that run did not come to ${target}`) : { ...whole, within: { place: rest, job: past.stepJob } };
}

const refused = (message: string): Extract<Restart, { kind: "refused" }> => ({ kind: "refused", message });

/** All of them are stored before the run is accepted. */
const MOST_TAKEN_OVER = 20_000;
/** Of the new run, without a stop. */
const EVENTS_AT_ONCE = 500;

interface Plan {
  readonly definition: FlowDefinition;
  readonly past: Past;
  /** Of the step at which the run is to go on. */
  readonly path: readonly string[];
  readonly target: Place;
  passed: boolean;
  readonly state: FlowState;
  readonly events: FlowEvent[];
  readonly items: ListItem[];
  readonly reused: Set<Place>;
}

/** Plays the new run up to the step, with answers of the past one. @returns why that cannot be */
function* play(plan: Plan, atMs: number): Generator<undefined, string | undefined> {
  const commands: Command[] = [];
  const tell = (happening: Happening): void => {
    const event = { ...happening, atMs, ...(plan.state.format !== LOG_FORMAT && { format: LOG_FORMAT }) };
    plan.events.push(event);
    const { commands: wanted, items } = advance(plan.definition, plan.state, event, (place) => {
      // A mock is over at once.
      if (place === plan.target) plan.passed = true;
    });
    commands.push(...wanted);
    plan.items.push(...items);
  };
  tell({ kind: "flow_started", preprocess: plan.past.preprocess });
  for (let at = 0; at < commands.length; at++) {
    if (plan.events.length > MOST_TAKEN_OVER) return `more than ${MOST_TAKEN_OVER} results would be taken over: restart at the loop itself`;
    const command = commands[at];
    const answer = command === undefined ? undefined : answerTo(plan, command);
    if (typeof answer === "string") return answer;
    if (answer === undefined) continue;
    tell(answer);
    if (plan.events.length % EVENTS_AT_ONCE === 0) yield;
  }
  return undefined;
}

/** @returns what is told to the run; undefined: nothing, it is the new run's own matter; a text: why there can be no restart */
function answerTo(plan: Plan, command: Command): Happening | string | undefined {
  if (command.kind === "finish" || command.kind === "answer_early") return undefined;
  // What it does now is what is wanted, not what another run did.
  if (command.kind === "recall") return { kind: "recalled" };
  if (command.kind === "ask" && command.question === "flow_skip") return { kind: "flow_skip_decided", skip: false };
  const path = command.place.split("/");
  const differsAt = path.findIndex((segment, at) => segment !== plan.path[at]);
  if (differsAt < 0) return path.length < plan.path.length ? goOnAround(plan, command) : undefined;
  // Within the step itself.
  if (differsAt >= plan.path.length) return undefined;
  return reuse(plan, path.slice(0, differsAt + 1), path[differsAt + 1]);
}

function goOnAround(plan: Plan, command: Command): Happening | string | undefined {
  if (command.kind === "go_on") return { kind: "went_on", place: command.place };
  return command.kind === "ask" ? decideAround(plan, command) : undefined;
}

/** A question of a step around the one at which the run goes on. */
function decideAround({ definition, past, path }: Plan, { place, question, branch }: Extract<Command, { kind: "ask" }>): Happening | string | undefined {
  switch (question) {
    case "skip":
      return { kind: "skip_decided", place, skip: false };
    case "parallelism":
      return { kind: "parallelism_decided", place, most: past.parallelism.get(place) ?? 1 };
    case "iterator": {
      const list = past.lists.get(place);
      return list === undefined ? `that run did not come to ${place}` : { kind: "iterator_opened", place, ...list };
    }
    case "branch": {
      const module = moduleAt(definition, place);
      const count = module?.value.kind === "branchone" ? module.value.branches.length : 0;
      const wanted = parseBranch(path[place.split("/").length]);
      if (branchTaken(past, place, count) !== wanted) return `that run did not go into branch ${wanted ?? "?"} of ${place}`;
      return { kind: "branch_decided", place, branch: branch ?? 0, taken: branch === wanted };
    }
    default:
      return undefined;
  }
}

/** Something beside the way to the step begins: what the past run made of it takes its place, where it may. */
function reuse(plan: Plan, beside: readonly string[], inner: string | undefined): Happening | string | undefined {
  const need = needOf(plan, beside);
  if (need === "not") return undefined;
  const place = beside.join("/");
  // Of the iteration before, the results of its steps are seen by the one in which the run goes on.
  const step = inner === undefined || !isIterationBefore(plan, beside) ? undefined : `${place}/${inner}`;
  if (step !== undefined && plan.past.over.has(step) && !plan.reused.has(step)) return reused(plan, step);
  if (plan.reused.has(place)) return undefined;
  if (need === "gladly" && plan.past.over.get(place)?.done.status !== "succeeded") return undefined;
  return reused(plan, place);
}

function reused(plan: Plan, place: Place): Happening | string {
  const known = plan.past.over.get(place);
  if (known === undefined) return `${place} has no result in that run: restart there, or before`;
  const { status, value: old, attempt } = known.done;
  const value = valueIn(plan, place, old);
  const inner = innerIn(plan, known.done);
  if (value === undefined || inner === undefined) return `the result of ${place} was a mock, which this version has no more: restart there, or before`;
  plan.reused.add(place);
  const more = { ...(known.approvals === undefined ? {} : { approvals: known.approvals }), ...(Object.keys(inner).length > 0 && { inner }) };
  return { kind: "reused", place, status, value, attempt, ...more };
}

/** @returns undefined when the new run cannot have one of them */
function innerIn(plan: Plan, { inner = {} }: StepDone): Inner | undefined {
  const found: Record<string, ValueRef> = {};
  for (const [id, old] of Object.entries(inner)) {
    const value = valueIn(plan, "place" in old ? old.place : "", old);
    if (value === undefined) return undefined;
    found[id] = value;
  }
  return found;
}

/** What a mock gives is in the definition, and the new run may have another one. @returns undefined when the new one cannot have the value */
function valueIn({ definition, past }: Plan, place: Place, value: ValueRef): ValueRef | undefined {
  if (definition === past.definition) return value;
  if (value.kind === "list") {
    const [then, now] = [moduleAt(past.definition, place), moduleAt(definition, place)].map((module) => JSON.stringify(module));
    return then === now || then?.includes('"mock":') !== true ? value : undefined;
  }
  if (value.kind !== "mock") return value;
  const [then, now] = [past.definition, definition].map((one) => JSON.stringify(moduleAt(one, value.place)?.mock?.returnValue ?? null));
  if (then === now) return value;
  // Letters of JSON text have three bytes at most.
  return then !== undefined && then.length * 3 <= INLINE_VALUE_BYTES ? { kind: "json", json: then } : undefined;
}

/** Whether what the past run made of a place is needed: of all that comes before the step. `gladly`: it runs beside it. */
function needOf({ definition, path }: Plan, beside: readonly string[]): "surely" | "gladly" | "not" {
  const at = beside.length - 1;
  if (at % 2 === 1) {
    const module = moduleAt(definition, beside.slice(0, at).join("/"));
    if (module !== undefined && isParallel(module)) return "gladly";
    return Number(beside[at]) < Number(path[at]) ? "surely" : "not";
  }
  if (at === 0 && beside[0] === PREPROCESSOR_PLACE) return "surely";
  const modules = at === 0 ? definition.modules : modulesAround(definition, beside);
  const placeOf = (id: string | undefined): number => modules.findIndex((module) => module.id === id);
  return placeOf(beside[at]) < placeOf(path[at]) ? "surely" : "not";
}

/** The modules of the level on which a step is. */
function modulesAround(definition: FlowDefinition, path: readonly string[]): readonly Module[] {
  const module = moduleAt(definition, path.slice(0, -2).join("/"));
  const branch = parseBranch(path.at(-2));
  return (module === undefined || branch === undefined ? undefined : modulesWithin(module, branch)) ?? [];
}

/** Whether a place differs from the path in its last part only, or is a step of the iteration before one that the path names. */
function isBeside(place: readonly string[], path: readonly string[]): boolean {
  const differsAt = place.findIndex((segment, at) => segment !== path[at]);
  if (differsAt < 0 || differsAt >= path.length) return false;
  return differsAt === place.length - 1 || (differsAt === place.length - 2 && isBefore(place, path, differsAt));
}

function isBefore(place: readonly string[], path: readonly string[], at: number): boolean {
  return at % 2 === 1 && Number(place[at]) === Number(path[at]) - 1;
}

/** Whether this is the iteration just before that in which the run goes on, of a loop that runs one after the other. */
function isIterationBefore({ definition, path }: Plan, beside: readonly string[]): boolean {
  const at = beside.length - 1;
  if (!isBefore(beside, path, at)) return false;
  const module = moduleAt(definition, beside.slice(0, at).join("/"));
  return module !== undefined && isLoop(module) && !isParallel(module);
}

/** The step itself, or the first one of an iteration or branch. */
function firstStep(module: Module, place: Place): Place | undefined {
  const segments = place.split("/");
  if (segments.length % 2 === 1) return place;
  const branch = parseBranch(segments.at(-1));
  const first = branch === undefined ? undefined : modulesWithin(module, branch)?.[0];
  return first === undefined ? undefined : `${place}/${first.id}`;
}

/** @returns why the run would not go on at the step; undefined when it will */
function missingAt({ definition, state, path }: Plan, target: Place): string | undefined {
  let missing: string | undefined = `that run did not come to ${target}`;
  const current = currentBlock(definition, state);
  if (current === undefined) return missing;
  visitBlock(current.level, current.block, {
    step: (place, { phase }, module) => {
      const around = place.split("/");
      if (place === target) missing = undefined;
      if (phase.kind !== "list" || !isParallel(module) || !target.startsWith(`${place}/`)) return;
      const index = Number(path[around.length]);
      if (index < phase.list.next || index >= (phase.list.count ?? 0)) return;
      // It begins when others have ended; nothing is known then of what it had done.
      const whole = target === firstStep(module, `${place}/${index}`);
      missing = whole ? undefined : `those before ${place}/${index} that did not succeed run first: restart from one of them, or from ${place}/${index}`;
    },
  });
  return missing;
}
