import type { Node } from "web-tree-sitter";
import { ANY, type Parameter, type ParameterType } from "./model.ts";
import { nullable, typeOfDefault } from "./parameter-types.ts";
import { literalOf } from "./python-literals.ts";
import type { TypeScope } from "./python-scope.ts";
import { typeOf } from "./python-types.ts";

export interface ReadParameters {
  readonly parameters: readonly Parameter[];
  readonly variadic: boolean;
}

/** Reads the parameters of `def main(…)`. Arguments are passed by name, so `*args` can never be filled and is left out. */
export function readParameters(list: Node, scope: TypeScope): ReadParameters {
  const parameters: Parameter[] = [];
  let variadic = false;
  for (const node of list.namedChildren) {
    if (node.type === "dictionary_splat_pattern" || node.firstNamedChild?.type === "dictionary_splat_pattern") variadic = true;
    const parameter = readParameter(node, scope);
    if (parameter !== undefined) parameters.push(parameter);
  }
  return { parameters, variadic };
}

function readParameter(node: Node, scope: TypeScope): Parameter | undefined {
  const name = nameOf(node);
  if (name === undefined || name === "") return undefined;
  const annotation = node.childForFieldName("type");
  const value = node.childForFieldName("value");
  const annotated = annotation === null ? undefined : typeOf(annotation, scope);
  if (value === null) return { name, type: annotated ?? ANY, required: true };
  const fallback = literalOf(value, scope.declarations.values, scope.budget);
  const type = withDefault(annotated, fallback);
  return fallback === undefined ? { name, type, required: false } : { name, type, required: false, default: fallback };
}

function nameOf(node: Node): string | undefined {
  switch (node.type) {
    case "identifier":
      return node.text;
    case "typed_parameter":
      return node.firstNamedChild?.type === "identifier" ? node.firstNamedChild.text : undefined;
    case "default_parameter":
    case "typed_default_parameter":
      return node.childForFieldName("name")?.text;
    default:
      return undefined;
  }
}

function withDefault(annotated: ParameterType | undefined, fallback: ReturnType<typeof literalOf>): ParameterType {
  if (annotated === undefined) return fallback === undefined ? ANY : typeOfDefault(fallback);
  // `limit: int = None` is widely written for `int | None`.
  return fallback === null ? nullable(annotated) : annotated;
}
