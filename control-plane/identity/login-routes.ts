import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { principalOf } from "../http/authorize.ts";
import { problemView } from "../http/problem-contract.ts";
import type { Accounts, SignUp } from "./accounts.ts";
import { loginAnswer, loginRequest, secretToRevoke, signInOptions, signUpRequest } from "./contract.ts";
import type { OidcProvider } from "./oidc-providers.ts";
import { presentAccount } from "./present.ts";
import type { SessionCookies } from "./session-cookie.ts";
import { type Sessions, sessionOf } from "./sessions.ts";
import type { Tokens } from "./tokens.ts";

const tags = ["login"];

export interface LoginParts {
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  readonly cookies: SessionCookies;
  readonly tokens: Tokens;
  readonly signUp: SignUp;
  readonly providers: readonly OidcProvider[];
}

/** How people come in and go: routes that need no token, and the way out. */
export function addLoginRoutes(root: FastifyInstance, parts: LoginParts): void {
  addComing(root, parts);
  addGoing(root, parts);
}

function addComing(root: FastifyInstance, { accounts, sessions, cookies, signUp, providers }: LoginParts): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/sign-in-options",
    {
      config: { permission: "public" },
      schema: {
        tags,
        operationId: "getSignInOptions",
        summary: "How people can log in here",
        security: [],
        response: { 200: signInOptions, default: problemView },
      },
    },
    async () => ({ sign_up: signUp, providers: providers.map(({ name, title }) => ({ name, title })) }),
  );
  app.post(
    "/api/v1/login",
    {
      config: { permission: "public" },
      schema: {
        tags,
        operationId: "login",
        summary: "Log in with e-mail address and password",
        description: "Begins a session and sets its cookie. After several wrong passwords a 429 says when to try again.",
        security: [],
        body: loginRequest,
        response: { 200: loginAnswer, default: problemView },
      },
    },
    async (request, reply) => {
      cookies.refuseForeign(request);
      const account = await accounts.login(request.body, request.ip);
      const { expiresAt } = await sessions.begin(request, reply, account, "password");
      return { account: presentAccount(account), expires_at: expiresAt.toISOString() };
    },
  );
  app.post(
    "/api/v1/sign-up",
    {
      config: { permission: "public" },
      schema: {
        tags,
        operationId: "signUp",
        summary: "Make an account and log in",
        description: "Whether it needs an invitation is a setting of the instance. With one the account becomes a member of its workspace.",
        security: [],
        body: signUpRequest,
        response: { 201: loginAnswer, default: problemView },
      },
    },
    async (request, reply) => {
      cookies.refuseForeign(request);
      const account = await accounts.signUp(request.body, request.ip);
      const { expiresAt } = await sessions.begin(request, reply, account, "password");
      return reply.code(201).send({ account: presentAccount(account), expires_at: expiresAt.toISOString() });
    },
  );
}

function addGoing(root: FastifyInstance, { sessions, cookies, tokens }: LoginParts): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.post(
    "/api/v1/logout",
    {
      config: { permission: "account:self", scope: "instance" },
      schema: { tags, operationId: "logout", summary: "End this session", response: { 204: z.null(), default: problemView } },
    },
    async (request, reply) => {
      const { account, session } = sessionOf(principalOf(request));
      await sessions.end(account, session);
      cookies.clear(reply, "millrace-session");
      return reply.code(204).send(null);
    },
  );
  app.post(
    "/api/v1/tokens/revoke-by-secret",
    {
      config: { permission: "public" },
      schema: {
        tags: ["tokens"],
        operationId: "revokeBySecret",
        summary: "End a token of any kind by showing it",
        description: "For whoever finds one where it should not be. The answer does not say whether there was such a token.",
        security: [],
        body: secretToRevoke,
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      await tokens.revokeBySecret(request.body.token);
      return reply.code(204).send(null);
    },
  );
}
