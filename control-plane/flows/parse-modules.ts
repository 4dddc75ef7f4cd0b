/** The steps of a document. A step that is wrong is left out, and its problems are noted. */
import { LANGUAGES } from "../../kernel/languages.ts";
import { keyProblem } from "../jobs/key-template.ts";
import { LIMIT_BOUNDS } from "../jobs/limits-contract.ts";
import { checkShape, complain, type Fields, flagOf, itemOf, listOf, member, objectOf, positiveOf, requiredText, textOf, wholeOf } from "./field-reader.ts";
import { parseFlowLanguage } from "./flow-languages.ts";
import type { Branch, Concurrency, Module, ModuleValue, Transform } from "./model.ts";
import { BRANCH_ALL_SHAPE, BRANCH_ONE_SHAPE, FLOW_LIMITS, MODULE_SHAPE, type ModuleType, RESERVED_IDS, VALUE_SHAPES } from "./openflow.ts";
import { expressionOf, inputsOf, mockOf, retryOf, secondsOf, stopOf, suspendOf, transformOf } from "./parse-rules.ts";

/** What is known of all steps while they are read. */
export interface ModuleReader {
  /** Where each id stands. */
  readonly ids: Map<string, string>;
  count: number;
  /** The flow has same_worker. */
  readonly sharesFolder: boolean;
}

const ID = /^[A-Za-z0-9_-]+$/;
const PATH = /^[uf]\/[A-Za-z0-9_-]+(\/[A-Za-z0-9_.-]+)+$/;
const TAG = /^[a-z0-9][a-z0-9._:-]{0,62}$/;
const HASH = /^[0-9a-f]{64}$/;
const DAY_S = 24 * 3600;

/** @param nesting loops and branches around the list */
export function modulesOf(fields: Fields, name: string, reader: ModuleReader, nesting: number): readonly Module[] {
  const list = listOf(fields, name, FLOW_LIMITS.modules);
  if (list === undefined && member(fields, name) === undefined) complain(fields, name, "is missing");
  if (nesting > FLOW_LIMITS.nesting) {
    complain(fields, name, `stands inside more than ${FLOW_LIMITS.nesting} loops and branches`);
    return [];
  }
  return (list ?? []).flatMap((value, index) => {
    const item = itemOf(fields, name, index, value);
    const module = item === undefined ? undefined : moduleOf(item, idOf(item, reader), reader, nesting);
    return module === undefined ? [] : [module];
  });
}

/** A step under an id that is known already. */
export function moduleOf(item: Fields, id: string | undefined, reader: ModuleReader, nesting: number): Module | undefined {
  reader.count += 1;
  if (reader.count === FLOW_LIMITS.modules + 1) complain(item, "", `is one too many: a flow has at most ${FLOW_LIMITS.modules} steps`);
  if (reader.count > FLOW_LIMITS.modules) return undefined;
  const fields = { ...item, place: `step ${id ?? "without id"}: ` };
  checkShape(fields, MODULE_SHAPE);
  const value = workOf(fields, reader, nesting);
  const settings = settingsOf(fields);
  if (value !== undefined) checkJobSettings(fields, settings, value, reader);
  return id === undefined || value === undefined ? undefined : { id, ...settings, value };
}

function idOf(item: Fields, reader: ModuleReader): string | undefined {
  const id = requiredText(item, "id", FLOW_LIMITS.idChars);
  if (id === undefined) return undefined;
  const fields = { ...item, place: `step ${id}: ` };
  if (!ID.test(id)) complain(fields, "id", "has letters, digits, _ and - only");
  else if (RESERVED_IDS.has(id)) complain(fields, "id", "is a reserved word: choose another");
  const before = reader.ids.get(id);
  if (before !== undefined) complain(fields, "id", `is also the id of ${before}: each step needs its own`);
  reader.ids.set(id, before ?? item.pointer);
  return id;
}

function settingsOf(fields: Fields): Omit<Module, "id" | "value"> {
  const settings = {
    summary: textOf(fields, "summary", 10_000),
    stopAfterIf: stopOf(fields, "stop_after_if"),
    stopAfterAllItersIf: stopOf(fields, "stop_after_all_iters_if"),
    skipIf: expressionOf(fields, "skip_if"),
    sleep: secondsOf(fields, "sleep", FLOW_LIMITS.delayS),
    timeout: secondsOf(fields, "timeout", DAY_S),
    priority: priorityOf(fields),
    mock: mockOf(fields),
    retry: retryOf(fields),
    continueOnError: flagOf(fields, "continue_on_error"),
    suspend: suspendOf(fields),
    cacheTtlS: positiveOf(fields, "cache_ttl", FLOW_LIMITS.cacheTtlS),
    deleteAfterUse: flagOf(fields, "delete_after_use") === true ? true : undefined,
  };
  return withoutUndefined(settings);
}

