/** A document that runs one step of another document. Pure. */
import type { Json } from "../../kernel/json.ts";
import { isObject } from "./field-reader.ts";

type Members = Readonly<Record<string, Json>>;

/** A step that stands for one that ran before: with a value, or without one when its result is stored with the run. */
export interface Stub {
  readonly id: string;
  readonly value?: Json;
}

/** What of a step is its work. Loops end by their stop_after_if. */
const KEPT = ["id", "summary", "value", "timeout", "priority"] as const;
const LOOPS: ReadonlySet<Json | undefined> = new Set(["forloopflow", "whileloopflow"]);

/** @returns undefined when the document has no such step among its modules */
export function testDocument(document: Members, id: string, stubs: readonly Stub[]): Members | undefined {
  const value = membersOf(document["value"]);
  const module = findModule(listOf(value["modules"]), id);
  if (module === undefined) return undefined;
  const work = membersOf(module["value"]);
  const kept = LOOPS.has(work["type"]) ? [...KEPT, "stop_after_if"] : KEPT;
  const own = Object.fromEntries(kept.flatMap((name) => (module[name] === undefined ? [] : [[name, module[name]]])));
  const constants = ["flow_env", "priority", "same_worker"].flatMap((name) => (value[name] === undefined ? [] : [[name, value[name]]]));
  return { summary: `step ${id} alone`, value: { ...Object.fromEntries(constants), modules: [...stubs.map(stubModule), own] } };
}

function stubModule({ id, value }: Stub): Members {
  const mock = value === undefined ? {} : { mock: { enabled: true, return_value: value } };
  return { id, ...mock, value: { type: "identity" } };
}

function findModule(modules: readonly Members[], id: string): Members | undefined {
  for (const module of modules) {
    const found =
      module["id"] === id
        ? module
        : listsIn(membersOf(module["value"]))
            .map((list) => findModule(list, id))
            .find((one) => one !== undefined);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Lists of steps inside a step. */
function listsIn(value: Members): Members[][] {
  return [listOf(value["modules"]), listOf(value["default"]), ...listOf(value["branches"]).map((branch) => listOf(branch["modules"]))];
}

const membersOf = (value: Json | undefined): Members => (isObject(value) ? value : {});
const listOf = (value: Json | undefined): Members[] => (Array.isArray(value) ? value.map(membersOf) : []);
