/** Whether the expressions of a definition are JavaScript, and whether what they refer to can be there when they are evaluated. */
import type { FieldError } from "../../kernel/app-error.ts";
import type { Json } from "../../kernel/json.ts";
import type { Expressions } from "./expressions/expressions.ts";
import { isObject, MAX_FINDINGS } from "./field-reader.ts";
import { flowInputMembers } from "./flow-input-members.ts";
import type { Module } from "./model.ts";
import { expressionsOf, insideOf, type ModuleExpression } from "./module-expressions.ts";
import type { ParsedFlow } from "./parse.ts";
import { unknownNames } from "./unknown-names.ts";

export type ExpressionReader = Pick<Expressions, "check" | "references">;

interface Checker {
  readonly expressions: ExpressionReader;
  readonly flow: ParsedFlow;
  /** JSON pointer of the document. */
  readonly root: string;
  /** Whether references are looked at: not in a definition from which steps are missing. */
  readonly isWhole: boolean;
  readonly parents: ReadonlyMap<string, string>;
  /** Names of the inputs when the schema allows no others. */
  readonly inputs: ReadonlySet<string> | undefined;
  readonly problems: FieldError[];
}

/**
 * Only the syntax is looked at when the flow has problems already.
 * @param root JSON pointer of the document @param names what its steps see beside what all see @returns what is wrong, up to `MAX_FINDINGS`
 */
export function checkExpressions(flow: ParsedFlow, expressions: ExpressionReader, root = "", names: readonly string[] = []): readonly FieldError[] {
  const { definition, schema } = flow;
  const inputs = definition.preprocessor === undefined ? closedInputs(schema) : undefined;
  const checker: Checker = { expressions, flow, root, isWhole: flow.problems.length === 0, parents: parentsOf(definition.modules), inputs, problems: [] };
  const none: Sight = { ids: new Set<string>(), names: new Set<string>() };
  if (definition.skipExpr !== undefined) {
    const expression: ModuleExpression = { source: definition.skipExpr, pointer: "/value/skip_expr", name: "skip_expr", when: "before" };
    checkOne(checker, expression, root, "", none);
  }
  if (definition.preprocessor !== undefined) checkModule(checker, definition.preprocessor, none);
  const ids = new Set<string>();
  checkModules(checker, definition.modules, { ids, names: new Set(names) });
  if (definition.failureModule !== undefined) checkModule(checker, definition.failureModule, { ids, names: new Set(["error"]) });
  if (checker.isWhole) checkEarlyReturn(checker);
  return checker.problems;
}

/** Names of the inputs of a schema that forbids others; undefined for any other schema. */
function closedInputs(schema: ParsedFlow["schema"]): ReadonlySet<string> | undefined {
  const properties: Json | undefined = schema?.["properties"];
  return schema?.["additionalProperties"] === false && isObject(properties) ? new Set([...Object.keys(properties), "iter"]) : undefined;
}

/** What an expression may refer to. */
interface Sight {
  /** Ids of steps that may have run; grows by those of the list that is gone through. */
  readonly ids: Set<string>;
  /** Beside those that are always there, see `unknown-names.ts`. */
  readonly names: ReadonlySet<string>;
}

function checkModules(checker: Checker, modules: readonly Module[], sight: Sight): void {
  for (const module of modules) checkModule(checker, module, sight);
}

