import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { boundsIn } from "../access/acting-for.ts";
import type { Pool } from "../db/pools.ts";
import { callerOf, type Permission } from "../http/authorize.ts";
import { restPath } from "../http/path-of.ts";
import type { Changes, Page } from "../variables/variable-store.ts";
import { anyQuery, atPath, type atPathsQuery, HIDDEN, inWorkspace, numberedPage } from "./common.ts";
import { readSaid } from "./metadata-codec.ts";
import { deleteMetadata, findMetadata, type MetadataKind, putMetadata } from "./metadata-store.ts";

/** Things of ours that Windmill's tools have other words for. What they say beyond ours is kept beside them. */
export interface SaidThings<Stored extends Changes & { readonly path: string }, Said> {
  readonly base: string;
  /** Under which is kept what they say. */
  readonly kind: MetadataKind;
  /** As messages call one. */
  readonly name: string;
  readonly shape: z.ZodType<Said>;
  readonly reads: Permission;
  readonly writes: Permission;
  /** One in their words. @param said what they said last */
  tell(stored: Stored, said: Said | undefined): Record<string, unknown>;
  /** Whether they have words for it: without them it is in no list. */
  hasWords(stored: Stored): boolean;
  /** Said of one without words. */
  unsayable(path: string): AppError;
  list(workspace: WorkspaceId, page: Page): Promise<Stored[]>;
  /** Errors: not_found. */
  get(workspace: WorkspaceId, path: string): Promise<Stored>;
  remove(workspace: WorkspaceId, path: string, by: string): Promise<void>;
}

/** When the thing was made of which something is kept. What was said of one is not said of another, made later at the same path and not by their tools. */
const MADE_AT = "millrace_made_at";

/** Keeps what they have said of a thing. */
export function keepSaid(pool: Pool, workspace: WorkspaceId, kind: MetadataKind, stored: Changes & { readonly path: string }, said: object): Promise<void> {
  return putMetadata(pool, workspace, kind, stored.path, JSON.stringify({ ...said, [MADE_AT]: stored.createdAt }));
}

/** One as their tools get it. */
export interface Told<Stored> {
  readonly stored: Stored;
  readonly told: Record<string, unknown>;
}

/** Those that they have words for, as their tools get them. */
export async function describeThings<Stored extends Changes & { readonly path: string }, Said>(
  pool: Pool,
  workspace: WorkspaceId,
  things: Pick<SaidThings<Stored, Said>, "kind" | "shape" | "tell" | "hasWords">,
  found: readonly Stored[],
): Promise<Told<Stored>[]> {
  const theirs = found.filter(things.hasWords);
  const known = await findMetadata(
    pool,
    workspace,
    things.kind,
    theirs.map(({ path }) => path),
  );
  return theirs.map((stored) => {
    const kept = readSaid(known.get(stored.path), things.shape);
    const isOfIt = kept !== undefined && Reflect.get(Object(kept), MADE_AT) === stored.createdAt.toISOString();
    const { [MADE_AT]: _madeAt, ...told } = things.tell(stored, isOfIt ? kept : undefined);
    return { stored, told };
  });
}

/** The routes that are the same for all of them: get, exists, list and delete. @param listQuery with the filters that are refused */
export function addSaidThings<Stored extends Changes & { readonly path: string }, Said>(
  root: FastifyInstance,
  pool: Pool,
  things: SaidThings<Stored, Said>,
  listQuery: typeof atPathsQuery,
): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const { base, name } = things;
  const reads = { permission: things.reads, path: restPath } as const;
  const one = { ...HIDDEN, params: atPath, querystring: anyQuery };
  const view = async (workspace: { readonly id: WorkspaceId; readonly name: string }, found: readonly Stored[]): Promise<object[]> =>
    (await describeThings(pool, workspace.id, things, found)).map(({ stored, told: { permissioned_as: _for, ...told } }) => ({
      ...told,
      workspace_id: workspace.name,
      path: stored.path,
      edited_by: boundsIn(stored.updatedBy).label,
      edited_at: stored.updatedAt.toISOString(),
      extra_perms: {},
    }));
  app.get(`${base}/get/*`, { config: reads, schema: one }, async (request) => {
    const { workspace } = callerOf(request);
    const path = request.params["*"];
    const [told] = await view(workspace, [await things.get(workspace.id, path)]);
    if (told === undefined) throw things.unsayable(path);
    return told;
  });
  app.get(`${base}/exists/*`, { config: reads, schema: one }, async (request, reply) => {
    const there = await things.get(callerOf(request).workspace.id, request.params["*"]).then(() => true, missing);
    return reply.type("application/json").send(there);
  });
  const list = { config: { ...reads, path: "inside" }, schema: { ...HIDDEN, params: inWorkspace, querystring: listQuery } } as const;
  app.get(`${base}/list`, list, async (request) => {
    const { workspace, reach } = callerOf(request);
    const { path_start: prefix } = request.query;
    const read = (after: string, limit: number): Promise<Stored[]> => things.list(workspace.id, { prefix, after, limit, bounds: reach?.bounds });
    return view(workspace, await numberedPage(request.query, read, things.hasWords));
  });
  app.delete(`${base}/delete/*`, { config: { permission: things.writes, path: restPath }, schema: one }, async (request, reply) => {
    const { workspace, principal } = callerOf(request);
    const path = request.params["*"];
    await things.remove(workspace.id, path, principal.label);
    await deleteMetadata(pool, workspace.id, things.kind, path);
    return reply.type("text/plain").send(`${name} ${path} deleted`);
  });
}

/** False for what is not there. Errors: all others. */
function missing(error: unknown): false {
  if (AppError.from(error).code !== "not_found") throw error;
  return false;
}
