import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { callerOf } from "../http/authorize.ts";
import { pageOf } from "../http/page.ts";
import { problemView } from "../http/problem-contract.ts";
import { byPath, conditions } from "../variables/contract.ts";
import { etagOf } from "../variables/revision.ts";
import { presentChanges } from "../variables/routes.ts";
import { type HookView, hookListQuery, hookPage, hookView, newHook, putHook } from "./contract.ts";
import type { StoredHook } from "./hook-store.ts";
import type { Hooks } from "./hooks.ts";

const base = "/api/v1/w/:workspace/hooks";
const params = z.object({ workspace: z.string() });
const tags = ["hooks"];
const PAGE = 100;

export function addHookRoutes(root: FastifyInstance, hooks: Hooks): void {
  addReading(root, hooks);
  addWriting(root, hooks);
  addPausing(root, hooks);
}

function addReading(root: FastifyInstance, hooks: Hooks): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    base,
    {
      config: { permission: "hooks:read" },
      schema: {
        tags,
        operationId: "listHooks",
        summary: "Notification hooks, by path",
        params,
        querystring: hookListQuery,
        response: { 200: hookPage, default: problemView },
      },
    },
    async (request) => {
      const { prefix = "", cursor = "", limit = PAGE } = request.query;
      const found = await hooks.list(callerOf(request).workspace.id, { prefix, after: cursor, limit: limit + 1 });
      const { page, next } = pageOf(found, limit, ({ path }) => path);
      return { hooks: page.map(presentHook), ...next };
    },
  );
  app.get(
    `${base}/by-path`,
    {
      config: { permission: "hooks:read" },
      schema: {
        tags,
        operationId: "getHook",
        summary: "One notification hook",
        params,
        querystring: byPath,
        response: { 200: hookView, default: problemView },
      },
    },
    async (request, reply) => {
      const stored = await hooks.get(callerOf(request).workspace.id, request.query.path);
      return reply.header("etag", etagOf(stored.revision)).send(presentHook(stored));
    },
  );
}

function addWriting(root: FastifyInstance, hooks: Hooks): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.put(
    `${base}/by-path`,
    {
      config: { permission: "hooks:write" },
      schema: {
        tags,
        operationId: "putHook",
        summary: "Make or change a notification hook",
        description:
          "201 when it is new: with the secret that signs its deliveries, which is shown this once. With If-Match it must still have that ETag, with `If-None-Match: *` it must not be there; otherwise a 412.",
        params,
        querystring: byPath,
        headers: conditions,
        body: putHook,
        response: { 200: hookView, 201: newHook, default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      const { stored, secret } = await hooks.put(workspace.id, request.query.path, request.body, principal.label, request.headers);
      void reply.header("etag", etagOf(stored.revision));
      if (secret === undefined) return reply.code(200).send(presentHook(stored));
      return reply.code(201).send({ ...presentHook(stored), secret });
    },
  );
  app.delete(
    `${base}/by-path`,
    {
      config: { permission: "hooks:write" },
      schema: {
        tags,
        operationId: "deleteHook",
        summary: "Delete a notification hook, with its secrets and deliveries",
        params,
        querystring: byPath,
        headers: conditions.pick({ "if-match": true }),
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      await hooks.remove(workspace.id, request.query.path, principal.label, { "if-match": request.headers["if-match"] });
      return reply.code(204).send(null);
    },
  );
}

function addPausing(root: FastifyInstance, hooks: Hooks): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  for (const [name, paused, operationId, summary, description] of [
    ["pause", true, "pauseHook", "Send nothing to a hook for a while", "It is not told what happens meanwhile. What waits already is sent when it goes on."],
    ["resume", false, "resumeHook", "Send to a hook again", "Also to one that was paused because its receiver said that it is gone."],
  ] as const) {
    app.post(
      `${base}/${name}`,
      {
        config: { permission: "hooks:write" },
        schema: { tags, operationId, summary, description, params, querystring: byPath, response: { 200: hookView, default: problemView } },
      },
      async (request, reply) => {
        const { workspace, principal } = callerOf(request);
        const stored = await hooks.pause(workspace.id, request.query.path, paused, principal.label);
        return reply.header("etag", etagOf(stored.revision)).send(presentHook(stored));
      },
    );
  }
}

function presentHook(stored: StoredHook): HookView {
  const { path, url, events, pathPrefix, paused, pausedWhy, description } = stored;
  return {
    path,
    url,
    events: [...events],
    path_prefix: pathPrefix,
    paused,
    ...(pausedWhy !== undefined && { paused_why: pausedWhy }),
    description,
    ...presentChanges(stored),
  };
}
