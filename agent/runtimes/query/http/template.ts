import { findJsonProblem } from "../../../runner/json-text.ts";
import { type ArgumentTexts, type JsonArgument, readArgument, refuseUnknown } from "../arguments.ts";
import { QueryError } from "../query-error.ts";

/** As `signatures/http.ts` reads them: `{{name}}` stands for the text `{name}`. */
const PLACEHOLDER = /(?<!\{)\{([A-Za-z_]\w*)\}(?!\})/g;
const ESCAPED_OR_PLACEHOLDER = /\{(\{[A-Za-z_]\w*\})\}|(?<!\{)\{([A-Za-z_]\w*)\}(?!\})/g;
const WHOLE = /^\{([A-Za-z_][A-Za-z0-9_]*)\}$/;

/** The code of an http script, parsed: any JSON object, with `{name}` in its strings. */
export type Template = Readonly<Record<string, unknown>>;

/** @throws QueryError with the line where it is no JSON object */
export function readTemplate(code: string): Template {
  const problem = findJsonProblem(code);
  if (problem !== undefined) {
    const at = Number(/position ([0-9]+)/.exec(problem)?.[1] ?? code.length);
    throw new QueryError("SyntaxError", `the code is not JSON: ${problem}`, { line: code.slice(0, at).split("\n").length });
  }
  const value: unknown = JSON.parse(code);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new QueryError("SyntaxError", "the code is not a JSON object", { line: 1 });
  return Object.fromEntries(Object.entries(value));
}

/** Refuses arguments that no placeholder names. */
export function checkArguments(code: string, args: ArgumentTexts): void {
  refuseUnknown([...new Set([...code.matchAll(PLACEHOLDER)].map((match) => match[1] ?? ""))], args);
}

/** Fills the placeholders of a template with arguments. Each is filled once: what an argument holds is not looked at again. */
export class Filling {
  readonly #args: ArgumentTexts;

  constructor(args: ArgumentTexts) {
    this.#args = args;
  }

  /** In a URL every argument is one part of it, `/` and `?` included; only a URL that is nothing but a placeholder is taken as it is. */
  url(text: string): string {
    const whole = WHOLE.exec(text)?.[1];
    if (whole !== undefined) return this.text(text);
    return this.#fill(text, (value) => encodeURIComponent(value.toWellFormed()));
  }

  text(text: string): string {
    return this.#fill(text, (value) => value);
  }

  /** JSON text: a string that is nothing but a placeholder becomes the argument with its own type and digits. */
  json(value: unknown): string {
    if (typeof value === "string") {
      const whole = WHOLE.exec(value)?.[1];
      return whole === undefined ? JSON.stringify(this.text(value)) : this.#text(whole);
    }
    if (Array.isArray(value)) return `[${value.map((item: unknown) => this.json(item)).join(",")}]`;
    if (typeof value !== "object" || value === null) return JSON.stringify(value);
    return `{${Object.entries(value)
      .map(([name, item]: [string, unknown]) => `${JSON.stringify(name)}:${this.json(item)}`)
      .join(",")}}`;
  }

  #fill(text: string, write: (value: string) => string): string {
    return text.replace(ESCAPED_OR_PLACEHOLDER, (_all, escaped: string | undefined, name: string) => escaped ?? write(textOf(readArgument(this.#text(name)))));
  }

  #text(name: string): string {
    const text = this.#args.get(name);
    if (text === undefined) throw new QueryError("InvalidArgument", `the argument \`${name}\` is missing`);
    return text;
  }
}

function textOf(argument: JsonArgument): string {
  switch (argument.kind) {
    case "null":
      return "";
    case "boolean":
      return String(argument.value);
    case "number":
      return argument.digits;
    case "string":
      return argument.text;
    default:
      return argument.json;
  }
}
