import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { callerOf } from "../http/authorize.ts";
import { pageOf } from "../http/page.ts";
import { problemView } from "../http/problem-contract.ts";
import { conditions } from "../variables/contract.ts";
import { etagOf } from "../variables/revision.ts";
import { byMember, type MemberView, memberListQuery, memberPage, memberView, putMember } from "./contract.ts";
import { changeRole, findMember, listMembers, noMember, removeMember, type StoredMember } from "./member-store.ts";

const base = "/api/v1/w/:workspace/members";
const params = z.object({ workspace: z.string() });
const tags = ["access"];
const PAGE = 100;
const ifMatch = conditions.pick({ "if-match": true });

/** Members of workspaces and their roles. New ones come by invitations. @param changed told of each workspace with a change */
export function addMemberRoutes(root: FastifyInstance, pool: Pool, changed: (workspace: WorkspaceId) => void): void {
  addReading(root, pool);
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.put(
    `${base}/by-name`,
    {
      config: { permission: "members:write", confirmed: true },
      schema: {
        tags,
        operationId: "putMember",
        summary: "Give a member another role",
        description:
          "Holds within a second, at all replicas, for tokens and sessions that there are. New members are invited. A 409 for the last administrator who is a person and not disabled.",
        params,
        querystring: byMember,
        headers: ifMatch,
        body: putMember,
        response: { 200: memberView, default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      const condition = { "if-match": request.headers["if-match"] };
      const stored = await changeRole(pool, workspace.id, request.query.name, request.body.role, principal.label, condition);
      changed(workspace.id);
      return reply.header("etag", etagOf(stored.revision)).send(present(stored));
    },
  );
  app.delete(
    `${base}/by-name`,
    {
      config: { permission: "members:write" },
      schema: {
        tags,
        operationId: "deleteMember",
        summary: "Take an account out of the workspace",
        description:
          "Its tokens and sessions open nothing here any more, within a second. What is below u/NAME/ stays, for administrators; nobody else gets the name.",
        params,
        querystring: byMember,
        headers: ifMatch,
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      await removeMember(pool, workspace.id, request.query.name, principal.label, { "if-match": request.headers["if-match"] });
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
      config: { permission: "members:read" },
      schema: {
        tags,
        operationId: "listMembers",
        summary: "Members of the workspace, by name",
        params,
        querystring: memberListQuery,
        response: { 200: memberPage, default: problemView },
      },
    },
    async (request) => {
      const { cursor = "", limit = PAGE } = request.query;
      const found = await listMembers(pool, callerOf(request).workspace.id, { after: cursor, limit: limit + 1 });
      const { page, next } = pageOf(found, limit, ({ name }) => name);
      return { members: page.map(present), ...next };
    },
  );
  app.get(
    `${base}/by-name`,
    {
      config: { permission: "members:read" },
      schema: {
        tags,
        operationId: "getMember",
        summary: "One member",
        params,
        querystring: byMember,
        response: { 200: memberView, default: problemView },
      },
    },
    async (request, reply) => {
      const stored = await findMember(pool, callerOf(request).workspace.id, request.query.name);
      if (stored === undefined) throw noMember(request.query.name);
      return reply.header("etag", etagOf(stored.revision)).send(present(stored));
    },
  );
}

function present({ account, name, email, role, disabled, revision, createdAt, updatedAt }: StoredMember): MemberView {
  const times = { created_at: createdAt.toISOString(), updated_at: updatedAt.toISOString() };
  return { name, account, ...(email !== undefined && { email }), role, disabled, revision, ...times };
}
