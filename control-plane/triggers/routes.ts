import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { actsFor } from "../access/acting-for.ts";
import type { Pool } from "../db/pools.ts";
import { callerOf, referencesOf } from "../http/authorize.ts";
import { pageOf } from "../http/page.ts";
import { queryPath } from "../http/path-of.ts";
import { problemView } from "../http/problem-contract.ts";
import { checkReferences } from "../resources/check-references.ts";
import { addOwnedSecretRoutes } from "../secrets/owned-secret-routes.ts";
import { byPath, conditions } from "../variables/contract.ts";
import { etagOf } from "../variables/revision.ts";
import { presentChanges } from "../variables/routes.ts";
import { activityView, putTrigger, type TriggerView, triggerListQuery, triggerPage, triggerView } from "./contract.ts";
import { readActivity } from "./journal-store.ts";
import type { StoredTrigger } from "./trigger-store.ts";
import type { Triggers } from "./triggers.ts";

const base = "/api/v1/w/:workspace/triggers";
const params = z.object({ workspace: z.string() });
const tags = ["triggers"];
const PAGE = 100;

export interface TriggerRouteParts {
  readonly pool: Pool;
  readonly triggers: Triggers;
  /** Of the API as its users reach it; empty when nobody knows. */
  readonly publicUrl: () => string;
}

export function addTriggerRoutes(root: FastifyInstance, parts: TriggerRouteParts): void {
  addReading(root, parts);
  addWriting(root, parts);
  addPausing(root, parts);
  addOwnedSecretRoutes(root, parts.triggers, {
    domain: "triggers",
    name: "Trigger",
    read: { permission: "triggers:read", path: queryPath },
    write: { permission: "triggers:write", path: queryPath },
    list: "Which secrets of a trigger are good now",
    add: "All secrets of a trigger are good at a time: add the new one, give it to the other side, then delete the old one. Or let the others end by `others_for_s`.",
    remove: "Delete a secret: whoever has it cannot call any more",
  });
}

function addReading(root: FastifyInstance, { pool, triggers, publicUrl }: TriggerRouteParts): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    base,
    {
      config: { permission: "triggers:read", path: "inside" },
      schema: {
        tags,
        operationId: "listTriggers",
        summary: "Webhooks and routes, by path",
        params,
        querystring: triggerListQuery,
        response: { 200: triggerPage, default: problemView },
      },
    },
    async (request) => {
      const { prefix = "", cursor = "", limit = PAGE } = request.query;
      const { workspace, reach } = callerOf(request);
      const found = await triggers.list(workspace.id, { prefix, after: cursor, limit: limit + 1, bounds: reach?.bounds });
      const { page, next } = pageOf(found, limit, ({ path }) => path);
      return { triggers: page.map((one) => presentTrigger(one, workspace.name, publicUrl())), ...next };
    },
  );
  app.get(
    `${base}/by-path`,
    {
      config: { permission: "triggers:read", path: queryPath },
      schema: {
        tags,
        operationId: "getTrigger",
        summary: "One webhook or route",
        params,
        querystring: byPath,
        response: { 200: triggerView, default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace } = callerOf(request);
      const stored = await triggers.get(workspace.id, request.query.path);
      return reply.header("etag", etagOf(stored.revision)).send(presentTrigger(stored, workspace.name, publicUrl()));
    },
  );
  app.get(
    `${base}/calls`,
    {
      config: { permission: "triggers:read", path: queryPath },
      schema: {
        tags,
        operationId: "listTriggerCalls",
        summary: "What became of the calls of a trigger",
        description: "Counts, and its last calls. They may be a second old.",
        params,
        querystring: byPath,
        response: { 200: activityView, default: problemView },
      },
    },
    async (request) => {
      const { workspace } = callerOf(request);
      const { path } = await triggers.get(workspace.id, request.query.path);
      return readActivity(pool, workspace.id, path);
    },
  );
}

function addWriting(root: FastifyInstance, { triggers, publicUrl }: TriggerRouteParts): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.put(
    `${base}/by-path`,
    {
      config: { permission: "triggers:write", path: queryPath },
      schema: {
        tags,
        operationId: "putTrigger",
        summary: "Make or change a webhook or route",
        description:
          "201 when it is new. With If-Match it must still have that ETag, with `If-None-Match: *` it must not be there; otherwise a 412. A route that would answer the same requests as another one is a 409.",
        params,
        querystring: byPath,
        headers: conditions,
        body: putTrigger,
        response: { 200: triggerView, 201: triggerView, default: problemView },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { script, flow, constants } = request.body;
      // Its jobs are not asked any more whether they may be started: whoever writes it is.
      checkReferences(caller, [script, flow], [constants]);
      const { workspace, principal } = caller;
      const by = { label: actsFor(principal), mayRefer: referencesOf(caller) };
      const { created, stored } = await triggers.put(workspace.id, request.query.path, request.body, by, request.headers);
      return reply
        .code(created ? 201 : 200)
        .header("etag", etagOf(stored.revision))
        .send(presentTrigger(stored, workspace.name, publicUrl()));
    },
  );
  app.delete(
    `${base}/by-path`,
    {
      config: { permission: "triggers:write", path: queryPath },
      schema: {
        tags,
        operationId: "deleteTrigger",
        summary: "Delete a webhook or route, with its secrets",
        params,
        querystring: byPath,
        headers: conditions.pick({ "if-match": true }),
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      await triggers.remove(workspace.id, request.query.path, principal.label, { "if-match": request.headers["if-match"] });
      return reply.code(204).send(null);
    },
  );
}

function addPausing(root: FastifyInstance, { triggers, publicUrl }: TriggerRouteParts): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  for (const [name, paused, operationId, summary] of [
    ["pause", true, "pauseTrigger", "Refuse the calls of a trigger for a while"],
    ["resume", false, "resumeTrigger", "Take the calls of a trigger again"],
  ] as const) {
    app.post(
      `${base}/${name}`,
      {
        config: { permission: "triggers:write", path: queryPath },
        schema: { tags, operationId, summary, params, querystring: byPath, response: { 200: triggerView, default: problemView } },
      },
      async (request, reply) => {
        const { workspace, principal } = callerOf(request);
        const stored = await triggers.pause(workspace.id, request.query.path, paused, principal.label);
        return reply.header("etag", etagOf(stored.revision)).send(presentTrigger(stored, workspace.name, publicUrl()));
      },
    );
  }
}

function presentTrigger(stored: StoredTrigger, workspace: string, publicUrl: string): TriggerView {
  const { path, place, settings, paused, description } = stored;
  const address = place.kind === "webhook" ? `/api/v1/w/${workspace}/webhooks/${path}` : `/api/r/${workspace}${place.pattern === "/" ? "" : place.pattern}`;
  return {
    path,
    kind: place.kind,
    ...(place.kind === "route" && { method: place.method, pattern: place.pattern }),
    ...settings,
    paused,
    description,
    url: `${publicUrl}${address}`,
    ...presentChanges(stored),
  };
}
