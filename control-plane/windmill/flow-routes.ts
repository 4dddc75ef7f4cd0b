import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import { archiveFlow } from "../flows/change-flow.ts";
import { deployFlow, type FlowDeployer } from "../flows/deploy.ts";
import { findFlowVersion, listFlows } from "../flows/flow-store.ts";
import { type Caller, callerOf, referencesOf } from "../http/authorize.ts";
import { bodyPath, restPath } from "../http/path-of.ts";
import { scriptPath } from "../jobs/contract.ts";
import { findCurrent } from "../scripts/current-store.ts";
import { anyQuery, atPathsQuery, HIDDEN, inWorkspace, NO_FILTER, numberedPage, sendJson } from "./common.ts";

const base = "/api/w/:workspace/flows";
const atPath = inWorkspace.extend({ "*": scriptPath });
const create = z.looseObject({ path: scriptPath, value: z.looseObject({}) });
const update = z.looseObject({ path: scriptPath.optional(), value: z.looseObject({}) });

const listQuery = atPathsQuery.extend({ created_by: NO_FILTER, path_exact: NO_FILTER, starred_only: NO_FILTER });

export function addWindmillFlows(root: FastifyInstance, deployer: FlowDeployer): void {
  addReading(root, deployer);
  addWriting(root, deployer);
}

function addReading(root: FastifyInstance, { pool }: FlowDeployer): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const config = { permission: "flows:read", path: restPath } as const;
  app.get(`${base}/get/*`, { config, schema: { ...HIDDEN, params: atPath, querystring: anyQuery } }, async (request, reply) => {
    const { workspace } = callerOf(request);
    const path = request.params["*"];
    const found = await findCurrent(pool, "flow", workspace.id, path);
    const version = found === undefined ? undefined : await findFlowVersion(pool, workspace.id, found.hash);
    if (version === undefined) throw new AppError("not_found", `there is no flow at ${path}`);
    const { summary, createdBy, createdAtMs } = version;
    const head = {
      workspace_id: workspace.name,
      path,
      summary,
      edited_by: createdBy,
      edited_at: new Date(createdAtMs).toISOString(),
      archived: found?.archived !== undefined,
    };
    sendJson(reply, `${JSON.stringify({ ...head, extra_perms: {} }).slice(0, -1)},${version.document.slice(1)}`);
  });
  app.get(`${base}/exists/*`, { config, schema: { ...HIDDEN, params: atPath, querystring: anyQuery } }, async (request, reply) => {
    const found = await findCurrent(pool, "flow", callerOf(request).workspace.id, request.params["*"]);
    return reply.type("application/json").send(found !== undefined && found.archived === undefined);
  });
  const list = { config: { permission: "flows:read", path: "inside" }, schema: { ...HIDDEN, params: inWorkspace, querystring: listQuery } } as const;
  app.get(`${base}/list`, list, async (request) => {
    const { workspace, reach } = callerOf(request);
    const { show_archived: archived, path_start: prefix } = request.query;
    return numberedPage(request.query, async (after, limit) => {
      const found = await listFlows(pool, workspace.id, { prefix, after, limit, archived, bounds: reach?.bounds });
      return found.map(({ flow }) => ({
        workspace_id: workspace.name,
        path: flow.path,
        summary: flow.summary,
        edited_by: flow.createdBy,
        edited_at: new Date(flow.createdAtMs).toISOString(),
        archived,
        starred: false,
      }));
    });
  });
}

function addWriting(root: FastifyInstance, deployer: FlowDeployer): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const config = { permission: "flows:deploy", path: restPath } as const;
  app.post(
    `${base}/create`,
    { config: { ...config, path: bodyPath }, schema: { ...HIDDEN, params: inWorkspace, querystring: anyQuery, body: create } },
    async (request, reply) => {
      const { path, ...document } = request.body;
      await deploy(deployer, callerOf(request), path, document);
      return reply.code(201).type("text/plain").send(path);
    },
  );
  app.post(`${base}/update/*`, { config, schema: { ...HIDDEN, params: atPath, querystring: anyQuery, body: update } }, async (request, reply) => {
    const at = request.params["*"];
    const { path = at, ...document } = request.body;
    if (path !== at)
      throw new AppError("unimplemented", "a flow is not moved by an update here", { hint: "millrace flow move, or POST /api/v1/w/{workspace}/flows/move" });
    await deploy(deployer, callerOf(request), path, document);
    return reply.type("text/plain").send(path);
  });
  const archive = async (caller: Caller, path: string): Promise<string> => {
    const archiving = { path, isArchiving: true, by: caller.principal.label, expected: { kind: "any" } } as const;
    const changed = await archiveFlow(deployer, caller.workspace.id, archiving);
    // They ask once for each file of a flow: it may be in the archive already.
    if (changed === undefined && (await findCurrent(deployer.pool, "flow", caller.workspace.id, path)) === undefined)
      throw new AppError("not_found", `there is no flow at ${path}`);
    return `flow ${path} archived`;
  };
  app.post(`${base}/archive/*`, { config, schema: { ...HIDDEN, params: atPath, querystring: anyQuery, body: z.unknown() } }, async (request, reply) =>
    reply.type("text/plain").send(await archive(callerOf(request), request.params["*"])),
  );
  app.delete(`${base}/delete/*`, { config, schema: { ...HIDDEN, params: atPath, querystring: anyQuery } }, async (request, reply) =>
    reply.type("text/plain").send(await archive(callerOf(request), request.params["*"])),
  );
}

/** All that they say of a flow is kept in its document, whether it does anything here or not. */
async function deploy(deployer: FlowDeployer, caller: Caller, path: string, given: Record<string, unknown>): Promise<void> {
  const { deployment_message: _message, skip_draft_deletion: _draft, ...document } = given;
  await deployFlow(deployer, caller.workspace, caller.principal.label, { path, document }, { mayRefer: referencesOf(caller) });
}