const WITHOUT_JOB: ReadonlySet<ModuleValue["kind"]> = new Set(["forloop", "whileloop", "branchone", "branchall", "identity"]);

/** Settings about the job of a step: loops, branches and identities have none. */
function checkJobSettings(
  fields: Fields,
  { cacheTtlS, deleteAfterUse, timeout }: Omit<Module, "id" | "value">,
  { kind }: ModuleValue,
  { sharesFolder }: ModuleReader,
): void {
  const advice = kind === "identity" ? "an identity has no job" : "give it to the steps inside";
  if (cacheTtlS !== undefined && WITHOUT_JOB.has(kind)) complain(fields, "cache_ttl", `is not supported: ${advice}`);
  if (cacheTtlS !== undefined && sharesFolder && (kind === "rawscript" || kind === "script"))
    complain(fields, "cache_ttl", "contradicts same_worker: a result that is kept comes without the files");
  if (timeout !== undefined && kind !== "identity" && WITHOUT_JOB.has(kind)) complain(fields, "timeout", `is not supported: ${advice}`);
  if (deleteAfterUse === true && WITHOUT_JOB.has(kind)) complain(fields, "delete_after_use", `is not supported: ${advice}`);
  if (deleteAfterUse === true && cacheTtlS !== undefined) complain(fields, "delete_after_use", "contradicts cache_ttl, which keeps the result");
}

/** OpenFlow knows 0 to 100, a job 0 to 9. */
export function priorityOf(fields: Fields): number | undefined {
  const priority = wholeOf(fields, "priority", 0, 100);
  return priority === undefined ? undefined : Math.min(priority, 9);
}

type Defined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

/** Absent members instead of undefined ones: a definition is plain JSON. */
export function withoutUndefined<T extends object>(members: T): Defined<T>;
export function withoutUndefined(members: object): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function workOf(module: Fields, reader: ModuleReader, nesting: number): ModuleValue | undefined {
  const fields = objectOf(module, "value");
  if (fields === undefined) {
    if (member(module, "value") === undefined) complain(module, "value", "is missing");
    return undefined;
  }
  const type = requiredText(fields, "type", 100);
  if (type === undefined) return undefined;
  if (!isModuleType(type)) {
    complain(fields, "type", `must be one of ${Object.keys(VALUE_SHAPES).join(", ")}`);
    return undefined;
  }
  checkShape(fields, VALUE_SHAPES[type]);
  return READERS[type](fields, reader, nesting);
}

function isModuleType(type: string): type is ModuleType {
  return Object.hasOwn(VALUE_SHAPES, type);
}

const READERS: Readonly<Record<ModuleType, (fields: Fields, reader: ModuleReader, nesting: number) => ModuleValue | undefined>> = {
  rawscript: rawScriptOf,
  script: scriptOf,
  flow(fields) {
    const path = pathOf(fields);
    const inputs = inputsOf(fields);
    return path === undefined ? undefined : { kind: "flow", path, inputs };
  },
  forloopflow(fields, reader, nesting) {
    const iterator = transformOf(fields, "iterator", "list");
    if (member(fields, "iterator") === undefined) complain(fields, "iterator", "is missing");
    const parallelism = parallelismOf(fields);
    const modules = modulesOf(fields, "modules", reader, nesting + 1);
    const skipFailures = flagOf(fields, "skip_failures") ?? true;
    const parallel = flagOf(fields, "parallel") ?? false;
    if (iterator === undefined) return undefined;
    return { kind: "forloop", iterator, modules, skipFailures, parallel, ...(parallelism !== undefined && { parallelism }) };
  },
  whileloopflow: (fields, reader, nesting) => ({
    kind: "whileloop",
    modules: modulesOf(fields, "modules", reader, nesting + 1),
    skipFailures: flagOf(fields, "skip_failures") ?? false,
  }),
  branchone: (fields, reader, nesting) => ({
    kind: "branchone",
    branches: branchesOf(fields, BRANCH_ONE_SHAPE, (item) => {
      const expr = requiredText(item, "expr", FLOW_LIMITS.expressionChars);
      return { ...branchOf(item, reader, nesting), expr: expr ?? "" };
    }),
    default: member(fields, "default") === undefined ? [] : modulesOf(fields, "default", reader, nesting + 1),
  }),
  branchall: (fields, reader, nesting) => ({
    kind: "branchall",
    branches: branchesOf(fields, BRANCH_ALL_SHAPE, (item) => ({
      ...branchOf(item, reader, nesting),
      skipFailure: flagOf(item, "skip_failure") ?? true,
    })),
    parallel: flagOf(fields, "parallel") ?? true,
  }),
  identity: (fields) => ({ kind: "identity", inputs: inputsOf(fields) }),
  aiagent: () => ({ kind: "aiagent" }),
};

