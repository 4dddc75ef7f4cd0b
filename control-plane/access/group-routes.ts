import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { callerOf } from "../http/authorize.ts";
import { pageOf } from "../http/page.ts";
import { problemView } from "../http/problem-contract.ts";
import { conditions, cursorQuery } from "../variables/contract.ts";
import { etagOf } from "../variables/revision.ts";
import { presentChanges } from "../variables/routes.ts";
import { byGroup, type GroupView, groupPage, groupView, putGroup as putGroupBody } from "./contract.ts";
import { findGroup, listGroups, noGroup, putGroup, removeGroup, type StoredGroup } from "./group-store.ts";

const base = "/api/v1/w/:workspace/groups";
const params = z.object({ workspace: z.string() });
const tags = ["access"];
const PAGE = 100;

/** Groups of members, to which folders are granted. @param changed told of each workspace with a change */
export function addGroupRoutes(root: FastifyInstance, pool: Pool, changed: (workspace: WorkspaceId) => void): void {
  addReading(root, pool);
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.put(
    `${base}/by-name`,
    {
      config: { permission: "groups:write" },
      schema: {
        tags,
        operationId: "putGroup",
        summary: "Make or change a group",
        description: "201 when it is new. Its members are those given.",
        params,
        querystring: byGroup,
        headers: conditions,
        body: putGroupBody,
        response: { 200: groupView, 201: groupView, default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      const { created, stored } = await putGroup(pool, workspace.id, request.query.name, request.body, principal.label, request.headers);
      changed(workspace.id);
      return reply
        .code(created ? 201 : 200)
        .header("etag", etagOf(stored.revision))
        .send(present(stored));
    },
  );
  app.delete(
    `${base}/by-name`,
    {
      config: { permission: "groups:write" },
      schema: {
        tags,
        operationId: "deleteGroup",
        summary: "Delete a group",
        description: "What was granted to it goes with it.",
        params,
        querystring: byGroup,
        headers: conditions.pick({ "if-match": true }),
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      await removeGroup(pool, workspace.id, request.query.name, principal.label, { "if-match": request.headers["if-match"] });
      changed(workspace.id);
      return reply.code(204).send(null);
    },
  );
}

function addReading(root: FastifyInstance, pool: Pool): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    base,
    {
      config: { permission: "groups:read" },
      schema: {
        tags,
        operationId: "listGroups",
        summary: "Groups with their members, by name",
        params,
        querystring: cursorQuery,
        response: { 200: groupPage, default: problemView },
      },
    },
    async (request) => {
      const { cursor = "", limit = PAGE } = request.query;
      const found = await listGroups(pool, callerOf(request).workspace.id, cursor, limit + 1);
      const { page, next } = pageOf(found, limit, ({ name }) => name);
      return { groups: page.map(present), ...next };
    },
  );
  app.get(
    `${base}/by-name`,
    {
      config: { permission: "groups:read" },
      schema: {
        tags,
        operationId: "getGroup",
        summary: "One group",
        params,
        querystring: byGroup,
        response: { 200: groupView, default: problemView },
      },
    },
    async (request, reply) => {
      const stored = await findGroup(pool, callerOf(request).workspace.id, request.query.name);
      if (stored === undefined) throw noGroup(request.query.name);
      return reply.header("etag", etagOf(stored.revision)).send(present(stored));
    },
  );
}

function present(stored: StoredGroup): GroupView {
  return { name: stored.name, description: stored.description, members: [...stored.members], ...presentChanges(stored) };
}
