import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { callerOf } from "../http/authorize.ts";
import { bodyPath, restPath } from "../http/path-of.ts";
import { checkReferences } from "../resources/check-references.ts";
import { putResource, typeName } from "../resources/contract.ts";
import type { References } from "../resources/references.ts";
import { noResource, type Resources } from "../resources/resources.ts";
import { sendResourceValue } from "../resources/routes.ts";
import { description, thingPath } from "../variables/contract.ts";
import {
  alreadyThere,
  anyQuery,
  atPath,
  HIDDEN,
  inWorkspace,
  NO_FILTER,
  numberedPage,
  refuseRenaming,
  sendJson,
  thingListQuery,
  unlessAsExpected,
} from "./common.ts";

const base = "/api/w/:workspace/resources";
const create = z.looseObject({ path: thingPath, value: putResource.shape.value, resource_type: typeName, description: description.optional() });
const update = z.looseObject({ path: thingPath.optional(), value: putResource.shape.value, description: description.optional() });

const listQuery = thingListQuery.extend({ resource_type: typeName.optional(), resource_type_exclude: NO_FILTER });

/** Of Windmill's clients states are resources too, as they are here. */
export function addWindmillResources(root: FastifyInstance, resources: Resources, references: References): void {
  addReading(root, resources, references);
  addWriting(root, resources);
}

function addReading(root: FastifyInstance, resources: Resources, references: References): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const reads = { config: { permission: "resources:read" as const, path: restPath }, schema: { ...HIDDEN, params: atPath, querystring: anyQuery } };
  app.get(`${base}/get_value_interpolated/*`, reads, async (request, reply) => sendResourceValue(request, reply, resources, references, request.params["*"]));
  app.get(`${base}/get_value/*`, reads, async (request, reply) => {
    const stored = await resources.find(callerOf(request).workspace.id, request.params["*"]);
    if (stored === undefined) throw noResource(request.params["*"]);
    sendJson(reply, stored.value);
  });
  app.get(`${base}/get/*`, reads, async (request, reply) => {
    const { workspace } = callerOf(request);
    const stored = await resources.find(workspace.id, request.params["*"]);
    if (stored === undefined) throw noResource(request.params["*"]);
    const view = { workspace_id: workspace.name, path: stored.path, resource_type: stored.type, description: stored.description, extra_perms: {} };
    sendJson(reply, `${JSON.stringify(view).slice(0, -1)},"value":${stored.value}}`);
  });
  const list = { config: { permission: "resources:read", path: "inside" }, schema: { ...HIDDEN, params: inWorkspace, querystring: listQuery } } as const;
  app.get(`${base}/list`, list, async (request) => {
    const { workspace, reach } = callerOf(request);
    const { path_start: prefix, resource_type: wanted, path: at, description: about } = request.query;
    const found = await numberedPage(request.query, (after, limit) =>
      resources.list(workspace.id, wanted, { prefix, path: at, about, after, limit, bounds: reach?.bounds }),
    );
    return found.map(({ path, type, description: told }) => ({ workspace_id: workspace.name, path, resource_type: type, description: told }));
  });
  app.get(`${base}/exists/*`, reads, async (request, reply) => {
    const there = (await resources.find(callerOf(request).workspace.id, request.params["*"])) !== undefined;
    return reply.type("application/json").send(there);
  });
}

function addWriting(root: FastifyInstance, resources: Resources): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.post(
    `${base}/create`,
    {
      config: { permission: "resources:write", path: bodyPath },
      schema: { ...HIDDEN, params: inWorkspace, querystring: z.looseObject({ update_if_exists: z.stringbool().default(false) }), body: create },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { workspace, principal } = caller;
      const { path, value, resource_type: type, description: about } = request.body;
      checkReferences(caller, [], [value]);
      const condition = request.query.update_if_exists ? {} : { "if-none-match": "*" as const };
      await resources.put(workspace.id, path, { type, value: value ?? null, description: about }, principal.label, condition).catch(alreadyThere);
      return reply.code(201).type("text/plain").send(`resource ${path} created`);
    },
  );
  for (const name of ["update", "update_value"]) {
    app.post(
      `${base}/${name}/*`,
      { config: { permission: "resources:write", path: restPath }, schema: { ...HIDDEN, params: atPath, querystring: anyQuery, body: update } },
      async (request, reply) => {
        const caller = callerOf(request);
        const { workspace, principal } = caller;
        const path = request.params["*"];
        refuseRenaming(path, request.body.path);
        checkReferences(caller, [], [request.body.value]);
        // A client that sets nothing leaves the field out.
        const value = name === "update_value" ? (request.body.value ?? null) : request.body.value;
        const isGone = unlessAsExpected(() => noResource(path));
        await resources.put(workspace.id, path, { value, description: request.body.description }, principal.label, { "if-match": "*" }).catch(isGone);
        return reply.type("text/plain").send(`resource ${path} updated`);
      },
    );
  }
  app.delete(
    `${base}/delete/*`,
    { config: { permission: "resources:write", path: restPath }, schema: { ...HIDDEN, params: atPath, querystring: anyQuery } },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      await resources.remove(workspace.id, request.params["*"], principal.label, {});
      return reply.type("text/plain").send(`resource ${request.params["*"]} deleted`);
    },
  );
}
