import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import { recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction } from "../db/transaction.ts";
import { callerOf } from "../http/authorize.ts";
import { pageOf } from "../http/page.ts";
import { newestQuery } from "../http/page-contract.ts";
import { problemView } from "../http/problem-contract.ts";
import { generateToken } from "../identity/token-format.ts";
import { type JoinTokenView, joinTokenPage, madeJoinToken, newJoinToken } from "./contract.ts";
import { insertJoinToken, type JoinToken, listJoinTokens, revokeJoinToken } from "./join-token-store.ts";

const PAGE = 100;
const path = "/api/v1/w/:workspace/agents/join-tokens";
const tags = ["agents"];
const params = z.object({ workspace: z.string() });

/** Tokens by which hosts become agents of the workspace. */
export function addJoinTokenRoutes(root: FastifyInstance, pool: Pool): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.post(
    path,
    {
      config: { permission: "agents:write", confirmed: true },
      schema: {
        tags,
        operationId: "createJoinToken",
        summary: "Make a token with which hosts join the workspace as agents",
        params,
        body: newJoinToken,
        response: { 201: madeJoinToken, default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      const { label, uses, expires_in_s, tags: allowed, cidrs } = request.body;
      const token = generateToken("join");
      const settings = { label, maxUses: uses, tags: allowed, cidrs, expiresInS: expires_in_s, createdBy: principal.label };
      const stored = await inTransaction(pool, async (client) => {
        const made = await insertJoinToken(client, token, workspace.id, settings);
        const detail = { label, uses, tags: allowed, cidrs, expires_in_s };
        const target = `join token ${token.id}`;
        await recordAudit(client, { workspace: workspace.id, actor: principal.label, action: "join-tokens:create", target, detail });
        return made;
      });
      return reply.status(201).send({ ...present(stored), token: token.text });
    },
  );
  app.get(
    path,
    {
      config: { permission: "agents:read" },
      schema: {
        tags,
        operationId: "listJoinTokens",
        summary: "Join tokens, newest first, without their secrets",
        description: "Used up and revoked ones, too.",
        params,
        querystring: newestQuery,
        response: { 200: joinTokenPage, default: problemView },
      },
    },
    async (request) => {
      const { cursor, limit = PAGE } = request.query;
      const { page, next } = pageOf(await listJoinTokens(pool, callerOf(request).workspace.id, cursor, limit + 1), limit, ({ cursor: last }) => last);
      return { tokens: page.map(present), ...next };
    },
  );
  app.delete(
    `${path}/:token`,
    {
      config: { permission: "agents:write" },
      schema: {
        tags,
        operationId: "revokeJoinToken",
        summary: "Revoke a join token",
        description: "Agents that joined with it stay.",
        params: params.extend({ token: z.string().regex(/^[0-9A-Za-z]{12}$/) }),
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      await inTransaction(pool, async (client) => {
        if (!(await revokeJoinToken(client, workspace.id, request.params.token)))
          throw new AppError("not_found", "there is no such join token in this workspace");
        const target = `join token ${request.params.token}`;
        await recordAudit(client, { workspace: workspace.id, actor: principal.label, action: "join-tokens:revoke", target });
      });
      return reply.status(204).send(null);
    },
  );
}

function present(token: JoinToken): JoinTokenView {
  const usedUp = token.used >= token.maxUses;
  return {
    id: token.id,
    label: token.label,
    uses: token.maxUses,
    used: token.used,
    tags: [...token.tags],
    cidrs: [...token.cidrs],
    created_by: token.createdBy,
    created_at: token.createdAt.toISOString(),
    expires_at: token.expiresAt.toISOString(),
    status: token.revokedAt !== undefined ? "revoked" : usedUp ? "used_up" : token.expired ? "expired" : "usable",
  };
}
