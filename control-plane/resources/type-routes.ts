import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction } from "../db/transaction.ts";
import { type Caller, callerOf } from "../http/authorize.ts";
import { pageOf } from "../http/page.ts";
import { problemView } from "../http/problem-contract.ts";
import { conditions, pageQuery, THING_LIMITS } from "../variables/contract.ts";
import { putRevised } from "../variables/put-revised.ts";
import { type Condition, changedMeanwhile, etagOf, wantedRevision } from "../variables/revision.ts";
import { presentChanges } from "../variables/routes.ts";
import { byName, type PutResourceType, putResourceType, type ResourceTypeView, resourceTypePage, resourceTypeView, STATE_TYPE } from "./contract.ts";
import {
  deleteResourceType,
  findResourceType,
  insertResourceType,
  listResourceTypes,
  type StoredResourceType,
  updateResourceType,
} from "./resource-type-store.ts";
import type { SchemaCheck } from "./schema-check.ts";
import { decodeSchema } from "./schema-codec.ts";

const base = "/api/v1/w/:workspace/resource-types";
const params = z.object({ workspace: z.string() });
const tags = ["resources"];
const PAGE = 100;

/** Kinds of resources: what their values must look like. A resource may have a type that nobody has described. */
export function addResourceTypeRoutes(root: FastifyInstance, pool: Pool, schemas: SchemaCheck): void {
  addReading(root, pool);
  addWriting(root, pool, schemas);
}

function addReading(root: FastifyInstance, pool: Pool): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    base,
    {
      config: { permission: "resources:read", path: "none" },
      schema: {
        tags,
        operationId: "listResourceTypes",
        summary: "Resource types, by name, without their schemas",
        params,
        querystring: z.strictObject(pageQuery),
        response: { 200: resourceTypePage, default: problemView },
      },
    },
    async (request) => {
      const { prefix = "", cursor = "", limit = PAGE } = request.query;
      const found = await listResourceTypes(pool, callerOf(request).workspace.id, { prefix, after: cursor, limit: limit + 1 });
      const { page, next } = pageOf(found, limit, ({ name }) => name);
      const types = page.map((one) => ({ name: one.name, description: one.description, ...presentChanges(one) }));
      return { types, ...next };
    },
  );
  app.get(
    `${base}/by-name`,
    {
      config: { permission: "resources:read", path: "none" },
      schema: {
        tags,
        operationId: "getResourceType",
        summary: "One resource type, with its schema",
        params,
        querystring: byName,
        response: { 200: resourceTypeView, default: problemView },
      },
    },
    async (request, reply) => {
      const stored = await findResourceType(pool, callerOf(request).workspace.id, request.query.name);
      if (stored === undefined) throw noType(request.query.name);
      return reply.header("etag", etagOf(stored.revision)).send(presentType(stored));
    },
  );
}

function addWriting(root: FastifyInstance, pool: Pool, schemas: SchemaCheck): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.put(
    `${base}/by-name`,
    {
      config: { permission: "resources:types" },
      schema: {
        tags,
        operationId: "putResourceType",
        summary: "Make or change a resource type",
        description: "Resources that there are already are not checked again before they change.",
        params,
        querystring: byName,
        headers: conditions,
        body: putResourceType,
        response: { 200: resourceTypeView, 201: resourceTypeView, default: problemView },
      },
    },
    async (request, reply) => {
      const { created, stored } = await checkAndPutType(pool, schemas, callerOf(request), request.query.name, request.body, request.headers);
      return reply
        .code(created ? 201 : 200)
        .header("etag", etagOf(stored.revision))
        .send(presentType(stored));
    },
  );
  app.delete(
    `${base}/by-name`,
    {
      config: { permission: "resources:types" },
      schema: {
        tags,
        operationId: "deleteResourceType",
        summary: "Delete a resource type",
        description: "Its resources stay, and are not checked any more.",
        params,
        querystring: byName,
        headers: conditions.pick({ "if-match": true }),
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      const { name } = request.query;
      const caller = callerOf(request);
      if (await removeType(pool, caller, name, wantedRevision({ "if-match": request.headers["if-match"] }))) return reply.code(204).send(null);
      throw (await findResourceType(pool, caller.workspace.id, name)) === undefined ? noType(name) : changedMeanwhile(`resource type ${name}`);
    },
  );
}

/** Deletes a type. @returns whether it was there, with that revision if one is given */
export function removeType(pool: Pool, { workspace, principal }: Caller, name: string, revision: number | undefined): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    const deleted = await deleteResourceType(client, workspace.id, name, revision);
    const target = `resource type ${name}`;
    if (deleted) await recordAudit(client, { workspace: workspace.id, actor: principal.label, action: "resource-types:delete", target });
    return deleted;
  });
}

/** Makes or changes a type. Errors: invalid_argument for its schema; aborted, failed_precondition, resource_exhausted. */
export async function checkAndPutType(
  pool: Pool,
  schemas: SchemaCheck,
  { workspace, principal }: Caller,
  name: string,
  change: PutResourceType,
  condition: Condition,
): Promise<{ created: boolean; stored: StoredResourceType }> {
  if (name === STATE_TYPE) throw new AppError("invalid_argument", "the type state is for what scripts remember: it has no schema");
  if (change.schema !== undefined && change.schema !== null) await schemas.check(workspace.id, JSON.stringify(change.schema));
  return putType(pool, workspace.id, name, change, principal.label, condition);
}

async function putType(
  pool: Pool,
  workspace: WorkspaceId,
  name: string,
  change: PutResourceType,
  by: string,
  condition: Condition,
): Promise<{ created: boolean; stored: StoredResourceType }> {
  const what = `resource type ${name}`;
  return putRevised({
    what,
    condition,
    full: `the workspace has ${THING_LIMITS.resourceTypes} resource types already`,
    find: () => findResourceType(pool, workspace, name),
    async write(before) {
      const schema = change.schema === undefined ? before?.schema : change.schema === null ? undefined : JSON.stringify(change.schema);
      const next = { name, description: change.description ?? before?.description ?? "", schema, by };
      return inTransaction(pool, async (client) => {
        const written = await (before === undefined
          ? insertResourceType(client, workspace, next)
          : updateResourceType(client, workspace, next, before.revision));
        if (written !== undefined && written !== "full") {
          const detail = { revision: written.revision };
          await recordAudit(client, { workspace, actor: by, action: "resource-types:write", target: what, detail });
        }
        return written;
      });
    },
  });
}

function noType(name: string): AppError {
  return new AppError("not_found", `there is no resource type ${name}`);
}

function presentType(stored: StoredResourceType): ResourceTypeView {
  const { name, description, schema } = stored;
  return { name, description, ...(schema !== undefined && { schema: decodeSchema(schema) }), ...presentChanges(stored) };
}
