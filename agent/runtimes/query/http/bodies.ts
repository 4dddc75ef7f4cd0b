import { findJsonProblem, MAX_JSON_DEPTH } from "../../../runner/json-text.ts";
import { jsonText } from "../json-values.ts";
import type { Incoming } from "./request.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true });
/** The result adds an object around it. */
const MAX_DEPTH = MAX_JSON_DEPTH - 2;

/** `"body":…` of a result: JSON as it came, else text, else base64 with `"encoding":"base64"` beside it. */
export function bodyMembers({ headers, body }: Incoming): string {
  const text = decode(body);
  if (text === undefined) return `"body":"${body.toString("base64")}","encoding":"base64"`;
  const type = headers["content-type"];
  const isJson = typeof type === "string" && /^(?:application|text)\/(?:[^;,\s]+\+)?json\b/i.test(type);
  return `"body":${isJson && findJsonProblem(text, MAX_DEPTH) === undefined ? text : jsonText(text)}`;
}

/** The text of a body that is UTF-8. */
export function decode(body: Buffer): string | undefined {
  try {
    return UTF8.decode(body);
  } catch {
    return undefined;
  }
}
