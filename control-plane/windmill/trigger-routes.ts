import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { actsFor } from "../access/acting-for.ts";
import type { Pool } from "../db/pools.ts";
import { type Caller, callerOf, referencesOf } from "../http/authorize.ts";
import { bodyPath, restPath } from "../http/path-of.ts";
import { checkReferences } from "../resources/check-references.ts";
import type { StoredTrigger } from "../triggers/trigger-store.ts";
import type { Triggers } from "../triggers/triggers.ts";
import { thingPath } from "../variables/contract.ts";
import { etagOf } from "../variables/revision.ts";
import { alreadyThere, anyQuery, atPath, atPathsQuery, checkKept, HIDDEN, inWorkspace, NO_FILTER, refuseRenaming, unlessAsExpected } from "./common.ts";
import { addSaidThings, describeThings, keepSaid, type SaidThings, type Told } from "./said-things.ts";
import { hasTheirWords, keptOf, type TheirTrigger, theirTrigger, triggerError, triggerInOurWords, triggerInTheirWords } from "./trigger-words.ts";

const base = "/api/w/:workspace/http_triggers";
const KIND = "http-trigger";
const listQuery = atPathsQuery.extend({ is_flow: NO_FILTER, path: NO_FILTER });
const WORDS = { kind: KIND, shape: theirTrigger, tell: triggerInTheirWords, hasWords: hasTheirWords } as const;

export interface TriggerParts {
  readonly pool: Pool;
  readonly triggers: Triggers;
}

/** Routes of HTTP. Other kinds of triggers of theirs are not offered. */
export function addWindmillTriggers(root: FastifyInstance, parts: TriggerParts): void {
  addSaidThings(root, parts.pool, thingsOf(parts.triggers), listQuery);
  addWriting(root, parts);
}

/** Triggers as their tools get them; those that they have no words for are left out. */
export function describeTriggers(pool: Pool, workspace: WorkspaceId, found: readonly StoredTrigger[]): Promise<Told<StoredTrigger>[]> {
  return describeThings(pool, workspace, WORDS, found);
}

function thingsOf(triggers: Triggers): SaidThings<StoredTrigger, TheirTrigger> {
  return {
    ...WORDS,
    base,
    name: "trigger",
    reads: "triggers:read",
    writes: "triggers:write",
    unsayable,
    list: (workspace, page) => triggers.list(workspace, page),
    get: (workspace, path) => triggers.get(workspace, path),
    remove: (workspace, path, by) => triggers.remove(workspace, path, by, {}),
  };
}

function addWriting(root: FastifyInstance, parts: TriggerParts): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const config = { permission: "triggers:write", path: restPath } as const;
  const { triggers } = parts;
  const create = theirTrigger.extend({ path: thingPath });
  // An update that says nothing of the address leaves it as it is.
  const update = theirTrigger.extend({ path: thingPath.optional(), route_path: theirTrigger.shape.route_path.optional() });
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
    refuseRenaming(path, request.body.path);
    const caller = callerOf(request);
    const before = await triggers.get(caller.workspace.id, path);
    if (!hasTheirWords(before)) throw unsayable(path);
    await put(parts, caller, path, { ...request.body, ...addressOf(request.body, before) }, before);
    return reply.type("text/plain").send(path);
  });
}

function addressOf(
  { route_path: given, workspaced_route: isWorkspaced }: { readonly route_path?: string | undefined; readonly workspaced_route?: boolean | null | undefined },
  { place }: StoredTrigger,
): Pick<TheirTrigger, "route_path" | "workspaced_route"> {
  if (given !== undefined) return { route_path: given, workspaced_route: isWorkspaced };
  return { route_path: place.kind === "route" ? place.pattern.slice(1) : "", workspaced_route: isWorkspaced ?? true };
}

/** @param before undefined: it must be new */
async function put({ pool, triggers }: TriggerParts, caller: Caller, path: string, said: TheirTrigger, before: StoredTrigger | undefined) {
  const { workspace, principal } = caller;
  const ours = triggerInOurWords(said, before);
  checkReferences(caller, [ours.script, ours.flow], [ours.constants]);
  const kept = keptOf(said);
  checkKept(kept);
  const by = { label: actsFor(principal), mayRefer: referencesOf(caller) };
  // Nobody has put a secret in front of it since it was looked at.
  const condition = before === undefined ? { "if-none-match": "*" as const } : { "if-match": etagOf(before.revision) };
  const { stored } = await triggers
    .put(workspace.id, path, ours, by, condition)
    .catch(before === undefined ? alreadyThere : hasChanged)
    .catch((error: unknown) => {
      throw triggerError(error);
    });
  await keepSaid(pool, workspace.id, KIND, stored, kept);
}

const hasChanged = unlessAsExpected(({ message }) => new AppError("failed_precondition", message, { hint: "send it again" }));

function unsayable(path: string): AppError {
  return new AppError("unimplemented", `the trigger ${path} has a secret, or is a webhook: Windmill's tools have no words for it`, {
    hint: "see `millrace trigger get`",
  });
}
