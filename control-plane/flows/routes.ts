import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { callerOf, referencesOf } from "../http/authorize.ts";
import { pageOf } from "../http/page.ts";
import { bodyPath } from "../http/path-of.ts";
import { problemView } from "../http/problem-contract.ts";
import { deployConditions } from "../scripts/contract.ts";
import { expectedVersion } from "../scripts/expected-version.ts";
import { deployFlowRequest, deployFlowResponse, flowListQuery, flowPage } from "./contract.ts";
import { deployFlow, type FlowDeployer, presentFlow } from "./deploy.ts";
import { listFlows } from "./flow-store.ts";
import { addFlowVersionRoutes } from "./version-routes.ts";

const base = "/api/v1/w/:workspace/flows";
const inWorkspace = z.object({ workspace: z.string() });
const PAGE = 100;
const tags = ["flows"];

export function addFlowRoutes(root: FastifyInstance, deployer: FlowDeployer): void {
  addDeployRoute(root, deployer);
  addFlowVersionRoutes(root, deployer);
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
      const { prefix = "", cursor = "", limit = PAGE, archived = false } = request.query;
      const { workspace, reach } = callerOf(request);
      const flows = await listFlows(pool, workspace.id, { prefix, after: cursor, limit: limit + 1, archived, bounds: reach?.bounds });
      const { page, next } = pageOf(flows, limit, ({ flow }) => flow.path);
      return { flows: page.map(({ flow, archived: since }) => presentFlow(flow, since)), ...next };
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
        description:
          "Versions are immutable and named by their hash. 201 when the version is new, 200 when it was deployed before. What was archived is in use again.",
        params: inWorkspace,
        headers: deployConditions,
        body: deployFlowRequest,
        response: { 200: deployFlowResponse, 201: deployFlowResponse, default: problemView },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const options = { expected: expectedVersion(request.headers), mayRefer: referencesOf(caller) };
      const { flow, created } = await deployFlow(deployer, caller.workspace, caller.principal.label, request.body, options);
      return reply
        .code(created ? 201 : 200)
        .header("etag", `"${flow.hash}"`)
        .send({ ...presentFlow(flow), created, ignored: [...flow.ignored] });
    },
  );
}
