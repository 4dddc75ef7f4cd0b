import type { FastifyReply } from "fastify";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import { WITHOUT_NUL } from "../../kernel/storable-text.ts";
import { thingPath } from "../variables/contract.ts";

export const inWorkspace = z.object({ workspace: z.string() });
/** Their paths stand at the end of the address, with their slashes. */
export const atPath = inWorkspace.extend({ "*": thingPath });
export const ofJob = inWorkspace.extend({ id: z.string() });
/** Their clients send fields and queries that we have no use for. */
export const anyQuery = z.looseObject({});
/** Better none than too many: what is asked for and not looked for is refused. */
export const NO_FILTER = z.never({ error: "is no filter here" }).optional();
/** Their pages are counted from 0 or from 1: both mean the first one. */
export const pageQuery = z.looseObject({
  page: z.coerce.number().int().min(0).max(1000).default(1),
  per_page: z.coerce.number().int().min(1).max(200).default(100),
  show_archived: z.stringbool().default(false),
});
const wanted = z.string().max(300).refine(WITHOUT_NUL.check, WITHOUT_NUL.message);
/** Of lists of whatever has a path. */
export const atPathsQuery = pageQuery.extend({ path_start: wanted.default(""), broad_filter: NO_FILTER, label: NO_FILTER });
/** What lists of things are narrowed by. What their server would look for in values is not looked for here. */
export const thingListQuery = atPathsQuery.extend({ path: wanted.optional(), description: wanted.optional(), value: NO_FILTER });
export const text = z.string().refine(WITHOUT_NUL.check, WITHOUT_NUL.message);

/** They are no part of our API: its description leaves them out. */
export const HIDDEN = { hide: true } as const;

const SKIPPED_AT_ONCE = 200;

/** The page of a number: what is before it is read and forgotten in pieces, since ours have cursors. @param read so many after a path */
export async function numberedPage<One>(
  { page, per_page: size }: { readonly page: number; readonly per_page: number },
  read: (after: string, limit: number) => Promise<readonly One[]>,
  keyOf: (one: One) => string,
): Promise<readonly One[]> {
  let after = "";
  for (let before = (Math.max(1, page) - 1) * size; before > 0; ) {
    const limit = Math.min(before, SKIPPED_AT_ONCE);
    const skipped = await read(after, limit);
    const last = skipped.at(-1);
    if (last === undefined || skipped.length < limit) return [];
    after = keyOf(last);
    before -= limit;
  }
  return read(after, size);
}

const MAX_KEPT_BYTES = 512 * 1024;

/** What their tools say of a thing, to be given back. Errors: out_of_range. */
export function textToKeep(said: object): string {
  const text = JSON.stringify(said);
  if (Buffer.byteLength(text) > MAX_KEPT_BYTES) throw new AppError("out_of_range", `what is said of a thing has at most ${MAX_KEPT_BYTES} bytes`);
  return text;
}

/** An answer that is JSON text already. */
export function sendJson(reply: FastifyReply, json: string): void {
  reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) reply.raw.setHeader(name, value);
  reply.raw.setHeader("content-type", "application/json; charset=utf-8");
  reply.raw.end(json);
}
