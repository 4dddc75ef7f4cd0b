import type { Expression, SpreadElement } from "acorn";
import { isOwnName, type Names } from "./names.ts";
import { Missing, type Run, refuse } from "./values.ts";

/** `variable(path)` and `resource(path)`; undefined when it is another call. */
export function compileLookup(
  callee: Expression,
  args: readonly (Expression | SpreadElement)[],
  names: Names,
  compile: (node: Expression, names: Names) => Run,
): Run | undefined {
  if (callee.type !== "Identifier" || isOwnName(names, callee.name)) return undefined;
  const kind = callee.name;
  if (kind !== "variable" && kind !== "resource") return undefined;
  const [argument] = args;
  if (argument === undefined || argument.type === "SpreadElement" || args.length > 1) return refuse();
  const run = compile(argument, names);
  return (frame) => {
    const path = run(frame);
    if (typeof path !== "string") return refuse();
    const known = kind === "variable" ? frame.scope.variables : frame.scope.resources;
    const value = known.get(path);
    if (value === undefined) throw new Missing(kind, path);
    return value;
  };
}

/** `Number` or `Math.max`, when nothing of the expression has that name. */
export function functionName(callee: Expression, names: Names): string | undefined {
  if (callee.type === "Identifier") return isOwnName(names, callee.name) ? undefined : callee.name;
  if (callee.type !== "MemberExpression" || callee.computed || callee.optional) return undefined;
  if (callee.object.type !== "Identifier" || callee.property.type !== "Identifier" || isOwnName(names, callee.object.name)) return undefined;
  return `${callee.object.name}.${callee.property.name}`;
}
