import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { principalOf } from "../http/authorize.ts";
import { problemView } from "../http/problem-contract.ts";
import type { Accounts } from "./accounts.ts";
import type { Principal } from "./authenticate.ts";
import { type MeView, me, passwordChange, sessionList } from "./contract.ts";
import type { Members } from "./members.ts";
import { presentAccount } from "./present.ts";
import { type Sessions, sessionOf } from "./sessions.ts";

const path = "/api/v1/me";
const tags = ["me"];
const config = { permission: "account:self", scope: "instance" } as const;

/** What concerns the caller alone. */
export function addMeRoutes(root: FastifyInstance, accounts: Accounts, sessions: Sessions, members: Members): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    path,
    {
      config,
      schema: { tags, operationId: "getMe", summary: "Who the caller is, and where it may do something", response: { 200: me, default: problemView } },
    },
    async (request) => whoIs(principalOf(request), accounts, members),
  );
  app.put(
    `${path}/password`,
    {
      config,
      schema: {
        tags,
        operationId: "changePassword",
        summary: "Change the own password",
        description: "All other sessions end. Tokens stay.",
        body: passwordChange,
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      const { account, session } = sessionOf(principalOf(request));
      await accounts.changePassword(account, request.body, session, request.ip);
      return reply.code(204).send(null);
    },
  );
  addSessionRoutes(root, sessions);
}

function addSessionRoutes(root: FastifyInstance, sessions: Sessions): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    `${path}/sessions`,
    { config, schema: { tags, operationId: "listSessions", summary: "The own sessions, newest first", response: { 200: sessionList, default: problemView } } },
    async (request) => {
      const { account, session } = sessionOf(principalOf(request));
      const found = await sessions.list(account);
      return {
        sessions: found.map((one) => ({
          id: one.id,
          method: one.method,
          user_agent: one.userAgent,
          address: one.address,
          created_at: one.createdAt.toISOString(),
          seen_at: one.seenAt.toISOString(),
          expires_at: one.expiresAt.toISOString(),
          is_current: one.id === session,
        })),
      };
    },
  );
  app.delete(
    `${path}/sessions`,
    {
      config,
      schema: { tags, operationId: "endOtherSessions", summary: "End all own sessions but this one", response: { 204: z.null(), default: problemView } },
    },
    async (request, reply) => {
      const { account, session } = sessionOf(principalOf(request));
      await sessions.endOthers(account, session);
      return reply.code(204).send(null);
    },
  );
  app.delete(
    `${path}/sessions/:session`,
    {
      config,
      schema: {
        tags,
        operationId: "endSession",
        summary: "End one of the own sessions",
        params: z.object({ session: z.string().regex(/^[0-9A-Za-z]{12}$/) }),
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      await sessions.end(sessionOf(principalOf(request)).account, request.params.session);
      return reply.code(204).send(null);
    },
  );
}

async function whoIs(principal: Principal, accounts: Accounts, members: Members): Promise<MeView> {
  const { kind, label, accountId, workspace, workspaceName, scopes, via } = principal;
  const limits = scopes === undefined ? {} : { scopes: [...scopes] };
  if (accountId === undefined) {
    const isBound = kind === "workspace" && workspaceName !== undefined;
    return { kind: kind === "workspace" ? kind : "admin", label, ...limits, workspaces: isBound ? [{ name: workspaceName, role: "admin" }] : [] };
  }
  const account = via === "service" ? undefined : await accounts.find(accountId);
  const shown = account === undefined ? {} : { account: presentAccount(account) };
  if (workspace === undefined || workspaceName === undefined)
    return { kind: "account", label, ...shown, ...limits, workspaces: await members.workspacesOf(accountId) };
  const role = await members.roleOf(workspace, accountId);
  return { kind: "account", label, ...shown, ...limits, workspaces: role === undefined ? [] : [{ name: workspaceName, role }] };
}
