import { ANY, type JsonValue, NO_MAIN, type Parameter, type ParameterType, type SignatureReading } from "./model.ts";
import { SourcePositions } from "./source-position.ts";
import { MAX_TYPE_DEPTH, WorkBudget } from "./work-budget.ts";

/** What becomes part of a longer text. */
const WORD: ParameterType = { kind: "union", options: [{ kind: "string" }, { kind: "number" }, { kind: "boolean" }] };

/** `{name}`, but not `{{name}}`, which stands for the text `{name}`. */
const PLACEHOLDER = /(?<!\{)\{([A-Za-z_]\w*)\}(?!\})/g;

/**
 * Reads a request template: a JSON object with `url` and, as needed, `method`, `headers`, `query`, `body` and `timeout_s`. Its texts may hold
 * placeholders `{name}`, and these are the arguments. A text of the body that is nothing but a placeholder takes any value.
 */
export function readHttp(code: string, budget: WorkBudget = new WorkBudget()): SignatureReading {
  const positions = new SourcePositions(code);
  const parsed = parse(code);
  if (parsed.kind === "broken") return { signature: NO_MAIN, problems: [positions.problemAt(parsed.offset, parsed.message)] };
  const template = parsed.value;
  if (template === null || typeof template !== "object" || !("url" in template) || typeof template["url"] !== "string") {
    return { signature: NO_MAIN, problems: [positions.problemAt(0, "must be a JSON object with a text `url`")] };
  }
  const parameters = new Map<string, Parameter>();
  for (const [member, value] of Object.entries(template)) collect(value, member === "body", parameters, budget, 0);
  return { signature: { parameters: [...parameters.values()], hasMain: true, variadic: false }, problems: [] };
}

type Parsed = { readonly kind: "value"; readonly value: JsonValue } | { readonly kind: "broken"; readonly offset: number; readonly message: string };

function parse(code: string): Parsed {
  try {
    const value: JsonValue = JSON.parse(code);
    return { kind: "value", value };
  } catch (error) {
    // V8 says where: `Unexpected token … in JSON at position 12`; at the end of the text it says no position.
    const message = error instanceof Error ? error.message : "";
    const position = /at position (\d+)/.exec(message)?.[1];
    return {
      kind: "broken",
      offset: position === undefined ? code.length : Number(position),
      message: `no JSON: ${message.split(/ in JSON|, "|,? \.\.\./)[0] ?? ""}`,
    };
  }
}

function collect(value: JsonValue, inBody: boolean, into: Map<string, Parameter>, budget: WorkBudget, depth: number): void {
  if (depth > MAX_TYPE_DEPTH || !budget.spend()) return;
  if (typeof value === "string") {
    for (const found of value.matchAll(PLACEHOLDER)) {
      const name = found[1] ?? "";
      const isWhole = inBody && found[0] === value;
      // A name that is part of a text anywhere must be a word everywhere.
      if (!into.has(name) || !isWhole) into.set(name, { name, type: isWhole ? ANY : WORD, required: true });
    }
  } else if (value !== null && typeof value === "object") {
    for (const inner of Object.values(value)) collect(inner, inBody, into, budget, depth + 1);
  }
}
