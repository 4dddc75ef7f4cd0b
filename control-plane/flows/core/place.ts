import type { FlowDefinition, Module } from "../model.ts";
import type { Place } from "./model.ts";
import type { Branch } from "./state.ts";

/** A list of modules at some place of a run. */
export interface Level {
  readonly modules: readonly Module[];
  /** Of the places of its modules: empty, or ends in `/`. */
  readonly prefix: string;
  /** Names that stand in places instead of the module's id: of the failure module and the preprocessor. */
  readonly name?: string;
  /** How many blocks may be open at a time in each of its steps. */
  readonly share: number;
}

export const FAILURE_PLACE = "failure";
export const PREPROCESSOR_PLACE = "preprocessor";

/** The place of the module on its level. */
export function placeOn(level: Level, module: Module): Place {
  return level.prefix + (level.name ?? module.id);
}

/** The level within a step of a loop or branch. @param share how many blocks may be open within it */
export function levelWithin(module: Module, place: Place, branch: Branch, share: number): Level | undefined {
  const modules = modulesWithin(module, branch);
  return modules === undefined ? undefined : { modules, prefix: `${place}/${branch}/`, share };
}

/** The modules of a loop, or of one of a step's branches; undefined where there are none. */
export function modulesWithin(module: Module, branch: Branch): readonly Module[] | undefined {
  const { value } = module;
  switch (value.kind) {
    case "forloop":
    case "whileloop":
      return branch === "default" ? undefined : value.modules;
    case "branchone":
      return branch === "default" ? value.default : value.branches[branch]?.modules;
    case "branchall":
      return branch === "default" ? undefined : value.branches[branch]?.modules;
    default:
      return undefined;
  }
}

/** The part of a place that is a branch or an index. */
export function parseBranch(segment: string | undefined): Branch | undefined {
  if (segment === "default") return segment;
  return segment !== undefined && /^(0|[1-9][0-9]{0,8})$/.test(segment) ? Number(segment) : undefined;
}

/** A place in a definition: the module there, and what of the place lies within its sub-flow. */
export interface Found {
  readonly module: Module;
  /** The place of the module, or of one of its iterations or branches. */
  readonly place: Place;
  /** A place in the flow that the module runs; empty when the place is the module. */
  readonly rest: Place;
}

/**
 * Finds the module of a place. `loop/3` gives the loop. What follows on a sub-flow's step is a place in that flow.
 * @returns undefined when the definition has no such place
 */
export function findPlace(definition: FlowDefinition, place: Place): Found | undefined {
  const segments = place.split("/");
  let modules = topModules(definition, segments[0]);
  let top = true;
  for (let at = 0; ; at += 2) {
    const name = segments[at];
    const module = top && modules !== definition.modules ? modules[0] : modules.find(({ id }) => id === name);
    if (module === undefined) return undefined;
    top = false;
    if (at + 1 === segments.length) return { module, place, rest: "" };
    if (module.value.kind === "flow") return { module, place: segments.slice(0, at + 1).join("/"), rest: segments.slice(at + 1).join("/") };
    const branch = parseBranch(segments[at + 1]);
    const within = branch === undefined ? undefined : modulesWithin(module, branch);
    if (within === undefined) return undefined;
    if (at + 2 === segments.length) return { module, place, rest: "" };
    modules = within;
  }
}

/** The module at a place of this definition, see `findPlace`. */
export function moduleAt(definition: FlowDefinition, place: Place): Module | undefined {
  const found = findPlace(definition, place);
  return found === undefined || found.rest !== "" ? undefined : found.module;
}

function topModules(definition: FlowDefinition, name: string | undefined): readonly Module[] {
  if (name === FAILURE_PLACE) return definition.failureModule === undefined ? [] : [definition.failureModule];
  if (name === PREPROCESSOR_PLACE) return definition.preprocessor === undefined ? [] : [definition.preprocessor];
  return definition.modules;
}

/** Loops and branchalls: what has a list of results. */
export function isList(module: Module): boolean {
  return isLoop(module) || module.value.kind === "branchall";
}

export function isLoop(module: Module): boolean {
  return module.value.kind === "forloop" || module.value.kind === "whileloop";
}

/** What runs as a job of its own. */
export function isJob(module: Module): boolean {
  const { kind } = module.value;
  return kind === "rawscript" || kind === "script" || kind === "flow" || kind === "aiagent";
}

/** Its blocks run side by side. */
export function isParallel({ value }: Module): boolean {
  return (value.kind === "forloop" || value.kind === "branchall") && value.parallel;
}
