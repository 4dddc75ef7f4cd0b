import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import { type Caller, callerOf } from "../http/authorize.ts";
import { putResourceType, typeName } from "../resources/contract.ts";
import { findResourceType, listResourceTypes } from "../resources/resource-type-store.ts";
import type { SchemaCheck } from "../resources/schema-check.ts";
import { checkAndPutType, removeType } from "../resources/type-routes.ts";
import { description } from "../variables/contract.ts";
import { anyQuery, HIDDEN, inWorkspace, sendJson } from "./common.ts";
import type { ExportParts } from "./export.ts";
import { deleteMetadata, findMetadata, putMetadata } from "./metadata-store.ts";

const base = "/api/w/:workspace/resources/type";
const ofType = inWorkspace.extend({ name: typeName });
const change = z.looseObject({ schema: putResourceType.shape.schema, description: description.nullish() });
const PAGE = 1000;

/** Types of resources. What their tools say beyond schema and description is kept for them. */
export function addWindmillTypes(root: FastifyInstance, { pool }: Pick<ExportParts, "pool">, schemas: SchemaCheck): void {
  addReading(root, pool);
  const app = root.withTypeProvider<ZodTypeProvider>();
  const config = { permission: "resources:types" as const };
  const put = async (caller: Caller, name: string, body: z.infer<typeof change>): Promise<void> => {
    const { schema, description: about } = body;
    await checkAndPutType(pool, schemas, caller, name, { schema, ...(about != null && { description: about }) }, {});
    await putMetadata(pool, caller.workspace.id, "resource-type", name, JSON.stringify(body));
  };
  app.post(
    `${base}/create`,
    { config, schema: { ...HIDDEN, params: inWorkspace, querystring: anyQuery, body: change.extend({ name: typeName }) } },
    async (request, reply) => {
      const { name, ...body } = request.body;
      await put(callerOf(request), name, body);
      return reply.code(201).type("text/plain").send(`resource type ${name} created`);
    },
  );
  app.post(`${base}/update/:name`, { config, schema: { ...HIDDEN, params: ofType, querystring: anyQuery, body: change } }, async (request, reply) => {
    await put(callerOf(request), request.params.name, request.body);
    return reply.type("text/plain").send(`resource type ${request.params.name} updated`);
  });
  app.delete(`${base}/delete/:name`, { config, schema: { ...HIDDEN, params: ofType, querystring: anyQuery } }, async (request, reply) => {
    const caller = callerOf(request);
    const { name } = request.params;
    if (!(await removeType(pool, caller, name, undefined))) throw noType(name);
    await deleteMetadata(pool, caller.workspace.id, "resource-type", name);
    return reply.type("text/plain").send(`resource type ${name} deleted`);
  });
}

function addReading(root: FastifyInstance, pool: ExportParts["pool"]): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const config = { permission: "resources:read", path: "none" } as const;
  app.get(`${base}/get/:name`, { config, schema: { ...HIDDEN, params: ofType, querystring: anyQuery } }, async (request, reply) => {
    const { id, name: workspace } = callerOf(request).workspace;
    const { name } = request.params;
    const type = await findResourceType(pool, id, name);
    if (type === undefined) throw noType(name);
    const metadata =
      (await findMetadata(pool, id, "resource-type", [name])).get(name) ??
      `{"schema":${type.schema ?? "{}"},"description":${JSON.stringify(type.description)}}`;
    sendJson(reply, `${JSON.stringify({ workspace_id: workspace, name, created_by: type.createdBy }).slice(0, -1)},${metadata.slice(1)}`);
  });
  app.get(`${base}/exists/:name`, { config, schema: { ...HIDDEN, params: ofType, querystring: anyQuery } }, async (request, reply) => {
    const there = (await findResourceType(pool, callerOf(request).workspace.id, request.params.name)) !== undefined;
    return reply.type("application/json").send(there);
  });
  app.get(`${base}/list`, { config, schema: { ...HIDDEN, params: inWorkspace, querystring: anyQuery } }, async (request) => {
    const { id, name: workspace } = callerOf(request).workspace;
    const found = await listResourceTypes(pool, id, { prefix: "", after: "", limit: PAGE });
    return found.map(({ name, description: about }) => ({ workspace_id: workspace, name, description: about }));
  });
}

function noType(name: string): AppError {
  return new AppError("not_found", `there is no resource type ${name}`);
}
