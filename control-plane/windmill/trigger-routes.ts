import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { actsFor, boundsIn } from "../access/acting-for.ts";
import type { Pool } from "../db/pools.ts";
import { type Caller, callerOf, referencesOf } from "../http/authorize.ts";
import { bodyPath, restPath } from "../http/path-of.ts";
import { checkReferences } from "../resources/check-references.ts";
import type { StoredTrigger } from "../triggers/trigger-store.ts";
import type { Triggers } from "../triggers/triggers.ts";
import { thingPath } from "../variables/contract.ts";
import { etagOf } from "../variables/revision.ts";
import { anyQuery, atPath, atPathsQuery, HIDDEN, inWorkspace, NO_FILTER, numberedPage, textToKeep } from "./common.ts";
import { readSaid } from "./metadata-codec.ts";
import { deleteMetadata, findMetadata, putMetadata } from "./metadata-store.ts";
import { hasTheirWords, keptOf, type TheirTrigger, theirTrigger, triggerError, triggerInOurWords, triggerInTheirWords } from "./trigger-words.ts";

const base = "/api/w/:workspace/http_triggers";
const KIND = "http-trigger";
const listQuery = atPathsQuery.extend({ is_flow: NO_FILTER, path: NO_FILTER });

export interface TriggerParts {
  readonly pool: Pool;
  readonly triggers: Triggers;
}

/** Routes of HTTP. Other kinds of triggers of theirs are not offered. */
export function addWindmillTriggers(root: FastifyInstance, parts: TriggerParts): void {
  addReading(root, parts);
  addWriting(root, parts);
}

/** Triggers as their tools get them, by path; those that they have no words for are left out. */
export async function describeTriggers(
  pool: Pool,
  workspace: WorkspaceId,
  found: readonly StoredTrigger[],
): Promise<{ path: string; stored: StoredTrigger; told: Record<string, unknown> }[]> {
  const theirs = found.filter(hasTheirWords);
  const known = await findMetadata(
    pool,
    workspace,
    KIND,
    theirs.map(({ path }) => path),
  );
  return theirs.map((stored) => ({ path: stored.path, stored, told: triggerInTheirWords(stored, readSaid(known.get(stored.path), theirTrigger)) }));
}

function addReading(root: FastifyInstance, { pool, triggers }: TriggerParts): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const config = { permission: "triggers:read", path: restPath } as const;
  const view = async ({ workspace }: Caller, found: readonly StoredTrigger[]): Promise<object[]> =>
    (await describeTriggers(pool, workspace.id, found)).map(({ path, stored, told: { permissioned_as: _for, ...told } }) => ({
      ...told,
      workspace_id: workspace.name,
      path,
      edited_by: boundsIn(stored.updatedBy).label,
      edited_at: stored.updatedAt.toISOString(),
      extra_perms: {},
    }));
  app.get(`${base}/get/*`, { config, schema: { ...HIDDEN, params: atPath, querystring: anyQuery } }, async (request) => {
    const caller = callerOf(request);
    const path = request.params["*"];
    const [told] = await view(caller, [await triggers.get(caller.workspace.id, path)]);
    if (told === undefined) throw unsayable(path);
    return told;
  });
  const list = { config: { ...config, path: "inside" }, schema: { ...HIDDEN, params: inWorkspace, querystring: listQuery } } as const;
  app.get(`${base}/list`, list, async (request) => {
    const caller = callerOf(request);
    const { path_start: prefix } = request.query;
    const found = await numberedPage(
      request.query,
      (after, limit) => triggers.list(caller.workspace.id, { prefix, after, limit, bounds: caller.reach?.bounds }),
      ({ path }) => path,
    );
    return view(caller, found);
  });
  app.get(`${base}/exists/*`, { config, schema: { ...HIDDEN, params: atPath, querystring: anyQuery } }, async (request, reply) => {
    const there = await triggers.get(callerOf(request).workspace.id, request.params["*"]).then(() => true, missing);
    return reply.type("application/json").send(there);
  });
}

function addWriting(root: FastifyInstance, parts: TriggerParts): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const config = { permission: "triggers:write", path: restPath } as const;
  const { pool, triggers } = parts;
  const create = theirTrigger.extend({ path: thingPath });
  const update = theirTrigger.extend({ path: thingPath.optional() });
  app.post(
    `${base}/create`,
    { config: { ...config, path: bodyPath }, schema: { ...HIDDEN, params: inWorkspace, querystring: anyQuery, body: create } },
    async (request, reply) => {
      const { path } = request.body;
      await put(parts, callerOf(request), path, request.body, undefined);
      return reply.code(201).type("text/plain").send(path);
    },
  );
  app.post(`${base}/update/*`, { config, schema: { ...HIDDEN, params: atPath, querystring: anyQuery, body: update } }, async (request, reply) => {
    const path = request.params["*"];
    if ((request.body.path ?? path) !== path) throw new AppError("unimplemented", "things keep their paths: make a new one and delete the old one");
    const caller = callerOf(request);
    const before = await triggers.get(caller.workspace.id, path);
    if (!hasTheirWords(before)) throw unsayable(path);
    await put(parts, caller, path, request.body, before);
    return reply.type("text/plain").send(path);
  });
  app.delete(`${base}/delete/*`, { config, schema: { ...HIDDEN, params: atPath, querystring: anyQuery } }, async (request, reply) => {
    const { workspace, principal } = callerOf(request);
    const path = request.params["*"];
    await triggers.remove(workspace.id, path, principal.label, {});
    await deleteMetadata(pool, workspace.id, KIND, path);
    return reply.type("text/plain").send(`trigger ${path} deleted`);
  });
}

/** @param before undefined: it must be new */
async function put({ pool, triggers }: TriggerParts, caller: Caller, path: string, said: TheirTrigger, before: StoredTrigger | undefined) {
  const { workspace, principal } = caller;
  const ours = triggerInOurWords(said, before);
  checkReferences(caller, [ours.script, ours.flow], [ours.constants]);
  const kept = textToKeep(keptOf(said));
  const by = { label: actsFor(principal), mayRefer: referencesOf(caller) };
  // Nobody has put a secret in front of it since it was looked at.
  const condition = before === undefined ? { "if-none-match": "*" as const } : { "if-match": etagOf(before.revision) };
  await triggers.put(workspace.id, path, ours, by, condition).catch((error: unknown) => {
    throw triggerError(error);
  });
  await putMetadata(pool, workspace.id, KIND, path, kept);
}

function unsayable(path: string): AppError {
  return new AppError("unimplemented", `the trigger ${path} has a secret, or is a webhook: Windmill's tools have no words for it`, {
    hint: "see `millrace trigger get`",
  });
}

/** False for what is not there. Errors: all others. */
function missing(error: unknown): false {
  if (AppError.from(error).code !== "not_found") throw error;
  return false;
}
