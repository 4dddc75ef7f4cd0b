/**
 * The common subset of expressions, made into functions once and run in microseconds: paths, literals, operators, templates, methods and
 * arrows that leave everything as it is. What it does, it does exactly as JavaScript; everything else it refuses, before or while it
 * runs. Nothing it does can be seen from outside, so that the sandbox may start again from the beginning.
 */
import type { Expression, MemberExpression, Statement, TemplateLiteral } from "acorn";
import { compileList, compileRecord } from "./compile-literals.ts";
import { compileLookup, functionName } from "./compile-lookups.ts";
import { type Bind, compilePattern } from "./compile-patterns.ts";
import { CALLED_WITH_ONE, callNumberMethod, GLOBAL_FUNCTIONS } from "./global-functions.ts";
import { type Callback, callListMethod, callWithCallback } from "./list-methods.ts";
import { isOwnName, type Names } from "./names.ts";
import { binaryOperator, unaryOperator } from "./operators.ts";
import { callTextMethod } from "./text-methods.ts";
import { isList, keyOf, memberOf, primitive, type Run, refuse, type Value, type ValueRecord, weighed } from "./values.ts";

/** What a chain with `?.` answers inside itself once it has met nothing. */
const NOTHING: ValueRecord = Object.freeze({});

const CONSTANTS: ReadonlyMap<string, undefined | number> = new Map([
  ["undefined", undefined],
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
]);

function compile(node: Expression, names: Names): Run {
  switch (node.type) {
    case "Literal":
      return compileLiteral(node.value);
    case "Identifier":
      return compileName(node.name, names);
    case "MemberExpression":
      return compileMember(node, names);
    case "ChainExpression": {
      const chain = compile(node.expression, names);
      return (frame) => {
        const value = chain(frame);
        return value === NOTHING ? undefined : value;
      };
    }
    case "CallExpression":
      return node.optional ? refuse() : compileCall(node.callee, node.arguments, names);
    case "TemplateLiteral":
      return compileTemplate(node, names);
    case "ArrayExpression":
      return compileList(node, names, compile);
    case "ObjectExpression":
      return compileRecord(node, names, compile);
    case "AwaitExpression":
    case "ParenthesizedExpression":
      // Data is never a promise.
      return compile(node.type === "AwaitExpression" ? node.argument : node.expression, names);
    case "SequenceExpression":
      return compileSequence(node.expressions, names);
    default:
      return compileOperation(node, names);
  }
}

/** `const` declarations and then one value. */
export function compileStatements(body: readonly Statement[], names: Names): Run {
  const steps: { readonly bind: Bind; readonly run: Run }[] = [];
  let known = names;
  for (const statement of body.slice(0, -1)) {
    if (statement.type !== "VariableDeclaration") return refuse();
    for (const { id, init } of statement.declarations) {
      if (!init) return refuse();
      const run = compile(init, known);
      const pattern = compilePattern(id, known);
      known = pattern.names;
      steps.push({ bind: pattern.bind, run });
    }
  }
  const last = body.at(-1);
  const value = last?.type === "ExpressionStatement" ? last.expression : last?.type === "ReturnStatement" ? last.argument : undefined;
  if (!value) return refuse();
  const run = compile(value, known);
  if (steps.length === 0) return run;
  return (frame) => {
    for (const step of steps) step.bind(frame, step.run(frame));
    return run(frame);
  };
}

function compileOperation(node: Expression, names: Names): Run {
  switch (node.type) {
    case "UnaryExpression": {
      const operate = unaryOperator(node.operator);
      const argument = compile(node.argument, names);
      return (frame) => operate(weighed(argument(frame), frame));
    }
    case "BinaryExpression": {
      if (node.left.type === "PrivateIdentifier") return refuse();
      const operate = binaryOperator(node.operator);
      const [left, right] = [compile(node.left, names), compile(node.right, names)];
      return (frame) => weighed(operate(weighed(left(frame), frame), weighed(right(frame), frame)), frame);
    }
    case "LogicalExpression": {
      const [left, right] = [compile(node.left, names), compile(node.right, names)];
      if (node.operator === "&&") return (frame) => left(frame) && right(frame);
      return node.operator === "||" ? (frame) => left(frame) || right(frame) : (frame) => left(frame) ?? right(frame);
    }
    case "ConditionalExpression": {
      const [test, yes, no] = [compile(node.test, names), compile(node.consequent, names), compile(node.alternate, names)];
      return (frame) => (test(frame) ? yes(frame) : no(frame));
    }
    default:
      return refuse();
  }
}

function compileLiteral(value: unknown): Run {
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean") return () => value;
  return refuse();
}

function compileName(name: string, names: Names): Run {
  const slot = names.slots.get(name);
  if (slot !== undefined) return (frame) => frame.slots[slot];
  if (names.pending.has(name)) return refuse();
  const constant = CONSTANTS.get(name);
  if (CONSTANTS.has(name)) return () => constant;
  // Of names that the scope lacks the sandbox knows what they are, or says that they are nothing.
  return ({ scope }) => (Object.hasOwn(scope.values, name) ? scope.values[name] : refuse());
}

