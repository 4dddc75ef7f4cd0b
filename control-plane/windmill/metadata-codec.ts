import type { z } from "zod";
import { parseExactJson } from "../http/exact-json.ts";

/** Metadata as it was stored: an object of JSON. */
export function readMetadata(text: string | undefined): Record<string, unknown> {
  return text === undefined ? {} : (JSON.parse(text) as Record<string, unknown>);
}

/** What their tools said of a thing, with the digits of its numbers; undefined when they have not, or it is not read any more. */
export function readSaid<Said>(text: string | undefined, shape: z.ZodType<Said>): Said | undefined {
  return text === undefined ? undefined : shape.safeParse(parseExactJson(text)).data;
}
