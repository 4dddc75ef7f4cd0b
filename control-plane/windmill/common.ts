import type { FastifyReply } from "fastify";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import { WITHOUT_NUL } from "../../kernel/storable-text.ts";
import { takeOver } from "../http/raw-answer.ts";
import { thingPath } from "../variables/contract.ts";

export const inWorkspace = z.object({ workspace: z.string() });
/** Their paths stand at the end of the address, with their slashes. */
export const atPath = inWorkspace.extend({ "*": thingPath });
export const ofJob = inWorkspace.extend({ id: z.string() });
/** Their clients send fields and queries that we have no use for. */
export const anyQuery = z.looseObject({});
/** Better none than too many: what is asked for and not looked for is refused. */
export const NO_FILTER = z.never({ error: "is no filter here" }).optional();
/** Of theirs: so many a page has where nobody says, and at most. Their clients take a list that is shorter than they asked for to be at its end. */
const PAGE = { usual: 1000, most: 10_000 } as const;
/** Their pages are counted from 0 or from 1: both mean the first one. */
export const pageQuery = z.looseObject({
  page: z.coerce.number().int().min(0).max(1000).default(1),
  per_page: z.coerce
    .number()
    .int()
    .min(0)
    .default(PAGE.usual)
    .transform((size) => Math.min(Math.max(1, size), PAGE.most)),
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

const AT_ONCE = 200;

/**
 * The page of a number: what is before it is read and forgotten, since ours have cursors; all of it in pieces.
 * @param read so many after a path @param counts whether one is on their pages at all
 */
export async function numberedPage<One extends { readonly path: string }>(
  { page, per_page: size }: { readonly page: number; readonly per_page: number },
  read: (after: string, limit: number) => Promise<readonly One[]>,
  counts: (one: One) => boolean = () => true,
): Promise<readonly One[]> {
  const found: One[] = [];
  let [before, after] = [(Math.max(1, page) - 1) * size, ""];
  while (found.length < size) {
    const limit = Math.min(before + size - found.length, AT_ONCE);
    const piece = await read(after, limit);
    const counted = piece.filter(counts);
    found.push(...counted.slice(before));
    before = Math.max(0, before - counted.length);
    const last = piece.at(-1);
    if (last === undefined || piece.length < limit) break;
    after = last.path;
  }
  return found;
}

/**
 * What is told instead of a 412: their clients send no conditions, and know of none that are set for them.
 * @param instead made of the error
 */
export const unlessAsExpected =
  (instead: (error: AppError) => AppError) =>
  (thrown: unknown): never => {
    const error = AppError.from(thrown);
    throw error.code === "aborted" ? instead(error) : error;
  };

/** For what is there already. */
export const alreadyThere = unlessAsExpected(({ message }) => new AppError("already_exists", message));

/** Secrets are bound to their paths, and metadata is kept by them. Errors: unimplemented. @param given what the body says; undefined: nothing */
export function refuseRenaming(path: string, given: string | undefined): void {
  if (given !== undefined && given !== path) throw new AppError("unimplemented", "things keep their paths: make a new one and delete the old one");
}

const MAX_KEPT_BYTES = 512 * 1024;

/** Of what their tools say of a thing, before it is kept. Errors: out_of_range. */
export function checkKept(said: object): void {
  if (Buffer.byteLength(JSON.stringify(said)) > MAX_KEPT_BYTES)
    throw new AppError("out_of_range", `what is said of a thing has at most ${MAX_KEPT_BYTES} bytes`);
}

/** An answer that is JSON text already. */
export function sendJson(reply: FastifyReply, json: string): void {
  const raw = takeOver(reply);
  raw.setHeader("content-type", "application/json; charset=utf-8");
  raw.end(json);
}