function compileMember(node: MemberExpression, names: Names): Run {
  if (node.object.type === "Super" || node.property.type === "PrivateIdentifier") return refuse();
  const object = compile(node.object, names);
  const { optional } = node;
  const offset = node.property.start;
  if (!node.computed && node.property.type === "Identifier") {
    const key = keyOf(node.property.name);
    return (frame) => {
      const owner = object(frame);
      if (owner === NOTHING || (optional && (owner === null || owner === undefined))) return NOTHING;
      return memberOf(owner, key, offset);
    };
  }
  const property = compile(node.property, names);
  return (frame) => {
    const owner = object(frame);
    if (owner === NOTHING || (optional && (owner === null || owner === undefined))) return NOTHING;
    const index = property(frame);
    if (typeof index === "number" && isList(owner) && index >= 0 && index < owner.length && Number.isInteger(index)) return owner[index];
    // The error of `null[key]` names the key, and the key may have to be made by code: not here.
    return owner === null || owner === undefined ? refuse() : memberOf(owner, keyOf(index), offset);
  };
}

type Call = Extract<Expression, { type: "CallExpression" }>;

function compileCall(callee: Call["callee"], args: Call["arguments"], names: Names): Run {
  if (callee.type === "Super") return refuse();
  const lookup = compileLookup(callee, args, names, compile);
  if (lookup !== undefined) return lookup;
  const name = functionName(callee, names);
  const global = name === undefined ? undefined : GLOBAL_FUNCTIONS.get(name);
  if (global !== undefined) {
    const values = compileArguments(args, names);
    return (frame) =>
      global(
        values.map((value) => value(frame)),
        frame,
      );
  }
  if (callee.type !== "MemberExpression" || callee.computed || callee.property.type !== "Identifier" || callee.object.type === "Super") return refuse();
  return compileMethod(callee, callee.property.name, compile(callee.object, names), args, names);
}

function compileMethod({ optional, property }: MemberExpression, name: string, owner: Run, args: Call["arguments"], names: Names): Run {
  const [first, ...more] = args;
  const callback = first === undefined ? undefined : compileCallback(first, names);
  const values = compileArguments(callback === undefined ? args : more, names);
  return (frame) => {
    const value = owner(frame);
    if (value === NOTHING || (optional && (value === null || value === undefined))) return NOTHING;
    // Before the arguments are evaluated.
    if (value === null || value === undefined) return memberOf(value, name, property.start);
    const given = values.map((argument) => argument(frame));
    if (callback !== undefined) return isList(value) ? callWithCallback(value, name, callback.call, callback.cost, given, frame) : refuse();
    if (typeof value === "string") return callTextMethod(value, name, given, frame);
    if (typeof value === "number") return weighed(callNumberMethod(value, name, given), frame);
    return isList(value) ? callListMethod(value, name, given, frame) : refuse();
  };
}

function compileArguments(args: Call["arguments"], names: Names): Run[] {
  return args.map((argument) => (argument.type === "SpreadElement" ? refuse() : compile(argument, names)));
}

interface CompiledCallback {
  readonly call: Callback;
  /** About the number of parts that one call runs. */
  readonly cost: number;
}

/** `(element, index) => expression`, `Boolean` and the like, to be called by a method at once; undefined when the argument is a value. */
function compileCallback(node: Call["arguments"][number], names: Names): CompiledCallback | undefined {
  if (node.type === "ArrowFunctionExpression") return compileArrow(node, names);
  const global = node.type === "Identifier" && !isOwnName(names, node.name) ? CALLED_WITH_ONE.get(node.name) : undefined;
  return global === undefined ? undefined : { call: (frame, element) => global([element], frame), cost: 1 };
}

function compileArrow(node: Extract<Expression, { type: "ArrowFunctionExpression" }>, names: Names): CompiledCallback {
  if (node.async || node.body.type === "BlockStatement") return refuse();
  const binds: Bind[] = [];
  let inner = names;
  for (const parameter of node.params) {
    const pattern = compilePattern(parameter, inner);
    inner = pattern.names;
    binds.push(pattern.bind);
  }
  const body = compile(node.body, inner);
  const call: Callback = (frame, ...args) => {
    // No iterator: this is where lists spend their time.
    for (let at = 0; at < binds.length; at++) binds[at]?.(frame, args[at]);
    return body(frame);
  };
  return { call, cost: 1 + ((node.body.end - node.start) >> 3) };
}

function compileSequence(expressions: readonly Expression[], names: Names): Run {
  const runs = expressions.map((expression) => compile(expression, names));
  return (frame) => {
    let value: Value;
    for (const run of runs) value = run(frame);
    return value;
  };
}

function compileTemplate(node: TemplateLiteral, names: Names): Run {
  const texts = node.quasis.map(({ value }) => value.cooked ?? refuse());
  const parts = node.expressions.map((expression) => compile(expression, names));
  return (frame) => {
    let text = texts[0] ?? "";
    for (const [at, part] of parts.entries()) text += `${primitive(part(frame))}${texts[at + 1] ?? ""}`;
    return weighed(text, frame);
  };
}
