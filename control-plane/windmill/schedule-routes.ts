import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { actsFor, boundsIn } from "../access/acting-for.ts";
import type { Pool } from "../db/pools.ts";
import { type Caller, callerOf } from "../http/authorize.ts";
import { bodyPath, restPath } from "../http/path-of.ts";
import { checkReferences } from "../resources/check-references.ts";
import type { StoredSchedule } from "../schedules/schedule-store.ts";
import { noSchedule, type Schedules } from "../schedules/schedules.ts";
import { thingPath } from "../variables/contract.ts";
import type { Condition } from "../variables/revision.ts";
import { anyQuery, atPath, atPathsQuery, HIDDEN, inWorkspace, NO_FILTER, numberedPage, textToKeep } from "./common.ts";
import { readSaid } from "./metadata-codec.ts";
import { deleteMetadata, findMetadata, putMetadata } from "./metadata-store.ts";
import { keptOf, scheduleError, scheduleInOurWords, scheduleInTheirWords, type TheirSchedule, theirSchedule } from "./schedule-words.ts";

const base = "/api/w/:workspace/schedules";
const KIND = "schedule";
const IS_NEW: Condition = { "if-none-match": "*" };
const IS_THERE: Condition = { "if-match": "*" };
const listQuery = atPathsQuery.extend({
  args: NO_FILTER,
  is_flow: NO_FILTER,
  path: NO_FILTER,
  schedule_path: NO_FILTER,
  summary: NO_FILTER,
  description: NO_FILTER,
});

export interface ScheduleParts {
  readonly pool: Pool;
  readonly schedules: Schedules;
  readonly nowMs: () => number;
}

export function addWindmillSchedules(root: FastifyInstance, parts: ScheduleParts): void {
  addReading(root, parts);
  addWriting(root, parts);
  addOrders(root, parts);
}

/** Schedules as their tools get them, by path. */
export async function describeSchedules(
  pool: Pool,
  workspace: WorkspaceId,
  found: readonly StoredSchedule[],
): Promise<{ path: string; stored: StoredSchedule; told: Record<string, unknown> }[]> {
  const known = await findMetadata(
    pool,
    workspace,
    KIND,
    found.map(({ path }) => path),
  );
  return found.map((stored) => ({ path: stored.path, stored, told: scheduleInTheirWords(stored, readSaid(known.get(stored.path), theirSchedule)) }));
}

function addReading(root: FastifyInstance, { pool, schedules }: ScheduleParts): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const config = { permission: "schedules:read", path: restPath } as const;
  const view = async ({ workspace }: Caller, found: readonly StoredSchedule[]): Promise<object[]> =>
    (await describeSchedules(pool, workspace.id, found)).map(({ path, stored, told: { permissioned_as: _for, ...told } }) => ({
      ...told,
      workspace_id: workspace.name,
      path,
      edited_by: boundsIn(stored.updatedBy).label,
      edited_at: stored.updatedAt.toISOString(),
      extra_perms: {},
    }));
  app.get(`${base}/get/*`, { config, schema: { ...HIDDEN, params: atPath, querystring: anyQuery } }, async (request) => {
    const caller = callerOf(request);
    const stored = await schedules.find(caller.workspace.id, request.params["*"]);
    if (stored === undefined) throw noSchedule(request.params["*"]);
    return (await view(caller, [stored]))[0];
  });
  app.get(`${base}/exists/*`, { config, schema: { ...HIDDEN, params: atPath, querystring: anyQuery } }, async (request, reply) => {
    const there = (await schedules.find(callerOf(request).workspace.id, request.params["*"])) !== undefined;
    return reply.type("application/json").send(there);
  });
  const list = { config: { ...config, path: "inside" }, schema: { ...HIDDEN, params: inWorkspace, querystring: listQuery } } as const;
  app.get(`${base}/list`, list, async (request) => {
    const caller = callerOf(request);
    const { path_start: prefix } = request.query;
    const found = await numberedPage(
      request.query,
      (after, limit) => schedules.list(caller.workspace.id, { prefix, after, limit, bounds: caller.reach?.bounds }),
      ({ path }) => path,
    );
    return view(caller, found);
  });
}

function addWriting(root: FastifyInstance, parts: ScheduleParts): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const config = { permission: "schedules:write", path: restPath } as const;
  const create = theirSchedule.extend({ path: thingPath });
  const update = theirSchedule.extend({ path: thingPath.optional() });
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
    const before = await parts.schedules.find(caller.workspace.id, path);
    if (before === undefined) throw noSchedule(path);
    await put(parts, caller, path, request.body, before);
    return reply.type("text/plain").send(path);
  });
}

/** What they say of `enabled` counts for a new one alone, as there. @param before undefined: it must be new */
async function put({ pool, schedules, nowMs }: ScheduleParts, caller: Caller, path: string, said: TheirSchedule, before: StoredSchedule | undefined) {
  const { workspace, principal } = caller;
  const ours = scheduleInOurWords(said, before, nowMs());
  const { script, flow, on_error: onError, on_recovery: onRecovery } = ours;
  checkReferences(caller, [script, flow, onError?.script, onRecovery?.script], [ours.args, onError?.args, onRecovery?.args]);
  const kept = textToKeep(keptOf(said));
  const [wanted, condition] = before === undefined ? [{ ...ours, paused: said.enabled !== true }, IS_NEW] : [ours, IS_THERE];
  await schedules.put(workspace.id, path, wanted, actsFor(principal), condition).catch((error: unknown) => {
    throw scheduleError(error);
  });
  await putMetadata(pool, workspace.id, KIND, path, kept);
}

function addOrders(root: FastifyInstance, { pool, schedules }: ScheduleParts): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const config = { permission: "schedules:write", path: restPath } as const;
  app.post(
    `${base}/setenabled/*`,
    { config, schema: { ...HIDDEN, params: atPath, querystring: anyQuery, body: z.looseObject({ enabled: z.boolean() }) } },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      const path = request.params["*"];
      await schedules.setPaused(workspace.id, path, !request.body.enabled, principal.label);
      return reply.type("text/plain").send(`schedule ${path} ${request.body.enabled ? "enabled" : "disabled"}`);
    },
  );
  app.delete(`${base}/delete/*`, { config, schema: { ...HIDDEN, params: atPath, querystring: anyQuery } }, async (request, reply) => {
    const { workspace, principal } = callerOf(request);
    const path = request.params["*"];
    await schedules.remove(workspace.id, path, principal.label, {});
    await deleteMetadata(pool, workspace.id, KIND, path);
    return reply.type("text/plain").send(`schedule ${path} deleted`);
  });
}
