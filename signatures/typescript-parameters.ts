import type { BindingPattern, Expression, ParamPattern, TSType } from "oxc-parser";
import { ANY, type JsonValue, type Parameter, type ParameterType, type Property } from "./model.ts";
import { typeOfDefault } from "./parameter-types.ts";
import { keyName, literalOf } from "./typescript-literals.ts";
import type { TypeScope } from "./typescript-scope.ts";
import { allowsUndefined, typeOf } from "./typescript-types.ts";

/** One function parameter, taken apart. */
interface Declared {
  readonly target: BindingPattern;
  readonly annotation: TSType | undefined;
  readonly initialiser: Expression | undefined;
  readonly optional: boolean;
}

export interface ReadParameters {
  readonly parameters: readonly Parameter[];
  readonly variadic: boolean;
}

/**
 * Reads the parameters of `main`. A lone destructured object gives its members as the parameters (see `Signature`).
 * Arguments are passed by name, so `...rest` can never be filled and is left out, as the agent leaves it out.
 */
export function readParameters(nodes: readonly ParamPattern[], scope: TypeScope): ReadParameters {
  const declared = nodes
    .map(takeApart)
    .filter((one): one is Declared => one !== undefined && !(one.target.type === "Identifier" && one.target.name === "this"));
  const [first] = declared;
  if (declared.length === 1 && first?.target.type === "ObjectPattern") return spreadObject(first.target, first, scope);
  return { parameters: declared.map((one, index) => readParameter(one, index, scope)), variadic: false };
}

function takeApart(node: ParamPattern): Declared | undefined {
  if (node.type === "TSParameterProperty") return takeApart(node.parameter);
  if (node.type === "RestElement") return undefined;
  const target = node.type === "AssignmentPattern" ? node.left : node;
  return {
    target,
    annotation: target.typeAnnotation?.typeAnnotation,
    initialiser: node.type === "AssignmentPattern" ? node.right : undefined,
    optional: Boolean(target.optional),
  };
}

function readParameter(declared: Declared, index: number, scope: TypeScope): Parameter {
  const { target, annotation, initialiser } = declared;
  // A destructured parameter has no name of its own; its place gives it one.
  const name = target.type === "Identifier" ? target.name : `arg${index + 1}`;
  const fallback = initialiser === undefined ? undefined : literalOf(initialiser, scope.declarations.constants, scope.budget);
  const type = annotation === undefined ? untyped(declared, fallback) : typeOf(annotation, scope);
  const maybeAbsent = declared.optional || initialiser !== undefined;
  const required = !maybeAbsent && !(annotation !== undefined && allowsUndefined(annotation, scope));
  return property(name, type, required, fallback);
}

function untyped(declared: Declared, fallback: JsonValue | undefined): ParameterType {
  if (declared.target.type === "ArrayPattern") return { kind: "array", items: ANY };
  if (declared.target.type === "ObjectPattern") return { kind: "object", properties: [] };
  return fallback === undefined ? ANY : typeOfDefault(fallback);
}

function property(name: string, type: ParameterType, required: boolean, fallback: JsonValue | undefined): Property {
  return fallback === undefined ? { name, type, required } : { name, type, required, default: fallback };
}

type ObjectPattern = Extract<BindingPattern, { type: "ObjectPattern" }>;

function spreadObject(pattern: ObjectPattern, declared: Declared, scope: TypeScope): ReadParameters {
  const annotation = declared.annotation === undefined ? undefined : typeOf(declared.annotation, scope);
  const known = annotation?.kind === "object" ? annotation : undefined;
  // A type that says nothing about its members does not say that they must be there either.
  const untypedRequired = annotation === undefined && declared.initialiser === undefined;
  const properties = new Map<string, Property>(known?.properties.map((one) => [one.name, one]));
  let variadic = known === undefined ? annotation !== undefined : known.values !== undefined || known.properties.length === 0;
  for (const member of pattern.properties) {
    if (member.type === "RestElement") {
      variadic ||= known === undefined;
      continue;
    }
    const name = keyName(member.key, member.computed);
    if (name === undefined) continue;
    const before = properties.get(name);
    const initialiser = member.value.type === "AssignmentPattern" ? member.value.right : undefined;
    const fallback = initialiser === undefined ? undefined : literalOf(initialiser, scope.declarations.constants, scope.budget);
    const type = before?.type ?? known?.values ?? (fallback === undefined ? ANY : typeOfDefault(fallback));
    const required = initialiser === undefined && (before?.required ?? untypedRequired);
    properties.set(name, property(name, type, required, fallback));
  }
  return { parameters: [...properties.values()], variadic };
}
