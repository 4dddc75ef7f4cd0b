import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { WITHOUT_NUL } from "../../kernel/storable-text.ts";
import type { Pool } from "../db/pools.ts";
import { type Caller, callerOf, mayUse, referencesOf } from "../http/authorize.ts";
import { bodyPath, queryPath } from "../http/path-of.ts";
import { problemView } from "../http/problem-contract.ts";
import {
  deployFlowRequest,
  deployFlowResponse,
  type FlowWithDocument,
  flowListQuery,
  flowPage,
  flowPathQuery,
  flowVersionPage,
  flowVersionsQuery,
  flowWithDocument,
} from "./contract.ts";
import { deployFlow, type FlowDeployer, presentFlow, presentWithDocument } from "./deploy.ts";
import { currentFlow, noFlowVersion } from "./find-flow.ts";
import { findFlowVersion, listFlows, listFlowVersions } from "./flow-store.ts";

const base = "/api/v1/w/:workspace/flows";
const inWorkspace = z.object({ workspace: z.string() });
const PAGE = 100;
const tags = ["flows"];

export function addFlowRoutes(root: FastifyInstance, deployer: FlowDeployer): void {
  addDeployRoute(root, deployer);
  addVersionRoutes(root, deployer);
  const app = root.withTypeProvider<ZodTypeProvider>();
  const { pool } = deployer;

  app.get(
    base,
    {
      config: { permission: "flows:read", path: "inside" },
      schema: {
        tags,
        operationId: "listFlows",
        summary: "Current versions, by path",
        params: inWorkspace,
        querystring: flowListQuery,
        response: { 200: flowPage, default: problemView },
      },
    },
    async (request) => {
      const { prefix = "", cursor = "", limit = PAGE } = request.query;
      const { workspace, reach } = callerOf(request);
      const flows = await listFlows(pool, workspace.id, { prefix, after: cursor, limit: limit + 1, bounds: reach?.bounds });
      const page = flows.slice(0, limit);
      const last = page.at(-1);
      return { flows: page.map(presentFlow), ...(flows.length > limit && last !== undefined && { next_cursor: last.path }) };
    },
  );
}

function addDeployRoute(root: FastifyInstance, deployer: FlowDeployer): void {
  root.withTypeProvider<ZodTypeProvider>().post(
    base,
    {
      config: { permission: "flows:deploy", path: bodyPath },
      schema: {
        tags,
        operationId: "deployFlow",
        summary: "Deploy a version of a flow",
        description: "Versions are immutable and named by their hash. 201 when the version is new, 200 when it was deployed before.",
        params: inWorkspace,
        body: deployFlowRequest,
        response: { 200: deployFlowResponse, 201: deployFlowResponse, default: problemView },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { flow, created } = await deployFlow(deployer, caller.workspace, caller.principal.label, request.body, referencesOf(caller));
      return reply.code(created ? 201 : 200).send({ ...presentFlow(flow), created, ignored: [...flow.ignored] });
    },
  );
}

function addVersionRoutes(root: FastifyInstance, { pool, cache }: FlowDeployer): void {
  const app = root.withTypeProvider<ZodTypeProvider>();

  app.get(
    `${base}/by-path`,
    {
      config: { permission: "flows:read", path: queryPath },
      schema: {
        tags,
        operationId: "getFlow",
        summary: "The current version of a path, with its document",
        params: inWorkspace,
        querystring: flowPathQuery,
        response: { 200: flowWithDocument, default: problemView },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { hash } = await currentFlow(pool, cache, caller.workspace.id, request.query.path);
      return withDocument(pool, caller, hash);
    },
  );

  app.get(
    `${base}/by-hash/:hash`,
    {
      config: { permission: "flows:read", path: "inside" },
      schema: {
        tags,
        operationId: "getFlowVersion",
        summary: "One version, with its document",
        params: inWorkspace.extend({ hash: z.string().refine(WITHOUT_NUL.check, WITHOUT_NUL.message) }),
        response: { 200: flowWithDocument, default: problemView },
      },
    },
    async (request) => withDocument(pool, callerOf(request), request.params.hash),
  );

  app.get(
    `${base}/versions`,
    {
      config: { permission: "flows:read", path: queryPath },
      schema: {
        tags,
        operationId: "listFlowVersions",
        summary: "All versions of a path, the newest first",
        params: inWorkspace,
        querystring: flowVersionsQuery,
        response: { 200: flowVersionPage, default: problemView },
      },
    },
    async (request) => {
      const { workspace } = callerOf(request);
      const { path, cursor, limit = PAGE } = request.query;
      const { flowId } = await currentFlow(pool, cache, workspace.id, path);
      const versions = await listFlowVersions(pool, workspace.id, flowId, { after: cursor, limit: limit + 1 });
      const page = versions.slice(0, limit);
      const last = page.at(-1);
      return { versions: page.map(presentFlow), ...(versions.length > limit && last !== undefined && { next_cursor: last.hash }) };
    },
  );
}

async function withDocument(pool: Pool, caller: Caller, hash: string): Promise<FlowWithDocument> {
  const version = await findFlowVersion(pool, caller.workspace.id, hash);
  if (version === undefined || !mayUse(caller, version.path)) throw noFlowVersion(hash);
  return presentWithDocument(version);
}
