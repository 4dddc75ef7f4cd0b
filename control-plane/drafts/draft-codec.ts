import { type DraftKind, draftKind } from "./contract.ts";
import type { DraftKey } from "./draft-store.ts";

/** A draft's value as it was stored: it was checked when it came in. */
export function draftValue(json: string): Record<string, unknown> {
  return JSON.parse(json) as Record<string, unknown>;
}

/** Where a page ended, as text for the next request. */
export function draftCursor({ kind, path, author }: DraftKey): string {
  return Buffer.from(JSON.stringify([kind, path, author])).toString("base64url");
}

/** Undefined for what is no cursor of ours. */
export function readDraftCursor(text: string): DraftKey | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, "base64url").toString());
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || value.length !== 3 || value.some((part) => typeof part !== "string" || part.includes("\0"))) return undefined;
  const [kind, path, author] = value as [DraftKind, string, string];
  return draftKind.safeParse(kind).success ? { kind, path, author } : undefined;
}
