import { readFileSync } from "node:fs";
import { AppError, messageOf } from "../kernel/app-error.ts";
import { isJsonObject, parseExactJson } from "./exact-json.ts";

/**
 * The arguments of a job from the command line.
 * @param json `--args`: a JSON object, or `@file` that holds one (`@-` is stdin)
 * @param pairs `--arg`: `key=value`, later ones win over earlier ones and over `--args`; the value is JSON when it reads as JSON,
 *   otherwise text; `key=@file` takes the text of a file
 * Errors: invalid_argument.
 */
export function readJobArgs(json: string | undefined, pairs: readonly string[], readText: (path: string) => string = readTextFile): Record<string, unknown> {
  const args = new Map<string, unknown>();
  if (json !== undefined) {
    const value = parseExactJson(json.startsWith("@") ? readText(json.slice(1)) : json, json.startsWith("@") ? json.slice(1) : "--args");
    if (!isJsonObject(value)) {
      throw new AppError("invalid_argument", "--args is not a JSON object", { hint: `arguments go by name: --args '{"name": "value"}'` });
    }
    for (const [key, entry] of Object.entries(value)) args.set(key, entry);
  }
  for (const pair of pairs) {
    const split = pair.indexOf("=");
    if (split < 1) throw new AppError("invalid_argument", `--arg ${JSON.stringify(pair)} has no name`, { hint: "write --arg name=value" });
    args.set(pair.slice(0, split), readValue(pair.slice(split + 1), readText));
  }
  return Object.fromEntries(args);
}

function readValue(text: string, readText: (path: string) => string): unknown {
  if (text.startsWith("@")) return readText(text.slice(1));
  try {
    return parseExactJson(text, "");
  } catch {
    return text;
  }
}

/** The text of a file; `-` is stdin. Errors: invalid_argument when it cannot be read or is not UTF-8. */
export function readTextFile(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path === "-" ? 0 : path);
  } catch (error) {
    throw new AppError("invalid_argument", `"${path}" cannot be read: ${messageOf(error)}`, { cause: error });
  }
  return decodeUtf8(bytes, path);
}

/** Errors: invalid_argument when the bytes are not UTF-8. */
export function decodeUtf8(bytes: Buffer, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new AppError("invalid_argument", `"${name}" is not UTF-8 text`);
  }
}
