import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { type Caller, callerOf } from "../http/authorize.ts";
import { pageOf } from "../http/page.ts";
import { problemView } from "../http/problem-contract.ts";
import { conditions, cursorQuery } from "../variables/contract.ts";
import { etagOf } from "../variables/revision.ts";
import { presentChanges } from "../variables/routes.ts";
import { byFolder, type FolderView, folderPage, folderView, putFolder as putFolderBody } from "./contract.ts";
import { findFolder, listFolders, noFolder, putFolder, removeFolder, type StoredFolder } from "./folder-store.ts";
import { ownPlace } from "./policy-core.ts";

const base = "/api/v1/w/:workspace/folders";
const params = z.object({ workspace: z.string() });
const tags = ["access"];
const PAGE = 100;

/** Folders, and who may read and write what is in them. @param changed told of each workspace with a change */
export function addFolderRoutes(root: FastifyInstance, pool: Pool, changed: (workspace: WorkspaceId) => void): void {
  addReading(root, pool);
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.put(
    `${base}/by-path`,
    {
      config: { permission: "folders:write" },
      schema: {
        tags,
        operationId: "putFolder",
        summary: "Make or change a folder and its grants",
        description:
          "201 when it is new. Its grants are those given. For administrators of the workspace; what is granted of u/NAME, for the member of that name, too.",
        params,
        querystring: byFolder,
        headers: conditions,
        body: putFolderBody,
        response: { 200: folderView, 201: folderView, default: problemView },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { path } = request.query;
      checkGranter(caller, path);
      const { created, stored } = await putFolder(pool, caller.workspace.id, path, request.body, caller.principal.label, request.headers);
      changed(caller.workspace.id);
      return reply
        .code(created ? 201 : 200)
        .header("etag", etagOf(stored.revision))
        .send(present(stored));
    },
  );
  app.delete(
    `${base}/by-path`,
    {
      config: { permission: "folders:write" },
      schema: {
        tags,
        operationId: "deleteFolder",
        summary: "Delete a folder's grants",
        description: "What is in it stays, for administrators; what is below u/NAME for the member, too.",
        params,
        querystring: byFolder,
        headers: conditions.pick({ "if-match": true }),
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      checkGranter(caller, request.query.path);
      const condition = { "if-match": request.headers["if-match"] };
      await removeFolder(pool, caller.workspace.id, request.query.path, caller.principal.label, condition);
      changed(caller.workspace.id);
      return reply.code(204).send(null);
    },
  );
}

function addReading(root: FastifyInstance, pool: Pool): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    base,
    {
      config: { permission: "folders:read" },
      schema: {
        tags,
        operationId: "listFolders",
        summary: "Folders with their grants, by path",
        description: "Those that the caller may read.",
        params,
        querystring: cursorQuery,
        response: { 200: folderPage, default: problemView },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { cursor = "", limit = PAGE } = request.query;
      // Cursors are paths: of what may not be read none must come out.
      const seen = { after: cursor, limit: limit + 1, bounds: { places: caller.reach?.member?.places("read"), patterns: undefined } };
      const { page, next } = pageOf(await listFolders(pool, caller.workspace.id, seen), limit, ({ path }) => path);
      return { folders: page.map(present), ...next };
    },
  );
  app.get(
    `${base}/by-path`,
    {
      config: { permission: "folders:read" },
      schema: {
        tags,
        operationId: "getFolder",
        summary: "One folder",
        params,
        querystring: byFolder,
        response: { 200: folderView, default: problemView },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { path } = request.query;
      const stored = await findFolder(pool, caller.workspace.id, path);
      if (stored === undefined || !isSeen(caller, path)) throw noFolder(path);
      return reply.header("etag", etagOf(stored.revision)).send(present(stored));
    },
  );
}

function isSeen({ reach }: Caller, path: string): boolean {
  return reach?.member?.mayAt(path, "read") ?? true;
}

/** Errors: permission_denied for whoever is neither an administrator nor the member whose place it is. */
function checkGranter({ reach }: Caller, path: string): void {
  const member = reach?.member;
  if (member === undefined || member.role === "admin" || path === ownPlace(member.name)) return;
  throw new AppError("permission_denied", `administrators of the workspace alone grant ${path}`);
}

function present(stored: StoredFolder): FolderView {
  return { path: stored.path, description: stored.description, grants: stored.grants.map((one) => ({ ...one })), ...presentChanges(stored) };
}
