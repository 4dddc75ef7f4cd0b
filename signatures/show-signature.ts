// For tests: a signature in one line of text, so that golden tables can be read.
import { assertNever } from "../kernel/assert-never.ts";
import type { ParameterType, Property, Signature } from "./model.ts";

/** `name: string, limit?: integer = 10, ...`; `...` stands for "and any other argument", `$x` for a resource of type x. */
export function showSignature(signature: Signature): string {
  if (!signature.hasMain) return "no main";
  return [...signature.parameters.map(showProperty), ...(signature.variadic ? ["..."] : [])].join(", ");
}

function showProperty(property: Property): string {
  const fallback = property.default === undefined ? "" : ` = ${JSON.stringify(property.default)}`;
  return `${property.name}${property.required ? "" : "?"}: ${showType(property.type)}${fallback}`;
}

function showType(type: ParameterType): string {
  switch (type.kind) {
    case "string":
      return type.format ?? "string";
    case "array":
      return type.items.kind === "union" || type.items.kind === "enum" ? `(${showType(type.items)})[]` : `${showType(type.items)}[]`;
    case "object": {
      const values = type.values === undefined ? [] : [`[*]: ${showType(type.values)}`];
      return `{${[...type.properties.map(showProperty), ...values].join(", ")}}`;
    }
    case "enum":
      return type.values.map((value) => JSON.stringify(value)).join("|");
    case "union":
      return type.options.map(showType).join(" | ");
    case "resource":
      return `$${type.name}`;
    case "any":
    case "null":
    case "boolean":
    case "integer":
    case "number":
    case "bytes":
      return type.kind;
    default:
      return assertNever(type);
  }
}
