import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { WITHOUT_NUL } from "../../kernel/storable-text.ts";
import type { Pool } from "../db/pools.ts";
import { callerOf, mayUse, notWritable } from "../http/authorize.ts";
import { bodyPath, queryPath } from "../http/path-of.ts";
import { problemView } from "../http/problem-contract.ts";
import { archiveRequest, ifMatch, moveRequest } from "../scripts/contract.ts";
import { type ExpectedVersion, expectedVersion, notAsExpected } from "../scripts/expected-version.ts";
import { archivedError } from "../scripts/find-script.ts";
import { archiveFlow, relocateFlow } from "./change-flow.ts";
import { flowPathQuery, flowVersionPage, flowVersionsQuery, flowView, flowWithDocument } from "./contract.ts";
import { type FlowDeployer, presentFlow, presentWithDocument } from "./deploy.ts";
import { storedDocument } from "./document-codec.ts";
import { noFlowVersion, suggestFlows } from "./find-flow.ts";
import { flowHash } from "./flow-hash.ts";
import { findFlowStanding } from "./flow-moves-store.ts";
import { type CurrentFlow, type FlowVersion, findAnyFlow, findFlowVersion, listFlowVersions } from "./flow-store.ts";

const base = "/api/v1/w/:workspace/flows";
const inWorkspace = z.object({ workspace: z.string() });
const PAGE = 100;
const tags = ["flows"];

/** What happens to a flow over time: its versions, the archive, another path. */
export function addFlowVersionRoutes(root: FastifyInstance, deployer: FlowDeployer): void {
  addReading(root, deployer);
  addVersions(root, deployer);
  addArchive(root, deployer);
  addMove(root, deployer);
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
      const found = await anyFlow(pool, id, request.query.path);
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
      const standing = version === undefined ? undefined : await findFlowStanding(pool, caller.workspace.id, version.flowId);
      if (version === undefined || standing === undefined || !mayUse(caller, standing.path)) throw noFlowVersion(request.params.hash);
      return presentWithDocument(version);
    },
  );
}

function addVersions(root: FastifyInstance, { pool }: FlowDeployer): void {
  root.withTypeProvider<ZodTypeProvider>().get(
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
      const { flowId, hash, archived } = await anyFlow(pool, workspace.id, path);
      const versions = await listFlowVersions(pool, workspace.id, flowId, { after: cursor, limit: limit + 1 });
      const page = versions.slice(0, limit);
      const last = page.at(-1);
      const views = page.map((version) => ({ ...presentFlow(version, archived), current: version.hash === hash }));
      return { versions: views, ...(versions.length > limit && last !== undefined && { next_cursor: last.hash }) };
    },
  );
}

function addArchive(root: FastifyInstance, { pool, cache }: FlowDeployer): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  for (const { name, operationId, summary, description, isArchiving } of [
    {
      name: "archive",
      operationId: "archiveFlow",
      summary: "Archive a flow",
      description: "It keeps its versions and the history of its runs, is not listed and does not run any more. Runs that there are already go on.",
      isArchiving: true,
    },
    { name: "unarchive", operationId: "unarchiveFlow", summary: "Take a flow back from the archive", description: undefined, isArchiving: false },
  ]) {
    app.post(
      `${base}/${name}`,
      {
        config: { permission: "flows:deploy", path: bodyPath },
        schema: {
          tags,
          operationId,
          summary,
          ...(description !== undefined && { description }),
          params: inWorkspace,
          headers: ifMatch,
          body: archiveRequest,
          response: { 200: flowView, default: problemView },
        },
      },
      async (request) => {
        const { workspace, principal } = callerOf(request);
        const { path } = request.body;
        const expected = expectedVersion(request.headers);
        const changed = await archiveFlow({ pool, cache }, workspace.id, { path, isArchiving, by: principal.label, expected });
        if (changed === undefined) throw notChanged(await anyFlow(pool, workspace.id, path), path, isArchiving, expected);
        return presentFlow(await loaded(pool, workspace.id, changed.hash), changed.archived);
      },
    );
  }
}

function notChanged({ hash }: CurrentFlow, path: string, isArchiving: boolean, expected: ExpectedVersion): AppError {
  if (expected.kind === "hash" && expected.hash !== hash) return notAsExpected("flow", path, expected);
  return new AppError("failed_precondition", isArchiving ? `the flow ${path} is archived already` : `the flow ${path} is not archived`);
}

function addMove(root: FastifyInstance, { pool, cache }: FlowDeployer): void {
  root.withTypeProvider<ZodTypeProvider>().post(
    `${base}/move`,
    {
      config: { permission: "flows:deploy", path: bodyPath },
      schema: {
        tags,
        operationId: "moveFlow",
        summary: "Give a flow another path",
        description:
          "Its versions go along, and so does the history of its runs. What refers to the old path is left as it is. The path is part of a version's hash: the current one gets a new one.",
        params: inWorkspace,
        headers: ifMatch,
        body: moveRequest,
        response: { 200: flowView, default: problemView },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { workspace, principal } = caller;
      const { path, to } = request.body;
      if (!mayUse(caller, to)) throw notWritable(to);
      const expected = expectedVersion(request.headers);
      const found = await anyFlow(pool, workspace.id, path);
      if (found.archived !== undefined) throw archivedError("flow", path);
      if (expected.kind === "hash" && expected.hash !== found.hash) throw notAsExpected("flow", path, expected);
      const before = await loaded(pool, workspace.id, found.hash);
      if (path === to) return presentFlow(before);
      const newHash = flowHash(to, storedDocument(before.document), before.yaml);
      const outcome = await relocateFlow({ pool, cache }, workspace.id, { from: path, to, hash: found.hash, newHash, by: principal.label });
      if (outcome === "taken") throw new AppError("already_exists", `there is a flow at ${to} already`, { hint: "an archived one keeps its path, too" });
      if (outcome === "gone") throw notAsExpected("flow", path, { kind: "hash", hash: found.hash });
      return presentFlow(await loaded(pool, workspace.id, newHash));
    },
  );
}

/** Errors: not_found. */
async function anyFlow(pool: Pool, workspace: WorkspaceId, path: string): Promise<CurrentFlow> {
  const found = await findAnyFlow(pool, workspace, path);
  if (found !== undefined) return found;
  const hint = await suggestFlows(pool, workspace, path);
  throw new AppError("not_found", `there is no flow at ${path}`, hint === undefined ? {} : { hint });
}

async function loaded(pool: Pool, workspace: WorkspaceId, hash: string): Promise<FlowVersion> {
  const version = await findFlowVersion(pool, workspace, hash);
  if (version === undefined) throw noFlowVersion(hash);
  return version;
}
