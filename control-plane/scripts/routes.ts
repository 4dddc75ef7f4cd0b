import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { WITHOUT_NUL } from "../../kernel/storable-text.ts";
import type { Pool } from "../db/pools.ts";
import { callerOf } from "../http/authorize.ts";
import { pageOf } from "../http/page.ts";
import { bodyPath, queryPath } from "../http/path-of.ts";
import { problemView } from "../http/problem-contract.ts";
import { deployConditions, deployScriptRequest, deployScriptResponse, scriptListQuery, scriptPage, scriptWithContent } from "./contract.ts";
import { deployScript, presentScript, presentWithContent } from "./deploy.ts";
import { expectedVersion } from "./expected-version.ts";
import { readableVersion, storedVersion } from "./find-script.ts";
import type { ScriptLocks } from "./locks.ts";
import type { ScriptCache } from "./script-cache.ts";
import { listScripts } from "./script-store.ts";
import { addScriptVersionRoutes } from "./version-routes.ts";

const base = "/api/v1/w/:workspace/scripts";
const inWorkspace = z.object({ workspace: z.string() });
const PAGE = 100;

export function addScriptRoutes(root: FastifyInstance, pool: Pool, cache: ScriptCache, locks: ScriptLocks): void {
  addScriptVersionRoutes(root, pool, cache, locks);
  const app = root.withTypeProvider<ZodTypeProvider>();
  const tags = ["scripts"];

  app.post(
    base,
    {
      config: { permission: "scripts:deploy", path: bodyPath },
      schema: {
        tags,
        operationId: "deployScript",
        summary: "Deploy a version of a script",
        description:
          "Versions are immutable and named by their hash. 201 when the version is new, 200 when it was deployed before. What was archived is in use again.",
        params: inWorkspace,
        headers: deployConditions,
        body: deployScriptRequest,
        response: { 200: deployScriptResponse, 201: deployScriptResponse, default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      const { version, created } = await deployScript(pool, cache, workspace, principal.label, request.body, expectedVersion(request.headers));
      if (version.lock.state === "pending") locks.look(workspace.id, version.hash);
      return reply
        .code(created ? 201 : 200)
        .header("etag", `"${version.hash}"`)
        .send({ ...presentScript(version), created });
    },
  );

  app.get(
    base,
    {
      config: { permission: "scripts:read", path: "inside" },
      schema: {
        tags,
        operationId: "listScripts",
        summary: "Current versions, by path",
        params: inWorkspace,
        querystring: scriptListQuery,
        response: { 200: scriptPage, default: problemView },
      },
    },
    async (request) => {
      const { prefix = "", cursor = "", limit = PAGE, archived = false } = request.query;
      const { workspace, reach } = callerOf(request);
      const versions = await listScripts(pool, workspace.id, { prefix, after: cursor, limit: limit + 1, archived, bounds: reach?.bounds });
      const { page, next } = pageOf(versions, limit, ({ version }) => version.path);
      return { scripts: page.map((one) => presentScript(one.version, one.archived)), ...next };
    },
  );

  app.get(
    `${base}/by-path`,
    {
      config: { permission: "scripts:read", path: queryPath },
      schema: {
        tags,
        operationId: "getScript",
        summary: "The current version of a path, with its code, archived or not",
        params: inWorkspace,
        querystring: z.strictObject({ path: z.string().max(255).refine(WITHOUT_NUL.check, WITHOUT_NUL.message) }),
        response: { 200: scriptWithContent, default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace } = callerOf(request);
      const { version, archived } = await storedVersion(pool, workspace.id, request.query.path);
      return reply.header("etag", `"${version.hash}"`).send(presentWithContent(version, archived));
    },
  );

  app.get(
    `${base}/by-hash/:hash`,
    {
      config: { permission: "scripts:read", path: "inside" },
      schema: {
        tags,
        operationId: "getScriptVersion",
        summary: "One version, with its code",
        params: inWorkspace.extend({ hash: z.string().refine(WITHOUT_NUL.check, WITHOUT_NUL.message) }),
        response: { 200: scriptWithContent, default: problemView },
      },
    },
    async (request) => {
      return presentWithContent(await readableVersion(pool, callerOf(request), request.params.hash));
    },
  );
}