/** What an expression sees is told by `core/scope.ts`; here it is what it may see on some path. */
function checkModule(checker: Checker, module: Module, { ids, names }: Sight): void {
  const pointer = checker.flow.pointers.get(module.id) ?? checker.root;
  const place = `step ${module.id}: `;
  const all = expressionsOf(module);
  const check = (expressions: readonly ModuleExpression[], more: readonly string[] = [], self?: string): void => {
    const sight = { ids, names: more.length === 0 ? names : new Set([...names, ...more]) };
    for (const expression of expressions) checkOne(checker, expression, pointer, place, sight, self);
  };
  check(all.filter(({ when }) => when === "before"));
  const eachRound = isLoop(module) ? all.filter(({ name }) => name === "stop_after_if") : [];
  const within = isLoop(module) ? new Set([...names, "iter"]) : names;
  for (const list of insideOf(module)) {
    const fresh = list.flatMap(seenBehind).filter((id) => !ids.has(id));
    // In the rounds after the first, all steps of a loop have run: in the round before.
    if (isLoop(module) && !isParallel(module)) for (const id of fresh) ids.add(id);
    checkModules(checker, list, { ids, names: within });
    check(eachRound, ["iter", "result"], module.id);
    for (const id of fresh) ids.delete(id);
  }
  for (const id of seenBehind(module)) ids.add(id);
  const after = all.filter((expression) => expression.when === "after" && !eachRound.includes(expression));
  for (const expression of after) check([expression], expression.name === "retry.retry_if" ? ["result", "error"] : ["result"]);
}

/** Ids of a step and of the steps within it that may be named behind it: those of branches that ran, and of a loop's last round when it has one. */
function seenBehind(module: Module): string[] {
  return isParallel(module) ? [module.id] : [module.id, ...insideOf(module).flatMap((list) => list.flatMap(seenBehind))];
}

function isLoop({ value }: Module): boolean {
  return value.kind === "whileloop" || value.kind === "forloop";
}

function isParallel({ value }: Module): boolean {
  return value.kind === "forloop" && value.parallel;
}

/** By id of a step in a loop or branch: the id of that. */
function parentsOf(modules: readonly Module[], found = new Map<string, string>()): ReadonlyMap<string, string> {
  for (const module of modules) {
    for (const list of insideOf(module)) {
      for (const { id } of list) found.set(id, module.id);
      parentsOf(list, found);
    }
  }
  return found;
}

/** @param self id of the step that has just run */
function checkOne(checker: Checker, { source, pointer, name }: ModuleExpression, from: string, place: string, { ids, names }: Sight, self?: string): void {
  const complain = (message: string): void => {
    if (checker.problems.length < MAX_FINDINGS) checker.problems.push({ pointer: `${from}${pointer}`, message: `${place}${name} ${message}` });
  };
  const syntax = checker.expressions.check(source);
  if (syntax !== undefined) {
    complain(`is no JavaScript expression: ${syntax}`);
    return;
  }
  if (!checker.isWhole) return;
  const { results, free } = checker.expressions.references(source);
  for (const problem of unknownNames(free, names)) complain(problem);
  if (results !== "all") {
    for (const id of results) if (!ids.has(id)) complain(`refers to results.${id}, ${id === self ? "which is `result` here" : whyNot(checker, id, ids)}`);
  }
  if (checker.inputs === undefined) return;
  for (const input of flowInputMembers(source)) {
    if (!checker.inputs.has(input)) complain(`refers to flow_input.${input}, which the schema does not allow: ${listed("it has", checker.inputs)}`);
  }
}

function whyNot({ flow, parents }: Checker, id: string, visible: ReadonlySet<string>): string {
  for (let around = parents.get(id); around !== undefined; around = parents.get(around)) {
    if (visible.has(around)) return `which is inside step ${around}: results.${around} has its result`;
  }
  if (flow.pointers.has(id)) return "which cannot have run by then: it comes later, is in another branch, or stands around this step";
  return `but no step has that id: ${listed("before it are", visible)}`;
}

const MAX_LISTED = 10;

function listed(lead: string, names: ReadonlySet<string>): string {
  if (names.size === 0) return `${lead} none`;
  const some = [...names].slice(0, MAX_LISTED).join(", ");
  return `${lead} ${some}${names.size > MAX_LISTED ? " …" : ""}`;
}

function checkEarlyReturn({ flow, root, problems }: Checker): void {
  const { earlyReturn: id, preprocessor, failureModule } = flow.definition;
  if (id === undefined || (flow.pointers.has(id) && id !== preprocessor?.id && id !== failureModule?.id)) return;
  problems.push({ pointer: `${root}/value/early_return`, message: `early_return names step ${id}, which is not there` });
}
