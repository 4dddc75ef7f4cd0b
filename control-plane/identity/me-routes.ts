import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Pool } from "../db/pools.ts";
import { principalOf } from "../http/authorize.ts";
import { problemView } from "../http/problem-contract.ts";
import { removeOwnAccount } from "./account-removal.ts";
import type { Accounts } from "./accounts.ts";
import type { Principal } from "./authenticate.ts";
import { type MeView, me, passwordChange, sessionConfirmation, sessionList } from "./contract.ts";
import type { Members } from "./members.ts";
import { presentAccount } from "./present.ts";
import type { SessionCookies } from "./session-cookie.ts";
import { type Sessions, sessionOf } from "./sessions.ts";

const path = "/api/v1/me";
const tags = ["me"];
const config = { permission: "account:self", scope: "instance" } as const;

interface MeParts {
  readonly pool: Pool;
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  readonly members: Members;
  readonly cookies: SessionCookies;
}

/** What concerns the caller alone. */
export function addMeRoutes(root: FastifyInstance, parts: MeParts): void {
  const { accounts, sessions, members } = parts;
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
  addConfirming(root, parts);
  addLeaving(root, parts);
}

function addConfirming(root: FastifyInstance, { accounts, sessions }: MeParts): void {
  root.withTypeProvider<ZodTypeProvider>().post(
    `${path}/confirm`,
    {
      config,
      schema: {
        tags,
        operationId: "confirmSession",
        summary: "Give the password again, for what a session alone is not enough for",
        description: "Tokens, roles and accounts are changed in sessions that began, or were confirmed, within 15 minutes. Without a password: log in again.",
        body: sessionConfirmation,
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      const own = sessionOf(principalOf(request));
      await accounts.checkPassword(own.account, request.body.password, "sessions:confirm", request.ip);
      await sessions.confirm(own);
      return reply.code(204).send(null);
    },
  );
}

function addLeaving(root: FastifyInstance, { pool, cookies }: MeParts): void {
  root.withTypeProvider<ZodTypeProvider>().delete(
    path,
    {
      config: { ...config, confirmed: true },
      schema: {
        tags,
        operationId: "deleteMe",
        summary: "Delete the own account",
        description:
          "Its sessions, tokens and memberships go. What it has made stays, with its name; schedules and triggers that it wrote last have the place of their code alone. A 409 for the last administrator of a workspace, or of the instance.",
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      await removeOwnAccount(pool, sessionOf(principalOf(request)).account);
      cookies.clear(reply, "millrace-session");
      return reply.code(204).send(null);
    },
  );
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
      await sessions.endOthers(sessionOf(principalOf(request)));
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
      await sessions.end(sessionOf(principalOf(request)), request.params.session);
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
