import type { FlowDefinition, Module } from "../model.ts";
import type { Place } from "./model.ts";
import { FAILURE_PLACE, type Level, levelWithin, PREPROCESSOR_PLACE, parseBranch, placeOn } from "./place.ts";
import { type BlockState, type FlowState, type JobAt, MOST_OPEN, type OpenItem, type StepState } from "./state.ts";

/** What is looked at on the way through all that is under way. */
interface Visitor {
  step(place: Place, step: StepState, module: Module): void;
  /** An iteration or branch that is open. */
  item?(place: Place, item: OpenItem): void;
}

/** The level and the block in which the run is; undefined before its first event and after its last. */
export function currentBlock(definition: FlowDefinition, state: FlowState): { readonly level: Level; readonly block: BlockState } | undefined {
  const { main, side } = state;
  const only = (module: Module | undefined, name: string) =>
    module === undefined || side === undefined ? undefined : { level: { modules: [module], prefix: "", name, share: MOST_OPEN }, block: side };
  switch (state.stage) {
    case "preprocessing":
      return only(definition.preprocessor, PREPROCESSOR_PLACE);
    case "running":
      return { level: mainLevel(definition), block: main };
    case "failing":
      return only(definition.failureModule, FAILURE_PLACE);
    case "new":
    case "recalling":
    case "deciding":
    case "over":
      return undefined;
  }
}

export function mainLevel(definition: FlowDefinition): Level {
  return { modules: definition.modules, prefix: "", share: MOST_OPEN };
}

/** Goes through all steps of a block that are under way, outer ones before those within them. */
export function visitBlock(level: Level, block: BlockState, visitor: Visitor): void {
  const module = level.modules[block.done.length];
  if (module !== undefined && block.step !== undefined) visitStep(module, block.step, placeOn(level, module), visitor);
}

function visitStep(module: Module, step: StepState, place: Place, visitor: Visitor): void {
  visitor.step(place, step, module);
  const { phase } = step;
  if (phase.kind === "choice") visitWithin(levelWithin(module, place, phase.branch, 1), phase.block, visitor);
  if (phase.kind !== "list") return;
  for (const item of phase.list.open) {
    visitor.item?.(`${place}/${item.index}`, item);
    visitWithin(levelWithin(module, place, item.index, 1), item.block, visitor);
  }
}

function visitWithin(level: Level | undefined, block: BlockState, visitor: Visitor): void {
  if (level !== undefined) visitBlock(level, block, visitor);
}

/** What is under way at a place: a step, or an iteration or branch of one. Goes straight there, however much is under way beside it. */
export function openAt(definition: FlowDefinition, state: FlowState, place: Place): { readonly step?: StepState; readonly item?: OpenItem } | undefined {
  const current = currentBlock(definition, state);
  const path = place.split("/");
  let level = current?.level;
  let block = current?.block;
  for (let at = 0; level !== undefined && block !== undefined; at += 2) {
    const module: Module | undefined = level.modules[block.done.length];
    const { step } = block;
    if (module === undefined || step === undefined || path[at] !== (level.name ?? module.id)) return undefined;
    if (at + 1 === path.length) return { step };
    const branch = parseBranch(path[at + 1]);
    const { phase } = step;
    const item = phase.kind === "list" ? phase.list.open.find(({ index }) => index === branch) : undefined;
    if (at + 2 === path.length) return item === undefined ? undefined : { item };
    block = phase.kind === "choice" && phase.branch === branch ? phase.block : item?.block;
    level = branch === undefined ? undefined : levelWithin(module, path.slice(0, at + 1).join("/"), branch, 1);
  }
  return undefined;
}

/** Whether this job of a place is one that runs, or is being cancelled. */
export function isRunning(definition: FlowDefinition, state: FlowState, { place, job }: JobAt): boolean {
  const phase = openAt(definition, state, place)?.step?.phase;
  return (phase?.kind === "running" && phase.job === job) || state.leaving.some((at) => at.job === job);
}

/** Running jobs of a block. */
export function blockJobs(level: Level, block: BlockState): JobAt[] {
  const jobs: JobAt[] = [];
  visitBlock(level, block, jobVisitor(jobs));
  return jobs;
}

/** Running jobs of a step. */
export function stepJobs(module: Module, step: StepState, place: Place): JobAt[] {
  const jobs: JobAt[] = [];
  visitStep(module, step, place, jobVisitor(jobs));
  return jobs;
}

function jobVisitor(jobs: JobAt[]): Visitor {
  return {
    step: (place, { phase }) => {
      if (phase.kind === "running") jobs.push({ place, job: phase.job });
    },
  };
}
