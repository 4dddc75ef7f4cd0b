import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import { callerOf, referencesOf } from "../http/authorize.ts";
import { pageOf } from "../http/page.ts";
import { queryPath } from "../http/path-of.ts";
import { problemView } from "../http/problem-contract.ts";
import { takeOver } from "../http/raw-answer.ts";
import { sendSecrets } from "../http/secret-answer.ts";
import { conditions } from "../variables/contract.ts";
import { etagOf } from "../variables/revision.ts";
import { presentChanges } from "../variables/routes.ts";
import { checkReferences } from "./check-references.ts";
import { putResource, type ResourceView, resourceListQuery, resourcePage, resourceQuery, resourceView, resourceWithValue } from "./contract.ts";
import type { References } from "./references.ts";
import type { ListedResource, StoredResource } from "./resource-store.ts";
import { noResource, type Resources } from "./resources.ts";

const base = "/api/v1/w/:workspace/resources";
const params = z.object({ workspace: z.string() });
const tags = ["resources"];
const PAGE = 100;

export function addResourceRoutes(root: FastifyInstance, resources: Resources, references: References): void {
  addReading(root, resources, references);
  addWriting(root, resources);
}

function addReading(root: FastifyInstance, resources: Resources, references: References): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    base,
    {
      config: { permission: "resources:read", path: "inside" },
      schema: {
        tags,
        operationId: "listResources",
        summary: "Resources, by path, without their values",
        params,
        querystring: resourceListQuery,
        response: { 200: resourcePage, default: problemView },
      },
    },
    async (request) => {
      const { prefix = "", cursor = "", limit = PAGE, type } = request.query;
      const { workspace, reach } = callerOf(request);
      const found = await resources.list(workspace.id, type, { prefix, after: cursor, limit: limit + 1, bounds: reach?.bounds });
      const { page, next } = pageOf(found, limit, ({ path }) => path);
      return { resources: page.map(presentResource), ...next };
    },
  );
  app.get(
    `${base}/by-path`,
    {
      config: { permission: "resources:read", path: queryPath },
      schema: {
        tags,
        operationId: "getResource",
        summary: "One resource, as it is stored",
        params,
        querystring: resourceQuery,
        response: { 200: resourceWithValue, default: problemView },
      },
    },
    async (request, reply) => {
      const stored = await resources.find(callerOf(request).workspace.id, request.query.path);
      if (stored === undefined) throw noResource(request.query.path);
      sendStored(reply, 200, stored);
    },
  );
  app.get(
    `${base}/value`,
    {
      config: { permission: "resources:read", path: queryPath },
      schema: {
        tags,
        operationId: "getResourceValue",
        summary: "The value alone, with what its references stand for",
        description: "One that holds secrets is given to running jobs alone.",
        params,
        querystring: resourceQuery,
        response: { 200: z.unknown(), default: problemView },
      },
    },
    async (request, reply) => sendResourceValue(request, reply, resources, references, request.query.path),
  );
}

function addWriting(root: FastifyInstance, resources: Resources): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.put(
    `${base}/by-path`,
    {
      config: { permission: "resources:write", path: queryPath },
      schema: {
        tags,
        operationId: "putResource",
        summary: "Make or change a resource",
        description: "201 when it is new. With If-Match it must still have that ETag, with `If-None-Match: *` it must not be there; otherwise a 412.",
        params,
        querystring: resourceQuery,
        headers: conditions,
        body: putResource,
        response: { 200: resourceView, 201: resourceView, default: problemView },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      // Others will use it, with a reach of their own: its writer must not have them hand out what is closed to him.
      checkReferences(caller, [], [request.body.value]);
      const { workspace, principal } = caller;
      const { created, stored } = await resources.put(workspace.id, request.query.path, request.body, principal.label, request.headers);
      return reply
        .code(created ? 201 : 200)
        .header("etag", etagOf(stored.revision))
        .send(presentResource(stored));
    },
  );
  app.delete(
    `${base}/by-path`,
    {
      config: { permission: "resources:write", path: queryPath },
      schema: {
        tags,
        operationId: "deleteResource",
        summary: "Delete a resource",
        params,
        querystring: resourceQuery,
        headers: conditions.pick({ "if-match": true }),
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      await resources.remove(workspace.id, request.query.path, principal.label, { "if-match": request.headers["if-match"] });
      return reply.code(204).send(null);
    },
  );
}

/** Errors: not_found, for the resource and for what it refers to; permission_denied for secrets. */
export async function sendResourceValue(
  request: FastifyRequest,
  reply: FastifyReply,
  resources: Resources,
  references: References,
  path: string,
): Promise<void> {
  const caller = callerOf(request);
  const { workspace } = caller;
  const stored = await resources.find(workspace.id, path);
  if (stored === undefined) throw noResource(path);
  const resolved = await references.resolve(workspace.id, stored.value, referencesOf(caller));
  if (resolved.kind === "unresolved") throw new AppError("not_found", resolved.message);
  sendSecrets(request, reply, { type: "application/json", text: resolved.json, secrets: resolved.secrets });
}

/** The value goes out as it came: parsing it would lose digits of large numbers. */
function sendStored(reply: FastifyReply, status: number, stored: StoredResource): void {
  const raw = takeOver(reply);
  raw.setHeader("etag", etagOf(stored.revision));
  raw.setHeader("content-type", "application/json; charset=utf-8");
  raw.writeHead(status);
  raw.end(`${JSON.stringify(presentResource(stored)).slice(0, -1)},"value":${stored.value}}`);
}

function presentResource(stored: ListedResource): ResourceView {
  const { path, type, description } = stored;
  return { path, type, description, ...presentChanges(stored) };
}
