import { AppError, messageOf } from "../kernel/app-error.ts";

// In every engine that Node 24 has (ECMAScript "JSON.parse source text access"); TypeScript's library does not know it yet.
declare global {
  interface JSON {
    rawJSON(text: string): object;
  }
}

/**
 * Parses JSON and keeps numbers that a double cannot hold (large integers, many digits) as they were written:
 * `JSON.stringify` of the value gives their text back.
 * Errors: invalid_argument with `what` and the place.
 */
export function parseExactJson(text: string, what: string): unknown {
  const keepDigits = (_key: string, value: unknown, context?: { source?: string }): unknown => {
    const source = context?.source;
    return typeof value === "number" && source !== undefined && String(value) !== source ? JSON.rawJSON(source) : value;
  };
  try {
    return JSON.parse(text, keepDigits);
  } catch (error) {
    throw new AppError("invalid_argument", `${what} is not JSON: ${messageOf(error)}`, { cause: error });
  }
}

/** True for a JSON object (no array, no null). */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Lays JSON text out over lines, two spaces a level. Works on the text: digits, order and repeated keys stay as they are. */
export function indentJson(text: string): string {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  let shown = "";
  let depth = 0;
  tokens.forEach((token, index) => {
    const next = tokens[index + 1];
    if (token === "{" || token === "[") {
      shown += token;
      if (next === "}" || next === "]") return;
      depth += 1;
      shown += lineBreak(depth);
    } else if (token === "}" || token === "]") {
      const before = tokens[index - 1];
      if (before !== "{" && before !== "[") {
        depth = Math.max(0, depth - 1);
        shown += lineBreak(depth);
      }
      shown += token;
    } else if (token === ",") shown += `,${lineBreak(depth)}`;
    else shown += token === ":" ? ": " : token;
  });
  return shown;
}

const lineBreak = (depth: number): string => `\n${"  ".repeat(depth)}`;
