import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction } from "../db/transaction.ts";
import { callerOf, principalOf } from "../http/authorize.ts";
import { pageOf } from "../http/page.ts";
import { newestQuery } from "../http/page-contract.ts";
import { problemView } from "../http/problem-contract.ts";
import { type Accounts, noAccount } from "./accounts.ts";
import { invitationPage, invitationPreview, invitationToken, joined, madeInvitation, newInvitation } from "./contract.ts";
import type { Invitations } from "./invitations.ts";
import { presentInvitation } from "./present.ts";
import { sessionOf } from "./sessions.ts";

const path = "/api/v1/w/:workspace/invitations";
const params = z.object({ workspace: z.string() });
const tags = ["invitations"];
const PAGE = 100;

/** By administrators of a workspace: inviting people. By people: looking at an invitation, and accepting it. */
export function addInvitationRoutes(root: FastifyInstance, pool: Pool, invitations: Invitations, accounts: Accounts): void {
  addInviting(root, invitations);
  addAccepting(root, pool, invitations, accounts);
}

function addInviting(root: FastifyInstance, invitations: Invitations): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.post(
    path,
    {
      config: { permission: "invitations:manage", confirmed: true },
      schema: {
        tags,
        operationId: "createInvitation",
        summary: "Invite somebody into the workspace",
        description: "The token of the answer is for that person: nothing is sent. It is good once.",
        params,
        body: newInvitation,
        response: { 201: madeInvitation, default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      const { role, email, expires_in_s: expiresInS } = request.body;
      const made = await invitations.invite({ workspace: workspace.id, role, email, expiresInS, createdBy: principal.label });
      return reply.code(201).send({ ...presentInvitation(made.invitation), token: made.token });
    },
  );
  app.get(
    path,
    {
      config: { permission: "invitations:manage" },
      schema: {
        tags,
        operationId: "listInvitations",
        summary: "Invitations, newest first, without their tokens",
        description: "Those that are over, too.",
        params,
        querystring: newestQuery,
        response: { 200: invitationPage, default: problemView },
      },
    },
    async (request) => {
      const { cursor, limit = PAGE } = request.query;
      const { page, next } = pageOf(await invitations.list(callerOf(request).workspace.id, cursor, limit + 1), limit, ({ cursor: last }) => last);
      return { invitations: page.map(presentInvitation), ...next };
    },
  );
  app.delete(
    `${path}/:invitation`,
    {
      config: { permission: "invitations:manage" },
      schema: {
        tags,
        operationId: "revokeInvitation",
        summary: "Revoke an invitation",
        description: "Who has accepted it stays a member.",
        params: params.extend({ invitation: z.string().regex(/^[0-9A-Za-z]{12}$/) }),
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      await invitations.revoke(workspace.id, request.params.invitation, principal.label);
      return reply.code(204).send(null);
    },
  );
}

function addAccepting(root: FastifyInstance, pool: Pool, invitations: Invitations, accounts: Accounts): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.post(
    "/api/v1/invitations/preview",
    {
      config: { permission: "public" },
      schema: {
        tags,
        operationId: "previewInvitation",
        summary: "What an invitation is to",
        security: [],
        body: invitationToken,
        response: { 200: invitationPreview, default: problemView },
      },
    },
    async (request) => {
      const { workspaceName, role, email, expiresAt } = await invitations.find(request.body.token);
      return { workspace: workspaceName, role, email: email ?? null, expires_at: expiresAt.toISOString() };
    },
  );
  app.post(
    "/api/v1/invitations/accept",
    {
      config: { permission: "account:self", scope: "instance" },
      schema: {
        tags,
        operationId: "acceptInvitation",
        summary: "Become a member by an invitation",
        description: "For people who have logged in. Who has no account yet signs up with the invitation.",
        body: invitationToken,
        response: { 200: joined, default: problemView },
      },
    },
    async (request) => {
      const account = await accounts.find(sessionOf(principalOf(request)).account);
      if (account === undefined) throw noAccount();
      const invitation = await invitations.find(request.body.token);
      await inTransaction(pool, async (client) => recordAudit(client, await invitations.accept(client, invitation, account)));
      return { workspace: invitation.workspaceName, role: invitation.role };
    },
  );
}
