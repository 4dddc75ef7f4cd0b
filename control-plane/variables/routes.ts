import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { callerOf } from "../http/authorize.ts";
import { pageOf } from "../http/page.ts";
import { queryPath } from "../http/path-of.ts";
import { problemView } from "../http/problem-contract.ts";
import { sendSecrets } from "../http/secret-answer.ts";
import {
  byPath,
  conditions,
  pageQuery,
  putVariable,
  type VariableView,
  type VariableWithValue,
  variablePage,
  variableValue,
  variableWithValue,
} from "./contract.ts";
import { etagOf } from "./revision.ts";
import type { Changes, StoredVariable } from "./variable-store.ts";
import { noVariable, type Variables } from "./variables.ts";

const base = "/api/v1/w/:workspace/variables";
const params = z.object({ workspace: z.string() });
const tags = ["variables"];
const PAGE = 100;

export function addVariableRoutes(root: FastifyInstance, variables: Variables): void {
  addReading(root, variables);
  addWriting(root, variables);
}

function addReading(root: FastifyInstance, variables: Variables): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    base,
    {
      config: { permission: "variables:read", path: "inside" },
      schema: {
        tags,
        operationId: "listVariables",
        summary: "Variables, by path, without their values",
        params,
        querystring: z.strictObject(pageQuery),
        response: { 200: variablePage, default: problemView },
      },
    },
    async (request) => {
      const { prefix = "", cursor = "", limit = PAGE } = request.query;
      const { workspace, reach } = callerOf(request);
      const found = await variables.list(workspace.id, { prefix, after: cursor, limit: limit + 1, bounds: reach?.bounds });
      const { page, next } = pageOf(found, limit, ({ path }) => path);
      const views = page.map((one): VariableView => ({ path: one.path, is_secret: one.isSecret, description: one.description, ...presentChanges(one) }));
      return { variables: views, ...next };
    },
  );
  app.get(
    `${base}/by-path`,
    {
      config: { permission: "variables:read", path: queryPath },
      schema: {
        tags,
        operationId: "getVariable",
        summary: "One variable; the value of a plain one",
        params,
        querystring: byPath,
        response: { 200: variableWithValue, default: problemView },
      },
    },
    async (request, reply) => {
      const stored = await variables.find(callerOf(request).workspace.id, request.query.path);
      if (stored === undefined) throw noVariable(request.query.path);
      return reply.header("etag", etagOf(stored.revision)).send(presentVariable(stored));
    },
  );
  app.get(
    `${base}/value`,
    {
      config: { permission: "variables:read", path: queryPath },
      schema: {
        tags,
        operationId: "getVariableValue",
        summary: "The value alone",
        description: "That of a secret is given to running jobs alone. With `Accept: text/plain` it comes as it is.",
        params,
        querystring: byPath,
        response: { 200: variableValue, default: problemView },
      },
    },
    async (request, reply) => {
      const { path } = request.query;
      const found = (await variables.open(callerOf(request).workspace.id, [path])).get(path);
      if (found === undefined) throw noVariable(path);
      const plain = request.headers.accept?.startsWith("text/plain") === true;
      const secrets = found.isSecret ? [found.value] : [];
      const text = plain ? found.value : JSON.stringify({ value: found.value });
      sendSecrets(request, reply, { type: plain ? "text/plain" : "application/json", text, secrets });
    },
  );
}

function addWriting(root: FastifyInstance, variables: Variables): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.put(
    `${base}/by-path`,
    {
      config: { permission: "variables:write", path: queryPath },
      schema: {
        tags,
        operationId: "putVariable",
        summary: "Make or change a variable",
        description: "201 when it is new. With If-Match it must still have that ETag, with `If-None-Match: *` it must not be there; otherwise a 412.",
        params,
        querystring: byPath,
        headers: conditions,
        body: putVariable,
        response: { 200: variableWithValue, 201: variableWithValue, default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      const { created, stored } = await variables.put(workspace.id, request.query.path, request.body, principal.label, request.headers);
      return reply
        .code(created ? 201 : 200)
        .header("etag", etagOf(stored.revision))
        .send(presentVariable(stored));
    },
  );
  app.delete(
    `${base}/by-path`,
    {
      config: { permission: "variables:write", path: queryPath },
      schema: {
        tags,
        operationId: "deleteVariable",
        summary: "Delete a variable",
        params,
        querystring: byPath,
        headers: conditions.pick({ "if-match": true }),
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      await variables.remove(workspace.id, request.query.path, principal.label, { "if-match": request.headers["if-match"] });
      return reply.code(204).send(null);
    },
  );
}

function presentVariable(stored: StoredVariable): VariableWithValue {
  const { path, description, value } = stored;
  return { path, is_secret: value.kind === "secret", description, ...presentChanges(stored), ...(value.kind === "plain" && { value: value.value }) };
}

/** When and by whom a thing was changed, as the API says it. */
export function presentChanges({ revision, createdAt, createdBy, updatedAt, updatedBy }: Changes): {
  revision: number;
  created_at: string;
  created_by: string;
  updated_at: string;
  updated_by: string;
} {
  return { revision, created_at: createdAt.toISOString(), created_by: createdBy, updated_at: updatedAt.toISOString(), updated_by: updatedBy };
}