/** Zero means as many as are allowed. */
function parallelismOf(fields: Fields): Transform | undefined {
  const parallelism = transformOf(fields, "parallelism", { least: 0, most: LIMIT_BOUNDS.running, isWhole: true });
  return parallelism?.kind === "static" && parallelism.value === 0 ? undefined : parallelism;
}

function branchesOf<B extends Branch>(fields: Fields, shape: Parameters<typeof checkShape>[1], read: (item: Fields) => B): readonly B[] {
  const list = listOf(fields, "branches", FLOW_LIMITS.branches);
  if (list === undefined && member(fields, "branches") === undefined) complain(fields, "branches", "is missing");
  return (list ?? []).flatMap((value, index) => {
    const item = itemOf(fields, "branches", index, value, shape);
    return item === undefined ? [] : [read(item)];
  });
}

function branchOf(item: Fields, reader: ModuleReader, nesting: number): Branch {
  const summary = textOf(item, "summary", 10_000);
  return { ...(summary !== undefined && { summary }), modules: modulesOf(item, "modules", reader, nesting + 1) };
}

function rawScriptOf(fields: Fields): ModuleValue | undefined {
  const name = requiredText(fields, "language", 100);
  const language = name === undefined ? undefined : parseFlowLanguage(name);
  if (name !== undefined && language === undefined) complain(fields, "language", `is not known: ${LANGUAGES.join(", ")} have a runtime`);
  const content = member(fields, "content");
  if (content === undefined) complain(fields, "content", "is missing");
  else if (typeof content !== "string") complain(fields, "content", "must be text");
  const concurrency = concurrencyOf(fields, "custom_concurrency_key");
  const rest = withoutUndefined({
    path: textOf(fields, "path", 255),
    tag: tagOf(fields, "tag"),
    concurrency,
  });
  const inputs = inputsOf(fields);
  return language === undefined || typeof content !== "string" ? undefined : { kind: "rawscript", language, content, ...rest, inputs };
}

function scriptOf(fields: Fields): ModuleValue | undefined {
  const path = pathOf(fields);
  const hash = textOf(fields, "hash", 100);
  if (hash !== undefined && !HASH.test(hash)) complain(fields, "hash", "is not the hash of a version: leave it out to run the newest one");
  const rest = withoutUndefined({ hash, tag: tagOf(fields, "tag_override") });
  const inputs = inputsOf(fields);
  return path === undefined ? undefined : { kind: "script", path, ...rest, inputs };
}

function pathOf(fields: Fields): string | undefined {
  const path = requiredText(fields, "path", 255);
  if (path === undefined || PATH.test(path)) return path;
  complain(
    fields,
    "path",
    path.startsWith("hub/") ? "leads to Windmill's hub: deploy the script here and name its path" : "must look like f/folder/name or u/user/name",
  );
  return undefined;
}

function tagOf(fields: Fields, name: string): string | undefined {
  const tag = textOf(fields, name, 63);
  if (tag !== undefined && !TAG.test(tag)) complain(fields, name, "must be 1 to 63 characters: a-z, 0-9, dot, underscore, colon, hyphen");
  return tag;
}

/** `concurrent_limit` and what belongs to it, of a flow or of inline code. Undefined without a limit. */
export function concurrencyOf(fields: Fields, keyName: "concurrency_key" | "custom_concurrency_key"): Concurrency | undefined {
  const limit = positiveOf(fields, "concurrent_limit", LIMIT_BOUNDS.running);
  const windowS = positiveOf(fields, "concurrency_time_window_s", LIMIT_BOUNDS.windowS);
  const key = keyOf(fields, keyName);
  return limit === undefined ? undefined : { limit, ...withoutUndefined({ key, windowS }) };
}

/** A key of a limit: text with `$workspace` and `$args[name]`. */
export function keyOf(fields: Fields, name: string): string | undefined {
  const key = textOf(fields, name, LIMIT_BOUNDS.keyChars);
  const problem = key === undefined ? undefined : keyProblem(key);
  if (problem !== undefined) complain(fields, name, `is not right: ${problem}`);
  return key;
}
