import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { callerOf, mayUse, notWritable } from "../http/authorize.ts";
import { pageOf } from "../http/page.ts";
import { bodyPath, queryPath } from "../http/path-of.ts";
import { problemView } from "../http/problem-contract.ts";
import type { Archived } from "./archived.ts";
import { archiveRequest, ifMatch, moveRequest, versionsQuery } from "./contract.ts";
import { type Current, findCurrent, type Versioned } from "./current-store.ts";
import { type ExpectedVersion, expectedVersion, notAsExpected } from "./expected-version.ts";
import { archivedError, nothingOf } from "./find-script.ts";
import type { Archiving, Moved } from "./path-changes.ts";

const inWorkspace = z.object({ workspace: z.string() });
const PAGE = 100;

/** What scripts and flows do each in their own way. */
export interface ChangeParts {
  readonly pool: Pool;
  readonly kind: Versioned;
  /** Of answers. */
  readonly view: z.ZodType;
  readonly versionPage: z.ZodType;
  /** Descriptions of the routes. */
  readonly words: { readonly versions: string; readonly archive: string; readonly move: string };
  versions(workspace: WorkspaceId, current: Current, page: { after: string | undefined; limit: number }): Promise<{ hash: string; view: object }[]>;
  /** A version as the API shows it. */
  show(workspace: WorkspaceId, hash: string, archived: Archived | undefined): Promise<object>;
  archive(workspace: WorkspaceId, archiving: Archiving): Promise<Current | undefined>;
  /** Gives it another path. @returns the hash of the version that is current there */
  move(workspace: WorkspaceId, current: Current, path: { from: string; to: string }, by: string): Promise<Exclude<Moved, "moved"> | { hash: string }>;
}

/** What happens to a path over time: its versions, the archive, another path. The same for scripts and flows. */
export function addChangeRoutes(root: FastifyInstance, parts: ChangeParts): void {
  addVersions(root, parts);
  for (const isArchiving of [true, false]) addArchiving(root, parts, isArchiving);
  addMove(root, parts);
}

/** Names of the kind in routes and operations. */
function namesOf(kind: Versioned) {
  const domain = `${kind}s` as const;
  return { domain, base: `/api/v1/w/:workspace/${domain}`, tags: [domain], name: kind === "script" ? "Script" : "Flow" };
}

function addVersions(root: FastifyInstance, parts: ChangeParts): void {
  const { base, tags, name, domain } = namesOf(parts.kind);
  root.withTypeProvider<ZodTypeProvider>().get(
    `${base}/versions`,
    {
      config: { permission: `${domain}:read`, path: queryPath },
      schema: {
        tags,
        operationId: `list${name}Versions`,
        summary: parts.words.versions,
        params: inWorkspace,
        querystring: versionsQuery,
        response: { 200: parts.versionPage, default: problemView },
      },
    },
    async (request) => {
      const { workspace } = callerOf(request);
      const { path, cursor, limit = PAGE } = request.query;
      const current = await wanted(parts, workspace.id, path);
      const found = await parts.versions(workspace.id, current, { after: cursor, limit: limit + 1 });
      const { page, next } = pageOf(found, limit, ({ hash }) => hash);
      return { versions: page.map(({ hash, view }) => ({ ...view, current: hash === current.hash })), ...next };
    },
  );
}

function addArchiving(root: FastifyInstance, parts: ChangeParts, isArchiving: boolean): void {
  const { kind, words, view } = parts;
  const { base, tags, name, domain } = namesOf(kind);
  const verb = isArchiving ? "archive" : "unarchive";
  root.withTypeProvider<ZodTypeProvider>().post(
    `${base}/${verb}`,
    {
      config: { permission: `${domain}:deploy`, path: bodyPath },
      schema: {
        tags,
        operationId: `${verb}${name}`,
        summary: isArchiving ? `Archive a ${kind}` : `Take a ${kind} back from the archive`,
        ...(isArchiving && { description: words.archive }),
        params: inWorkspace,
        headers: ifMatch,
        body: archiveRequest,
        response: { 200: view, default: problemView },
      },
    },
    async (request) => {
      const { workspace, principal } = callerOf(request);
      const { path } = request.body;
      const expected = expectedVersion(request.headers);
      const changed = await parts.archive(workspace.id, { path, isArchiving, by: principal.label, expected });
      if (changed === undefined) throw notChanged(await wanted(parts, workspace.id, path), kind, path, isArchiving, expected);
      return parts.show(workspace.id, changed.hash, changed.archived);
    },
  );
}

function notChanged({ hash }: Current, kind: Versioned, path: string, isArchiving: boolean, expected: ExpectedVersion): AppError {
  if (expected.kind === "hash" && expected.hash !== hash) return notAsExpected(kind, path, expected);
  return new AppError("failed_precondition", isArchiving ? `the ${kind} ${path} is archived already` : `the ${kind} ${path} is not archived`);
}

function addMove(root: FastifyInstance, parts: ChangeParts): void {
  const { kind, words, view } = parts;
  const { base, tags, name, domain } = namesOf(kind);
  root.withTypeProvider<ZodTypeProvider>().post(
    `${base}/move`,
    {
      config: { permission: `${domain}:deploy`, path: bodyPath },
      schema: {
        tags,
        operationId: `move${name}`,
        summary: `Give a ${kind} another path`,
        description: words.move,
        params: inWorkspace,
        headers: ifMatch,
        body: moveRequest,
        response: { 200: view, default: problemView },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { workspace, principal } = caller;
      const { path: from, to } = request.body;
      if (!mayUse(caller, to)) throw notWritable(to);
      const expected = expectedVersion(request.headers);
      const current = await wanted(parts, workspace.id, from);
      const { hash, archived } = current;
      if (archived !== undefined) throw archivedError(kind, from);
      if (expected.kind === "hash" && expected.hash !== hash) throw notAsExpected(kind, from, expected);
      if (from === to) return parts.show(workspace.id, hash, undefined);
      const moved = await parts.move(workspace.id, current, { from, to }, principal.label);
      if (moved === "taken") throw new AppError("already_exists", `there is a ${kind} at ${to} already`, { hint: "an archived one keeps its path, too" });
      if (moved === "gone") throw notAsExpected(kind, from, expected);
      return parts.show(workspace.id, moved.hash, undefined);
    },
  );
}

/** Archived or not. Errors: not_found. */
async function wanted({ pool, kind }: ChangeParts, workspace: WorkspaceId, path: string): Promise<Current> {
  const found = await findCurrent(pool, kind, workspace, path);
  if (found === undefined) throw await nothingOf(kind, pool, workspace, path);
  return found;
}
