import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import type { AccountId, WorkspaceId } from "../../kernel/ids.ts";
import { callerOf } from "../http/authorize.ts";
import { pageOf } from "../http/page.ts";
import { newestQuery } from "../http/page-contract.ts";
import { problemView } from "../http/problem-contract.ts";
import type { Principal } from "./authenticate.ts";
import { madeToken, newToken, newWorkspaceToken, tokenPage } from "./contract.ts";
import { presentToken } from "./present.ts";
import type { Tokens } from "./tokens.ts";

const own = "/api/v1/w/:workspace/tokens";
const all = "/api/v1/w/:workspace/workspace-tokens";
const params = z.object({ workspace: z.string() });
const oneToken = params.extend({ token: z.string().regex(/^[0-9A-Za-z]{12}$/) });
const tags = ["tokens"];
const PAGE = 100;

/** Tokens of a workspace: everybody's own, and all of them for who manages them. */
export function addTokenRoutes(root: FastifyInstance, tokens: Tokens): void {
  addOwn(root, tokens);
  addAll(root, tokens);
}

function addOwn(root: FastifyInstance, tokens: Tokens): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const config = { permission: "tokens:self" } as const;
  app.post(
    own,
    {
      config: { ...config, confirmed: true },
      schema: {
        tags,
        operationId: "createToken",
        summary: "Make a personal token for this workspace",
        description: "For people who have logged in. It may never do more than they may at that moment, and is shown once.",
        params,
        body: newToken,
        response: { 201: madeToken, default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      const { token, text } = await tokens.makePersonal(workspace.id, principal, request.body);
      return reply.code(201).send({ ...presentToken(token), token: text });
    },
  );
  app.get(
    own,
    {
      config,
      schema: {
        tags,
        operationId: "listTokens",
        summary: "The own tokens for this workspace, newest first",
        params,
        querystring: newestQuery,
        response: { 200: tokenPage, default: problemView },
      },
    },
    async (request) => {
      const { workspace, principal } = callerOf(request);
      return page(tokens, workspace.id, holderOf(principal), request.query);
    },
  );
  app.delete(
    `${own}/:token`,
    {
      config,
      schema: {
        tags,
        operationId: "revokeToken",
        summary: "Revoke one of the own tokens",
        params: oneToken,
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      await tokens.revoke(workspace.id, request.params.token, holderOf(principal), principal.label);
      return reply.code(204).send(null);
    },
  );
}

function addAll(root: FastifyInstance, tokens: Tokens): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const config = { permission: "tokens:manage" } as const;
  app.post(
    all,
    {
      config: { ...config, confirmed: true },
      schema: {
        tags,
        operationId: "createWorkspaceToken",
        summary: "Make a token of the workspace or of a service account",
        params,
        body: newWorkspaceToken,
        response: { 201: madeToken, default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      const { service_account: name, ...wanted } = request.body;
      const { token, text } = await tokens.makeForWorkspace(workspace.id, principal, wanted, name);
      return reply.code(201).send({ ...presentToken(token), token: text });
    },
  );
  app.get(
    all,
    {
      config,
      schema: {
        tags,
        operationId: "listWorkspaceTokens",
        summary: "Tokens of everybody for this workspace, newest first",
        params,
        querystring: newestQuery,
        response: { 200: tokenPage, default: problemView },
      },
    },
    async (request) => page(tokens, callerOf(request).workspace.id, undefined, request.query),
  );
  app.delete(
    `${all}/:token`,
    {
      config,
      schema: {
        tags,
        operationId: "revokeWorkspaceToken",
        summary: "Revoke a token, whoever has it",
        params: oneToken,
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      await tokens.revoke(workspace.id, request.params.token, undefined, principal.label);
      return reply.code(204).send(null);
    },
  );
}

function holderOf({ accountId }: Principal): AccountId {
  if (accountId === undefined)
    throw new AppError("permission_denied", "this token belongs to no account: it has no tokens of its own", { hint: "see …/workspace-tokens" });
  return accountId;
}

async function page(tokens: Tokens, workspace: WorkspaceId, account: AccountId | undefined, query: z.output<typeof newestQuery>) {
  const { limit = PAGE, cursor } = query;
  const found = await tokens.list(workspace, { account, limit: limit + 1, after: cursor });
  const { page: shown, next } = pageOf(found, limit, (last) => last.cursor);
  return { tokens: shown.map(presentToken), ...next };
}
