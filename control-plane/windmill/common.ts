import type { FastifyReply } from "fastify";
import { z } from "zod";
import { WITHOUT_NUL } from "../../kernel/storable-text.ts";
import { thingPath } from "../variables/contract.ts";

export const inWorkspace = z.object({ workspace: z.string() });
/** Their paths stand at the end of the address, with their slashes. */
export const atPath = inWorkspace.extend({ "*": thingPath });
export const ofJob = inWorkspace.extend({ id: z.string() });
/** Their clients send fields and queries that we have no use for. */
export const anyQuery = z.looseObject({});
const NO_FILTER = z.never({ error: "is no filter here: filter by path_start" }).optional();
/** Their pages are counted from 0 or from 1: both mean the first one. */
export const pageQuery = z.looseObject({
  page: z.coerce.number().int().min(0).max(1000).default(1),
  per_page: z.coerce.number().int().min(1).max(200).default(100),
  show_archived: z.stringbool().default(false),
});
/** What lists of things are narrowed by. What their server would look for in values or descriptions is not looked for here: better none than too many. */
export const thingListQuery = pageQuery.extend({
  path_start: z.string().max(300).refine(WITHOUT_NUL.check, WITHOUT_NUL.message).default(""),
  path: NO_FILTER,
  description: NO_FILTER,
  value: NO_FILTER,
});
export const text = z.string().refine(WITHOUT_NUL.check, WITHOUT_NUL.message);

/** They are no part of our API: its description leaves them out. */
export const HIDDEN = { hide: true } as const;

/** An answer that is JSON text already. */
export function sendJson(reply: FastifyReply, json: string): void {
  reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) reply.raw.setHeader(name, value);
  reply.raw.setHeader("content-type", "application/json; charset=utf-8");
  reply.raw.end(json);
}
