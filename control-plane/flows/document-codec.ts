import type { FieldError } from "../../kernel/app-error.ts";
import type { Json } from "../../kernel/json.ts";
import { WELL_FORMED } from "../../kernel/storable-text.ts";
import { FLOW_LIMITS } from "./openflow.ts";

export type DecodedDocument =
  | { readonly kind: "document"; readonly document: Json; readonly json: string }
  | { readonly kind: "problem"; readonly problem: FieldError };

/** Numbers that were read with all of their digits (`http/exact-json.ts`) are not yet in TypeScript's library. */
const exact = JSON as unknown as { isRawJSON(value: unknown): boolean };

/**
 * Whether a document is small and flat enough to be worked on, holds only text that can be stored, and numbers that JavaScript can hold. Looks at no
 * more than the limits allow: aliases of YAML can make a small text into a document without end.
 */
export function decodeDocument(value: unknown, pointer: string): DecodedDocument {
  const message = boundsProblem(value);
  if (message !== undefined) return { kind: "problem", problem: { pointer, message } };
  const json = JSON.stringify(value);
  if (Buffer.byteLength(json) > FLOW_LIMITS.documentBytes) return { kind: "problem", problem: { pointer, message: TOO_LARGE } };
  return { kind: "document", document: value as Json, json };
}

/** A document that was stored: it has been decoded and found to be a flow before. */
export function storedDocument(json: string): Readonly<Record<string, Json>> {
  return JSON.parse(json) as Readonly<Record<string, Json>>;
}

export const TOO_LARGE = `is larger than ${FLOW_LIMITS.documentBytes} bytes`;

function boundsProblem(document: unknown): string | undefined {
  let values = 0;
  let chars = 0;
  const lookAtText = (text: string): string | undefined => {
    chars += text.length;
    if (chars > FLOW_LIMITS.documentBytes) return TOO_LARGE;
    return WELL_FORMED.check(text) ? undefined : `has text that ${WELL_FORMED.message}`;
  };
  const look = (value: unknown, depth: number): string | undefined => {
    values += 1;
    if (values > FLOW_LIMITS.documentValues) return `has more than ${FLOW_LIMITS.documentValues} values`;
    if (typeof value === "string") return lookAtText(value);
    if (value === null || typeof value === "boolean") return undefined;
    if (typeof value === "number") return Number.isFinite(value) ? undefined : "has a number that JSON cannot say";
    if (typeof value !== "object") return "has a value that JSON cannot say";
    if (exact.isRawJSON(value)) return `has the number ${JSON.stringify(value).slice(0, 40)}, which cannot be kept exactly: write it as text`;
    if (depth > FLOW_LIMITS.documentDepth) return `is nested deeper than ${FLOW_LIMITS.documentDepth} levels`;
    if (Array.isArray(value)) return first(value, (item) => look(item, depth + 1));
    return first(Object.entries(value), ([name, member]) => {
      if (name === "__proto__") return "has a member __proto__";
      return lookAtText(name) ?? look(member, depth + 1);
    });
  };
  return look(document, 1);
}

function first<T>(items: readonly T[], look: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = look(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
