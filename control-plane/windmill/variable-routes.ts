import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { callerOf } from "../http/authorize.ts";
import { bodyPath, restPath } from "../http/path-of.ts";
import { sendSecrets } from "../http/secret-answer.ts";
import { putVariable, thingPath } from "../variables/contract.ts";
import { noVariable, type Variables } from "../variables/variables.ts";
import { alreadyThere, anyQuery, atPath, HIDDEN, inWorkspace, numberedPage, refuseRenaming, thingListQuery, unlessAsExpected } from "./common.ts";

const base = "/api/w/:workspace/variables";
const changeQuery = z.looseObject({ already_encrypted: z.stringbool().default(false) });
const change = z.looseObject({ ...putVariable.shape, path: thingPath.optional() });

export function addWindmillVariables(root: FastifyInstance, variables: Variables): void {
  addReading(root, variables);
  addWriting(root, variables);
}

function addReading(root: FastifyInstance, variables: Variables): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    `${base}/get_value/*`,
    { config: { permission: "variables:read", path: restPath }, schema: { ...HIDDEN, params: atPath, querystring: anyQuery } },
    async (request, reply) => {
      const path = request.params["*"];
      const found = (await variables.open(callerOf(request).workspace.id, [path])).get(path);
      if (found === undefined) throw noVariable(path);
      sendSecrets(request, reply, { type: "application/json", text: JSON.stringify(found.value), secrets: found.isSecret ? [found.value] : [] });
    },
  );
  app.get(
    `${base}/get/*`,
    {
      config: { permission: "variables:read", path: restPath },
      schema: { ...HIDDEN, params: atPath, querystring: z.looseObject({ decrypt_secret: z.stringbool().default(true) }) },
    },
    async (request, reply) => {
      const path = request.params["*"];
      const { workspace } = callerOf(request);
      const stored = await variables.find(workspace.id, path);
      if (stored === undefined) throw noVariable(path);
      const isSecret = stored.value.kind === "secret";
      const opened = isSecret && !request.query.decrypt_secret ? undefined : (await variables.open(workspace.id, [path])).get(path);
      const view = { workspace_id: workspace.name, path, is_secret: isSecret, description: stored.description, value: opened?.value, extra_perms: {} };
      const secrets = isSecret && opened !== undefined ? [opened.value] : [];
      sendSecrets(request, reply, { type: "application/json", text: JSON.stringify(view), secrets });
    },
  );
  const list = { config: { permission: "variables:read", path: "inside" }, schema: { ...HIDDEN, params: inWorkspace, querystring: thingListQuery } } as const;
  app.get(`${base}/list`, list, async (request) => {
    const { workspace, reach } = callerOf(request);
    const { path_start: prefix, path, description: about } = request.query;
    const found = await numberedPage(request.query, (after, limit) =>
      variables.list(workspace.id, { prefix, path, about, after, limit, bounds: reach?.bounds }),
    );
    return found.map(({ path, isSecret: secret, description }) => ({
      workspace_id: workspace.name,
      path,
      is_secret: secret,
      description,
      extra_perms: {},
    }));
  });
  app.get(
    `${base}/exists/*`,
    { config: { permission: "variables:read", path: restPath }, schema: { ...HIDDEN, params: atPath, querystring: anyQuery } },
    async (request, reply) => {
      const there = (await variables.find(callerOf(request).workspace.id, request.params["*"])) !== undefined;
      return reply.type("application/json").send(there);
    },
  );
}

function addWriting(root: FastifyInstance, variables: Variables): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.post(
    `${base}/create`,
    {
      config: { permission: "variables:write", path: bodyPath },
      schema: { ...HIDDEN, params: inWorkspace, querystring: changeQuery, body: change.extend({ path: thingPath }) },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      const { path, value, is_secret, description } = request.body;
      if (request.query.already_encrypted && is_secret === true) throw encryptedElsewhere(path);
      await variables.put(workspace.id, path, { value, is_secret, description }, principal.label, { "if-none-match": "*" }).catch(alreadyThere);
      return reply.code(201).type("text/plain").send(`variable ${path} created`);
    },
  );
  app.post(
    `${base}/update/*`,
    { config: { permission: "variables:write", path: restPath }, schema: { ...HIDDEN, params: atPath, querystring: changeQuery, body: change } },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      const path = request.params["*"];
      const { value, is_secret, description } = request.body;
      if (request.query.already_encrypted && value !== undefined && (await isSecret(variables, workspace.id, path, is_secret))) throw encryptedElsewhere(path);
      refuseRenaming(path, request.body.path);
      const isGone = unlessAsExpected(() => noVariable(path));
      await variables.put(workspace.id, path, { value, is_secret, description }, principal.label, { "if-match": "*" }).catch(isGone);
      return reply.type("text/plain").send(`variable ${path} updated`);
    },
  );
  app.delete(
    `${base}/delete/*`,
    { config: { permission: "variables:write", path: restPath }, schema: { ...HIDDEN, params: atPath, querystring: anyQuery } },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      await variables.remove(workspace.id, request.params["*"], principal.label, {});
      return reply.type("text/plain").send(`variable ${request.params["*"]} deleted`);
    },
  );
}

async function isSecret(variables: Variables, workspace: WorkspaceId, path: string, wanted: boolean | undefined): Promise<boolean> {
  return wanted ?? (await variables.find(workspace, path))?.value.kind === "secret";
}

/** A value that another instance has encrypted is noise here. */
function encryptedElsewhere(path: string): AppError {
  return new AppError("unimplemented", `the value of ${path} was encrypted by another instance: it cannot be read here`, {
    hint: "set it with `millrace variable set --secret`, and leave secrets out of a sync: skipSecrets: true in wmill.yaml",
  });
}
