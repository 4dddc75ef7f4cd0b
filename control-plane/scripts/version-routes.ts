import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { callerOf, mayUse, notWritable } from "../http/authorize.ts";
import { bodyPath, queryPath } from "../http/path-of.ts";
import { problemView } from "../http/problem-contract.ts";
import { archiveScript, relocateScript } from "./change-script.ts";
import { archiveRequest, ifMatch, moveRequest, scriptVersionPage, scriptVersionsQuery, scriptView } from "./contract.ts";
import { givenLock, hashOfVersion, presentScript } from "./deploy.ts";
import { type ExpectedVersion, expectedVersion, notAsExpected } from "./expected-version.ts";
import { archivedError, noScript } from "./find-script.ts";
import type { ScriptLocks } from "./locks.ts";
import type { ScriptCache } from "./script-cache.ts";
import { listScriptVersions } from "./script-moves-store.ts";
import { findCurrent, type ScriptVersion } from "./script-store.ts";

const base = "/api/v1/w/:workspace/scripts";
const inWorkspace = z.object({ workspace: z.string() });
const PAGE = 100;
const tags = ["scripts"];

/** What happens to a script over time: its versions, the archive, another path. */
export function addScriptVersionRoutes(root: FastifyInstance, pool: Pool, cache: ScriptCache, locks: ScriptLocks): void {
  addVersions(root, pool);
  addArchive(root, pool, cache);
  addMove(root, pool, cache, locks);
}

function addVersions(root: FastifyInstance, pool: Pool): void {
  root.withTypeProvider<ZodTypeProvider>().get(
    `${base}/versions`,
    {
      config: { permission: "scripts:read", path: queryPath },
      schema: {
        tags,
        operationId: "listScriptVersions",
        summary: "All versions of a path, the newest first, without their code",
        params: inWorkspace,
        querystring: scriptVersionsQuery,
        response: { 200: scriptVersionPage, default: problemView },
      },
    },
    async (request) => {
      const { workspace } = callerOf(request);
      const { path, cursor, limit = PAGE } = request.query;
      const found = await findCurrent(pool, workspace.id, path);
      if (found === undefined) throw await noScript(pool, workspace.id, path);
      const versions = await listScriptVersions(pool, workspace.id, found.scriptId, { after: cursor, limit: limit + 1 });
      const page = versions.slice(0, limit);
      const last = page.at(-1);
      const views = page.map((version) => ({ ...presentScript(version, found.archived), current: version.hash === found.hash }));
      return { versions: views, ...(versions.length > limit && last !== undefined && { next_cursor: last.hash }) };
    },
  );
}

function addArchive(root: FastifyInstance, pool: Pool, cache: ScriptCache): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  for (const { name, operationId, summary, description, isArchiving } of [
    {
      name: "archive",
      operationId: "archiveScript",
      summary: "Archive a script",
      description: "It keeps its versions and the history of its jobs, is not listed and does not run any more. Jobs that there are already go on.",
      isArchiving: true,
    },
    { name: "unarchive", operationId: "unarchiveScript", summary: "Take a script back from the archive", description: undefined, isArchiving: false },
  ]) {
    app.post(
      `${base}/${name}`,
      {
        config: { permission: "scripts:deploy", path: bodyPath },
        schema: {
          tags,
          operationId,
          summary,
          ...(description !== undefined && { description }),
          params: inWorkspace,
          headers: ifMatch,
          body: archiveRequest,
          response: { 200: scriptView, default: problemView },
        },
      },
      async (request) => {
        const { workspace, principal } = callerOf(request);
        const { path } = request.body;
        const expected = expectedVersion(request.headers);
        const changed = await archiveScript(pool, cache, workspace.id, { path, isArchiving, by: principal.label, expected });
        if (changed === undefined) throw await notChanged(pool, workspace.id, path, isArchiving, expected);
        return presentScript(await loaded(cache, workspace.id, changed.hash), changed.archived);
      },
    );
  }
}

async function notChanged(pool: Pool, workspace: WorkspaceId, path: string, isArchiving: boolean, expected: ExpectedVersion): Promise<AppError> {
  const found = await findCurrent(pool, workspace, path);
  if (found === undefined) return noScript(pool, workspace, path);
  if (expected.kind === "hash" && expected.hash !== found.hash) return notAsExpected("script", path, expected);
  return new AppError("failed_precondition", isArchiving ? `the script ${path} is archived already` : `the script ${path} is not archived`);
}

function addMove(root: FastifyInstance, pool: Pool, cache: ScriptCache, locks: ScriptLocks): void {
  root.withTypeProvider<ZodTypeProvider>().post(
    `${base}/move`,
    {
      config: { permission: "scripts:deploy", path: bodyPath },
      schema: {
        tags,
        operationId: "moveScript",
        summary: "Give a script another path",
        description:
          "Its versions and the history of its jobs go along. What refers to the old path is left as it is; so is its state. The path is part of a version's hash: the current one gets a new one.",
        params: inWorkspace,
        headers: ifMatch,
        body: moveRequest,
        response: { 200: scriptView, default: problemView },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { workspace, principal } = caller;
      const { path, to } = request.body;
      if (!mayUse(caller, to)) throw notWritable(to);
      const expected = expectedVersion(request.headers);
      const found = await findCurrent(pool, workspace.id, path);
      if (found === undefined) throw await noScript(pool, workspace.id, path);
      if (found.archived !== undefined) throw archivedError("script", path);
      if (expected.kind === "hash" && expected.hash !== found.hash) throw notAsExpected("script", path, expected);
      const before = await loaded(cache, workspace.id, found.hash);
      if (path === to) return presentScript(before);
      const newHash = hashOfVersion(before, to, givenLock(before));
      const outcome = await relocateScript(pool, workspace.id, { from: path, to, hash: found.hash, newHash, by: principal.label });
      if (outcome === "taken") throw new AppError("already_exists", `there is a script at ${to} already`, { hint: "an archived one keeps its path, too" });
      if (outcome === "gone") throw notAsExpected("script", path, { kind: "hash", hash: found.hash });
      cache.changed(workspace.id, path, found.hash, found.scriptId);
      cache.changed(workspace.id, to, newHash);
      const version = await loaded(cache, workspace.id, newHash);
      if (version.lock.state === "pending") locks.look(workspace.id, newHash);
      return presentScript(version);
    },
  );
}

async function loaded(cache: ScriptCache, workspace: WorkspaceId, hash: string): Promise<ScriptVersion> {
  const version = await cache.loadVersion(workspace, hash);
  if (version === undefined) throw new AppError("internal", "the current version of a script is not there");
  return version;
}
