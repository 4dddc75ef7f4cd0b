import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import fastifyCookie from "@fastify/cookie";
import fastifySwagger from "@fastify/swagger";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { jsonSchemaTransform } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import type { Log } from "../telemetry/log.ts";
import { atOnce } from "./at-once.ts";
import type { BodyTurns } from "./body-turns.ts";
import { addExactJsonParser } from "./exact-json.ts";
import { addLocations } from "./locations.ts";
import { sendProblem } from "./problem.ts";
import { validatorCompiler } from "./validator.ts";

export interface HttpOptions {
  readonly host: string;
  readonly port: number;
  readonly log: Log;
}

const BODY_LIMIT_BYTES = 4 * 1024 * 1024;
const HEADERS_TIMEOUT_MS = 10_000;
const DISCARD_WITHIN_MS = 2000;
/** Those of links to steps of flows are the longest: a workspace, a run, a place in it and a name. */
const PARAM_CHARS = 4000;
/**
 * Of every answer. Nobody keeps what somebody with a token was told, and nobody takes what is said to be JSON or text for a page. An answer that
 * anybody may keep says so itself.
 */
const OF_ANSWERS = { "cache-control": "no-store", "x-content-type-options": "nosniff" } as const;

/**
 * An empty server with our errors, limits and OpenAPI; routes are added by the domains.
 * @param proxies addresses and networks whose X-Forwarded-For is believed
 */
export async function createHttpServer(log: Log, turns: BodyTurns, proxies: readonly string[] = []): Promise<FastifyInstance> {
  const app = fastify({
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: 30_000,
    keepAliveTimeout: 30_000,
    forceCloseConnections: true,
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    trustProxy: proxies.length > 0 && [...proxies],
    routerOptions: { maxParamLength: PARAM_CHARS },
    // What fastify refuses before any route: an address that cannot be read.
    frameworkErrors: (error, request, reply) => {
      addAnswerHeaders(request, reply);
      sendProblem(log, error, request, reply);
    },
    http: { headersTimeout: HEADERS_TIMEOUT_MS, maxHeaderSize: 16 * 1024 },
  });
  addExactJsonParser(app, turns);
  app.setValidatorCompiler(validatorCompiler);
  // Responses are made by our own code: their schemas document them, checking each one again would only cost time.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.setErrorHandler(async (error: Error, request, reply) => {
    // The answer to a body that is too large comes before all of it was read; a client that still writes would see a broken
    // connection instead of the answer. So the rest is read and thrown away, for a bounded time.
    if ("code" in error && error.code === "FST_ERR_CTP_BODY_TOO_LARGE") await discardBody(request.raw);
    sendProblem(log, error, request, reply);
    return reply;
  });
  app.setNotFoundHandler((request, reply) => {
    sendProblem(
      log,
      new AppError("not_found", `there is no ${request.method} ${request.url.split("?")[0] ?? ""}`, { hint: "the routes are listed at /api/v1/openapi.json" }),
      request,
      reply,
    );
  });
  app.addHook("onRequest", atOnce(addAnswerHeaders));
  refuseUnknownQueries(app);
  addLocations(app);
  // Cookies are read where somebody asks for them: most requests bring none.
  await app.register(fastifyCookie, { hook: false });
  await app.register(fastifySwagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "Millrace", version: "1", description: readFileSync(new URL("./openapi-intro.md", import.meta.url), "utf8") },
      components: {
        securitySchemes: { bearer: { type: "http", scheme: "bearer" }, session: { type: "apiKey", in: "cookie", name: "__Host-millrace-session" } },
      },
      security: [{ bearer: [] }, { session: [] }],
    },
    transform: (route) => {
      const { schema, url } = jsonSchemaTransform(route);
      return { schema: { ...schema, "x-permission": route.route.config?.permission }, url };
    },
  });
  return app;
}

/** On the raw answer: some are written past fastify. */
function addAnswerHeaders(request: FastifyRequest, { raw }: FastifyReply): void {
  raw.setHeader("x-request-id", request.id);
  for (const [name, value] of Object.entries(OF_ANSWERS)) raw.setHeader(name, value);
}

const NO_QUERY = z.strictObject({});

/**
 * A query that a route does not know is a mistake, also where the route knows none: somebody believes in a filter that is not there. Public routes take
 * any: their links go by mail, and mail programs add to them.
 */
function refuseUnknownQueries(app: FastifyInstance): void {
  app.addHook("onRoute", (route) => {
    const { schema } = route;
    if (schema?.operationId !== undefined && schema.querystring === undefined && route.config?.permission !== "public")
      route.schema = { ...schema, querystring: NO_QUERY };
  });
}

async function discardBody(request: IncomingMessage): Promise<void> {
  if (request.complete) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, DISCARD_WITHIN_MS);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    request.once("end", done).once("close", done).once("error", done);
    request.resume();
  });
}

/** Opens the port. Errors: failed_precondition when it is taken or not ours to open. @returns the URL */
export async function listen(app: FastifyInstance, options: HttpOptions): Promise<string> {
  try {
    await app.listen({ host: options.host, port: options.port });
  } catch (error) {
    throw new AppError("failed_precondition", `the HTTP address ${options.host}:${options.port} cannot be opened: ${messageOf(error)}`, {
      hint: "is another Millrace running? stop it, or set MILLRACE_HTTP_PORT to a free port",
      cause: error,
    });
  }
  const address = app.server.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  return `http://${options.host.includes(":") ? `[${options.host}]` : options.host}:${port}`;
}
