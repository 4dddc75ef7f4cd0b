import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import { problemView } from "../http/problem-contract.ts";
import { tokenText } from "./contract.ts";
import type { OidcLogin } from "./oidc-login.ts";
import { TICKET_MS } from "./oidc-ticket.ts";
import type { SessionCookies } from "./session-cookie.ts";
import type { Sessions } from "./sessions.ts";

const tags = ["login"];
const path = "/api/v1/oidc/:provider";
const params = z.object({ provider: z.string().max(32) });

const start = z.strictObject({
  return_to: z
    .string()
    .max(1000)
    // Browsers take a backslash for a slash, and two of them for another host.
    .regex(/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/, "a path of this server, such as /jobs")
    .default("/")
    .meta({ description: "Where the browser goes after the login." }),
  invitation: tokenText.optional().meta({ description: "Token of an invitation to accept with the login." }),
});

/** Login at an identity provider: the way there, and the way back. */
export function addOidcRoutes(root: FastifyInstance, login: OidcLogin, sessions: Sessions, cookies: SessionCookies): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const redirectUri = (provider: string): string => {
    if (cookies.origin() === "")
      throw new AppError("failed_precondition", "nobody knows the address at which browsers reach this server", { hint: "set MILLRACE_PUBLIC_URL" });
    return `${cookies.origin()}/api/v1/oidc/${provider}/callback`;
  };
  app.post(
    `${path}/start`,
    {
      config: { permission: "public" },
      schema: {
        tags,
        operationId: "startOidcLogin",
        summary: "Begin a login at an identity provider",
        description: "Sends back where the browser has to go, and sets a cookie that the way back needs, good for ten minutes.",
        security: [],
        params,
        body: start,
        response: { 200: z.object({ url: z.string() }), default: problemView },
      },
    },
    async (request, reply) => {
      cookies.refuseForeign(request);
      const { return_to: returnTo, invitation } = request.body;
      const { provider } = request.params;
      const { url, ticket } = await login.begin(provider, redirectUri(provider), { returnTo, invitation });
      cookies.set(reply, "millrace-oidc", ticket, TICKET_MS);
      return { url };
    },
  );
  app.get(
    `${path}/callback`,
    {
      config: { permission: "public" },
      schema: {
        tags,
        operationId: "finishOidcLogin",
        summary: "Where an identity provider sends the browser back to",
        description: "Begins a session and goes on to the path that was named at the beginning.",
        security: [],
        params,
        querystring: z.looseObject({}),
        response: { 302: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      const { provider } = request.params;
      // The address that the provider was told, and what it has added: what a proxy made of it does not count.
      const url = new URL(redirectUri(provider));
      url.search = new URL(request.url, url).search;
      const ticket = cookies.read(request, "millrace-oidc");
      cookies.clear(reply, "millrace-oidc");
      const { account, returnTo } = await login.finish(provider, url, ticket);
      await sessions.begin(request, reply, account, `oidc:${provider}`);
      return reply.redirect(returnTo, 302);
    },
  );
}
