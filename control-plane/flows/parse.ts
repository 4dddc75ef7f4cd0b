/**
 * From an OpenFlow document to a definition that can run. Pure: the document is plain JSON within the bounds of `document-bounds.ts`, and nothing
 * outside of it is asked. Whether expressions parse and references lead anywhere is the matter of `check-expressions.ts`.
 */
import type { FieldError } from "../../kernel/app-error.ts";
import type { Json } from "../../kernel/json.ts";
import { LIMIT_BOUNDS } from "../jobs/limits-contract.ts";
import { checkShape, complain, type Fields, type Findings, flagOf, isObject, numberOf, objectOf, positiveOf, textOf } from "./field-reader.ts";
import { type InputSchema, inputSchemaOf } from "./input-schema.ts";
import { mainParameters } from "./main-parameters.ts";
import type { FlowDefinition, Module } from "./model.ts";
import { FLOW_LIMITS, FLOW_SHAPE, VALUE_SHAPE } from "./openflow.ts";
import { concurrencyOf, keyOf, type ModuleReader, moduleOf, modulesOf, priorityOf, withoutUndefined } from "./parse-modules.ts";

export interface ParsedFlow {
  readonly summary: string;
  readonly description?: string;
  /** What the inputs are checked against: see `input-schema.ts`. */
  readonly schema?: InputSchema;
  /** Runs only when there are no problems. */
  readonly definition: FlowDefinition;
  readonly problems: readonly FieldError[];
  /** JSON pointers of members that are kept and that nothing reads. */
  readonly ignored: readonly string[];
  /** JSON pointer of each step by id; those of the failure module and the preprocessor under these words. */
  readonly pointers: ReadonlyMap<string, string>;
}

/** Reads a document. Never throws: what is wrong comes back, all of it up to `MAX_FINDINGS`. @param pointer JSON pointer of the document */
export function parseFlow(document: Json, pointer = ""): ParsedFlow {
  const findings: Findings = { problems: [], ignored: [] };
  const outline: Fields = { members: isObject(document) ? document : {}, pointer, place: "", findings };
  if (!isObject(document)) complain(outline, "", "a flow is an object with the members summary and value");
  checkShape(outline, FLOW_SHAPE);
  const pointers = new Map<string, string>();
  const value = objectOf(outline, "value", VALUE_SHAPE);
  if (value === undefined && isObject(document) && document["value"] === undefined) complain(outline, "value", "is missing");
  const definition = value === undefined ? EMPTY : definitionOf({ ...value, place: "" }, pointers);
  const schema = objectOf(outline, "schema")?.members;
  const description = textOf(outline, "description", FLOW_LIMITS.documentBytes);
  const more = withoutUndefined({ description, schema: schema === undefined ? undefined : inputSchemaOf(schema) });
  return { summary: textOf(outline, "summary", 1000) ?? "", ...more, definition, ...findings, pointers };
}

const EMPTY: FlowDefinition = { modules: [], sameWorker: false, env: {} };

function definitionOf(fields: Fields, ids: Map<string, string>): FlowDefinition {
  const sameWorker = flagOf(fields, "same_worker") ?? false;
  const reader: ModuleReader = { ids, count: 0, sharesFolder: sameWorker };
  const modules = modulesOf(fields, "modules", reader, 0);
  const settings = {
    failureModule: withError(handlerOf(fields, "failure_module", "failure", reader)),
    preprocessor: withEvent(handlerOf(fields, "preprocessor_module", "preprocessor", reader)),
    concurrency: concurrencyOf(fields, "concurrency_key"),
    debounce: debounceOf(fields),
    skipExpr: textOf(fields, "skip_expr", FLOW_LIMITS.expressionChars),
    priority: priorityOf(fields),
    earlyReturn: textOf(fields, "early_return", FLOW_LIMITS.idChars),
    cacheTtlS: positiveOf(fields, "cache_ttl", FLOW_LIMITS.cacheTtlS),
  };
  flagOf(fields, "chat_input_enabled");
  return {
    modules,
    sameWorker,
    env: constantsOf(fields),
    ...withoutUndefined(settings),
  };
}

/** Steps that stand outside of the list run code once: nothing else would make sense there. */
const HANDLER_KINDS: ReadonlySet<string> = new Set(["rawscript", "script", "flow"]);

function handlerOf(fields: Fields, name: "failure_module" | "preprocessor_module", id: string, reader: ModuleReader): Module | undefined {
  const module = objectOf(fields, name);
  if (module === undefined) return undefined;
  const given = textOf(module, "id", FLOW_LIMITS.idChars);
  if (given !== undefined && given !== id) complain(module, "id", `must be ${id}`);
  reader.ids.set(id, module.pointer);
  const read = moduleOf(module, id, reader, 0);
  if (read === undefined) return undefined;
  if (!HANDLER_KINDS.has(read.value.kind)) complain(module, "value", "must be a rawscript, script or flow");
  for (const setting of ["stop_after_if", "stop_after_all_iters_if", "skip_if", "sleep", "suspend", "continue_on_error"]) {
    if (module.members[setting] !== undefined && module.members[setting] !== null && module.members[setting] !== false)
      complain(module, setting, "is not supported: it is for steps in modules");
  }
  return read;
}

/** A preprocessor that names no inputs has what the trigger was called with, unless its function takes nothing. */
function withEvent(module: Module | undefined): Module | undefined {
  return takes(module)?.length === 0 ? module : withInput(module, "event", "flow_input.event");
}

/** A failure module that names no inputs has the error, if its function takes one of that name. */
function withError(module: Module | undefined): Module | undefined {
  return takes(module)?.includes("error") === true ? withInput(module, "error", "error") : module;
}

function takes(module: Module | undefined): readonly string[] | undefined {
  return module?.value.kind === "rawscript" ? mainParameters(module.value.language, module.value.content) : undefined;
}

function withInput(module: Module | undefined, name: string, source: string): Module | undefined {
  if (module === undefined || !("inputs" in module.value) || Object.keys(module.value.inputs).length > 0) return module;
  return { ...module, value: { ...module.value, inputs: { [name]: { kind: "expression", source } } } };
}

const REFERENCE = /^\$(?:var|res):/;

/** `flow_env`. What refers to something would be the text itself to every step: better nobody relies on it. */
function constantsOf(fields: Fields): FlowDefinition["env"] {
  const env = objectOf(fields, "flow_env");
  if (env === undefined) return {};
  for (const [name, value] of Object.entries(env.members))
    if (typeof value === "string" && REFERENCE.test(value))
      complain(env, name, `is not supported: constants refer to nothing. Give ${value.slice(0, 80)} to the steps that need it, as a static value of an input`);
  return env.members;
}

function debounceOf(fields: Fields): FlowDefinition["debounce"] {
  const delayS = numberOf(fields, "debounce_delay_s", 0, LIMIT_BOUNDS.delayS);
  const maxDelayS = numberOf(fields, "max_total_debouncing_time", 0, LIMIT_BOUNDS.delayS);
  const key = keyOf(fields, "debounce_key");
  if (delayS === undefined || delayS === 0) return undefined;
  if (delayS < 0.1) complain(fields, "debounce_delay_s", "must be at least 0.1");
  if (maxDelayS !== undefined && maxDelayS !== 0 && maxDelayS < delayS) complain(fields, "max_total_debouncing_time", "must not be less than debounce_delay_s");
  return { delayS, ...withoutUndefined({ key, maxDelayS: maxDelayS === 0 ? undefined : maxDelayS }) };
}
