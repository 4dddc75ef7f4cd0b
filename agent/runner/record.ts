import type { SyntaxFault } from "../runtimes/refusal.ts";
import { findJsonProblem } from "./json-text.ts";

/** What a wrapper reported on fd 5. The bytes come from the tenant's process: nothing in them is trusted. */
export type ScriptRecord =
  | { readonly kind: "none" }
  | { readonly kind: "result"; readonly json: string }
  | { readonly kind: "error"; readonly name: string; readonly message: string; readonly stack: string; readonly code: string }
  | { readonly kind: "syntax"; readonly fault: SyntaxFault }
  | { readonly kind: "unfit"; readonly message: string }
  /** The script asked for this exit code itself. */
  | { readonly kind: "exit"; readonly code: number };

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Error records are cut by the wrappers; one that exceeds this did not come from them. */
const MAX_ERROR_BYTES = 128 * 1024;

/** Reads a record. A broken one is `unfit`, which ends as `result_invalid`. */
export function parseRecord(data: Buffer): ScriptRecord {
  if (data.length === 0) return { kind: "none" };
  const text = decode(data.subarray(1));
  if (text === undefined) return { kind: "unfit", message: "the result is not valid UTF-8" };
  const kind = String.fromCharCode(data[0] ?? 0);
  if (kind === "R") {
    const problem = findJsonProblem(text);
    return problem === undefined ? { kind: "result", json: text } : { kind: "unfit", message: `the result is not acceptable JSON: ${problem}` };
  }
  if (kind === "X") return { kind: "exit", code: Number.parseInt(text.slice(0, 4), 10) & 0xff };
  const fields = text.length <= MAX_ERROR_BYTES ? parseFields(text) : undefined;
  if (fields === undefined) return { kind: "unfit", message: "the script's report cannot be read" };
  return fromFields(kind, fields);
}

function fromFields(kind: string, fields: ReadonlyMap<string, unknown>): ScriptRecord {
  const text = (name: string): string => {
    const value = fields.get(name);
    return typeof value === "string" ? value : "";
  };
  const count = (name: string): number => {
    const value = fields.get(name);
    return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : 0;
  };
  switch (kind) {
    case "E":
      return { kind: "error", name: text("name") || "Error", message: text("message"), stack: text("stack"), code: text("code") };
    case "S": {
      const column = count("column");
      const source = text("text");
      return {
        kind: "syntax",
        fault: { message: text("message"), line: count("line"), ...(column > 0 ? { column } : {}), ...(source === "" ? {} : { text: source }) },
      };
    }
    case "I":
      return { kind: "unfit", message: `the result cannot be JSON at ${text("path").slice(0, 300) || "$"}: ${text("message")}` };
    default:
      return { kind: "unfit", message: "the script's report cannot be read" };
  }
}

function parseFields(text: string): Map<string, unknown> | undefined {
  if (findJsonProblem(text, 4) !== undefined) return undefined;
  const value: unknown = JSON.parse(text);
  return typeof value === "object" && value !== null ? new Map(Object.entries(value)) : undefined;
}

function decode(data: Buffer): string | undefined {
  try {
    return UTF8.decode(data);
  } catch {
    return undefined;
  }
}
