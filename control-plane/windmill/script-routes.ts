import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { parseLanguage } from "../../kernel/languages.ts";
import type { Pool } from "../db/pools.ts";
import { callerOf } from "../http/authorize.ts";
import { bodyPath, restPath } from "../http/path-of.ts";
import { scriptPath, tagName } from "../jobs/contract.ts";
import { archiveScript } from "../scripts/change-script.ts";
import { type DeployScriptRequest, deployScriptRequest } from "../scripts/contract.ts";
import { findCurrent } from "../scripts/current-store.ts";
import { deployScript } from "../scripts/deploy.ts";
import { readableVersion } from "../scripts/find-script.ts";
import type { ScriptLocks } from "../scripts/locks.ts";
import type { ScriptCache } from "../scripts/script-cache.ts";
import { findVersion, listScripts, type ScriptVersion } from "../scripts/script-store.ts";
import { anyQuery, atPathsQuery, HIDDEN, inWorkspace, NO_FILTER, numberedPage } from "./common.ts";
import { scriptMetadata } from "./export.ts";
import { theirLanguage } from "./languages.ts";
import { readMetadata } from "./metadata-codec.ts";
import { findMetadata, putMetadata } from "./metadata-store.ts";

const base = "/api/w/:workspace/scripts";
const atPath = inWorkspace.extend({ "*": scriptPath });
const create = z.looseObject({
  path: scriptPath,
  content: z.string(),
  language: z.string().max(32),
  summary: deployScriptRequest.shape.summary.nullish(),
  tag: tagName.nullish(),
  timeout: z.number().min(0.1).max(86_400).nullish(),
});
/** `path_start` alone narrows it: better none than too many. */
const listQuery = atPathsQuery.extend({
  created_by: NO_FILTER,
  path_exact: NO_FILTER,
  first_parent_hash: NO_FILTER,
  last_parent_hash: NO_FILTER,
  parent_hash: NO_FILTER,
  is_template: NO_FILTER,
  kinds: NO_FILTER,
  languages: NO_FILTER,
  starred_only: NO_FILTER,
});
/** Of the request, and no part of what is said of the script. */
const OF_REQUEST = ["path", "content", "parent_hash", "deployment_message", "skip_draft_deletion", "auto_parent", "preserve_on_behalf_of"];
const MAX_METADATA_BYTES = 1024 * 1024;

export interface ScriptParts {
  readonly pool: Pool;
  readonly scripts: ScriptCache;
  readonly locks: ScriptLocks;
}

export function addWindmillScripts(root: FastifyInstance, parts: ScriptParts): void {
  addReading(root, parts);
  addWriting(root, parts);
}

function addReading(root: FastifyInstance, { pool }: ScriptParts): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const permission = "scripts:read";
  const atRest = { permission, path: restPath } as const;
  const inside = { permission, path: "inside" } as const;
  app.get(`${base}/get/p/*`, { config: atRest, schema: { ...HIDDEN, params: atPath, querystring: anyQuery } }, async (request) => {
    const { workspace } = callerOf(request);
    const path = request.params["*"];
    const found = await findCurrent(pool, "script", workspace.id, path);
    const version = found === undefined ? undefined : await findVersion(pool, workspace.id, found.hash);
    if (version === undefined) throw new AppError("not_found", `there is no script at ${path}`);
    return describe(pool, workspace, version, found?.archived !== undefined);
  });
  app.get(
    `${base}/get/h/:hash`,
    { config: inside, schema: { ...HIDDEN, params: inWorkspace.extend({ hash: z.string().regex(/^[0-9a-f]{64}$/) }), querystring: anyQuery } },
    async (request) => {
      const caller = callerOf(request);
      return describe(pool, caller.workspace, await readableVersion(pool, caller, request.params.hash), false);
    },
  );
  app.get(`${base}/exists/p/*`, { config: atRest, schema: { ...HIDDEN, params: atPath, querystring: anyQuery } }, async (request, reply) => {
    const found = await findCurrent(pool, "script", callerOf(request).workspace.id, request.params["*"]);
    return reply.type("application/json").send(found !== undefined && found.archived === undefined);
  });
  app.get(`${base}/list`, { config: inside, schema: { ...HIDDEN, params: inWorkspace, querystring: listQuery } }, async (request) => {
    const { workspace, reach } = callerOf(request);
    const { show_archived: archived, path_start: prefix } = request.query;
    return numberedPage(request.query, async (after, limit) => {
      const found = await listScripts(pool, workspace.id, { prefix, after, limit, archived, bounds: reach?.bounds });
      return found.map(({ version }) => outline(workspace.name, version, archived, undefined));
    });
  });
}

function addWriting(root: FastifyInstance, { pool, scripts, locks }: ScriptParts): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const permission = "scripts:deploy";
  app.post(
    `${base}/create`,
    { config: { permission, path: bodyPath }, schema: { ...HIDDEN, params: inWorkspace, querystring: anyQuery, body: create } },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      const { version } = await deployScript(pool, scripts, workspace, principal.label, requestOf(request.body));
      const metadata = JSON.stringify(Object.fromEntries(Object.entries(request.body).filter(([name]) => !OF_REQUEST.includes(name))));
      if (Buffer.byteLength(metadata) > MAX_METADATA_BYTES)
        throw new AppError("out_of_range", `what is said of a script has at most ${MAX_METADATA_BYTES} bytes`);
      await putMetadata(pool, workspace.id, "script", version.hash, metadata);
      if (version.lock.state === "pending") locks.look(workspace.id, version.hash);
      return reply.code(201).type("text/plain").send(version.hash);
    },
  );
  const archive = { config: { permission, path: restPath }, schema: { ...HIDDEN, params: atPath, querystring: anyQuery, body: z.unknown() } } as const;
  for (const name of ["archive/p", "delete/p"])
    app.post(`${base}/${name}/*`, archive, async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      const path = request.params["*"];
      const changed = await archiveScript(pool, scripts, workspace.id, { path, isArchiving: true, by: principal.label, expected: { kind: "any" } });
      if (changed === undefined && (await findCurrent(pool, "script", workspace.id, path)) === undefined)
        throw new AppError("not_found", `there is no script at ${path}`);
      return reply.type("text/plain").send(`script ${path} archived`);
    });
}

/** Their locks are others than ours: dependencies are found out again. */
function requestOf({ path, content, language, summary, tag, timeout }: z.infer<typeof create>): DeployScriptRequest {
  return {
    path,
    content,
    language,
    ...(summary != null && { summary }),
    ...(tag != null && parseLanguage(tag) === undefined && { tag }),
    ...(timeout != null && { timeout_ms: Math.round(timeout * 1000) }),
  };
}

async function describe(
  pool: Pool,
  workspace: { readonly id: WorkspaceId; readonly name: string },
  version: ScriptVersion,
  archived: boolean,
): Promise<object> {
  const known = (await findMetadata(pool, workspace.id, "script", [version.hash])).get(version.hash);
  const { language, ...metadata } = known === undefined ? scriptMetadata(version) : readMetadata(known);
  return { ...metadata, ...outline(workspace.name, version, archived, language), content: version.content, extra_perms: {} };
}

function outline(workspace: string, version: ScriptVersion, archived: boolean, language: unknown) {
  const { path, hash, summary, createdBy, createdAtMs } = version;
  return {
    workspace_id: workspace,
    hash,
    path,
    summary,
    language: theirLanguage(version.language, language) ?? version.language,
    created_by: createdBy,
    created_at: new Date(createdAtMs).toISOString(),
    archived,
    deleted: false,
    starred: false,
  };
}
