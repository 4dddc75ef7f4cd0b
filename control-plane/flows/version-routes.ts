import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { WITHOUT_NUL } from "../../kernel/storable-text.ts";
import type { Pool } from "../db/pools.ts";
import { callerOf, mayUse } from "../http/authorize.ts";
import { queryPath } from "../http/path-of.ts";
import { problemView } from "../http/problem-contract.ts";
import { addChangeRoutes } from "../scripts/change-routes.ts";
import { findCurrent, findStanding } from "../scripts/current-store.ts";
import { nothingOf } from "../scripts/find-script.ts";
import { archiveFlow, relocateFlow } from "./change-flow.ts";
import { flowPathQuery, flowVersionPage, flowView, flowWithDocument } from "./contract.ts";
import { type FlowDeployer, presentFlow, presentWithDocument } from "./deploy.ts";
import { storedDocument } from "./document-codec.ts";
import { noFlowVersion } from "./find-flow.ts";
import { flowHash } from "./flow-hash.ts";
import { type FlowVersion, findFlowVersion, listFlowVersions } from "./flow-store.ts";

const base = "/api/v1/w/:workspace/flows";
const inWorkspace = z.object({ workspace: z.string() });
const tags = ["flows"];

/** What happens to a flow over time: its versions, the archive, another path. */
export function addFlowVersionRoutes(root: FastifyInstance, deployer: FlowDeployer): void {
  addReading(root, deployer);
  const { pool } = deployer;
  addChangeRoutes(root, {
    pool,
    kind: "flow",
    view: flowView,
    versionPage: flowVersionPage,
    words: {
      versions: "All versions of a path, the newest first",
      archive: "It keeps its versions and the history of its runs, is not listed and does not run any more. Runs that there are already go on.",
      move: "Its versions go along, and so does the history of its runs. What refers to the old path is left as it is. The path is part of a version's hash: the current one gets a new one.",
    },
    async versions(workspace, { id, archived }, page) {
      const found = await listFlowVersions(pool, workspace, id, page);
      return found.map((version) => ({ hash: version.hash, view: presentFlow(version, archived) }));
    },
    show: async (workspace, hash, archived) => presentFlow(await loaded(pool, workspace, hash), archived),
    archive: (workspace, archiving) => archiveFlow(deployer, workspace, archiving),
    async move(workspace, { hash }, { from, to }, by) {
      const { document, yaml } = await loaded(pool, workspace, hash);
      const newHash = flowHash(to, storedDocument(document), yaml);
      const outcome = await relocateFlow(deployer, workspace, { from, to, hash, newHash, by });
      return outcome === "moved" ? { hash: newHash } : outcome;
    },
  });
}

function addReading(root: FastifyInstance, { pool }: FlowDeployer): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    `${base}/by-path`,
    {
      config: { permission: "flows:read", path: queryPath },
      schema: {
        tags,
        operationId: "getFlow",
        summary: "The current version of a path, with its document, archived or not",
        params: inWorkspace,
        querystring: flowPathQuery,
        response: { 200: flowWithDocument, default: problemView },
      },
    },
    async (request, reply) => {
      const { id } = callerOf(request).workspace;
      const { path } = request.query;
      const found = await findCurrent(pool, "flow", id, path);
      if (found === undefined) throw await nothingOf("flow", pool, id, path);
      return reply.header("etag", `"${found.hash}"`).send(presentWithDocument(await loaded(pool, id, found.hash), found.archived));
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
    async (request) => {
      const caller = callerOf(request);
      const version = await findFlowVersion(pool, caller.workspace.id, request.params.hash);
      const standing = version === undefined ? undefined : await findStanding(pool, "flow", caller.workspace.id, version.flowId);
      if (version === undefined || standing === undefined || !mayUse(caller, standing.path)) throw noFlowVersion(request.params.hash);
      return presentWithDocument(version);
    },
  );
}

async function loaded(pool: Pool, workspace: WorkspaceId, hash: string): Promise<FlowVersion> {
  const version = await findFlowVersion(pool, workspace, hash);
  if (version === undefined) throw noFlowVersion(hash);
  return version;
}
