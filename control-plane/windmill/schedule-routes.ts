import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { actsFor } from "../access/acting-for.ts";
import type { Pool } from "../db/pools.ts";
import { type Caller, callerOf } from "../http/authorize.ts";
import { bodyPath, restPath } from "../http/path-of.ts";
import { checkReferences } from "../resources/check-references.ts";
import type { StoredSchedule } from "../schedules/schedule-store.ts";
import { noSchedule, type Schedules } from "../schedules/schedules.ts";
import { thingPath } from "../variables/contract.ts";
import type { Condition } from "../variables/revision.ts";
import { alreadyThere, anyQuery, atPath, atPathsQuery, checkKept, HIDDEN, inWorkspace, NO_FILTER, refuseRenaming, unlessAsExpected } from "./common.ts";
import { addSaidThings, describeThings, keepSaid, type SaidThings, type Told } from "./said-things.ts";
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
const WORDS = { kind: KIND, shape: theirSchedule, tell: scheduleInTheirWords, hasWords: () => true } as const;

export interface ScheduleParts {
  readonly pool: Pool;
  readonly schedules: Schedules;
  readonly nowMs: () => number;
}

export function addWindmillSchedules(root: FastifyInstance, parts: ScheduleParts): void {
  addSaidThings(root, parts.pool, thingsOf(parts.schedules), listQuery);
  addWriting(root, parts);
  addEnabling(root, parts);
}

/** Schedules as their tools get them. */
export function describeSchedules(pool: Pool, workspace: WorkspaceId, found: readonly StoredSchedule[]): Promise<Told<StoredSchedule>[]> {
  return describeThings(pool, workspace, WORDS, found);
}

function thingsOf(schedules: Schedules): SaidThings<StoredSchedule, TheirSchedule> {
  return {
    ...WORDS,
    base,
    name: "schedule",
    reads: "schedules:read",
    writes: "schedules:write",
    unsayable: noSchedule,
    list: (workspace, page) => schedules.list(workspace, page),
    get: (workspace, path) => find(schedules, workspace, path),
    remove: (workspace, path, by) => schedules.remove(workspace, path, by, {}),
  };
}

/** Errors: not_found. */
async function find(schedules: Schedules, workspace: WorkspaceId, path: string): Promise<StoredSchedule> {
  const stored = await schedules.find(workspace, path);
  if (stored === undefined) throw noSchedule(path);
  return stored;
}

function addWriting(root: FastifyInstance, parts: ScheduleParts): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const config = { permission: "schedules:write", path: restPath } as const;
  const create = theirSchedule.extend({ path: thingPath });
  // An update of theirs says nothing of the script: it stays.
  const { script_path: script, is_flow: isFlow } = theirSchedule.shape;
  const update = theirSchedule.extend({ path: thingPath.optional(), script_path: script.optional(), is_flow: isFlow.optional() });
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
    const before = await find(parts.schedules, caller.workspace.id, path);
    const { script_path: at = before.target.path, is_flow: ofFlow = before.target.kind === "flow", ...said } = request.body;
    await put(parts, caller, path, { ...said, script_path: at, is_flow: ofFlow }, before);
    return reply.type("text/plain").send(path);
  });
}

/** What they say of `enabled` counts for a new one alone, as there. @param before undefined: it must be new */
async function put({ pool, schedules, nowMs }: ScheduleParts, caller: Caller, path: string, said: TheirSchedule, before: StoredSchedule | undefined) {
  const { workspace, principal } = caller;
  const ours = scheduleInOurWords(said, before, nowMs());
  const { script, flow, on_error: onError, on_recovery: onRecovery } = ours;
  checkReferences(caller, [script, flow, onError?.script, onRecovery?.script], [ours.args, onError?.args, onRecovery?.args]);
  const kept = keptOf(said);
  checkKept(kept);
  const [wanted, condition] = before === undefined ? [{ ...ours, paused: said.enabled !== true }, IS_NEW] : [ours, IS_THERE];
  const isNotSo = before === undefined ? alreadyThere : unlessAsExpected(() => noSchedule(path));
  const { stored } = await schedules
    .put(workspace.id, path, wanted, actsFor(principal), condition)
    .catch(isNotSo)
    .catch((error: unknown) => {
      throw scheduleError(error);
    });
  await keepSaid(pool, workspace.id, KIND, stored, kept);
}

function addEnabling(root: FastifyInstance, { schedules }: ScheduleParts): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.post(
    `${base}/setenabled/*`,
    {
      config: { permission: "schedules:write", path: restPath },
      schema: { ...HIDDEN, params: atPath, querystring: anyQuery, body: z.looseObject({ enabled: z.boolean() }) },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      const path = request.params["*"];
      await schedules.setPaused(workspace.id, path, !request.body.enabled, principal.label);
      return reply.type("text/plain").send(`schedule ${path} ${request.body.enabled ? "enabled" : "disabled"}`);
    },
  );
}
