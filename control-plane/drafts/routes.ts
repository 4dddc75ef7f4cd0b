import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { type AuditEvent, recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction } from "../db/transaction.ts";
import { type Caller, callerOf } from "../http/authorize.ts";
import { pageOf } from "../http/page.ts";
import { queryPath } from "../http/path-of.ts";
import { problemView } from "../http/problem-contract.ts";
import { conditions } from "../variables/contract.ts";
import { putRevised } from "../variables/put-revised.ts";
import { type Condition, changedMeanwhile, etagOf, wantedRevision } from "../variables/revision.ts";
import { DRAFT_LIMITS, type DraftKind, type DraftView, draftListQuery, draftPage, draftQuery, draftView, draftWithValue, putDraft } from "./contract.ts";
import { draftCursor, draftValue, readDraftCursor } from "./draft-codec.ts";
import { type DraftKey, deleteDraft, findDraft, insertDraft, type ListedDraft, listDrafts, updateDraft } from "./draft-store.ts";

const base = "/api/v1/w/:workspace/drafts";
const params = z.object({ workspace: z.string() });
const tags = ["drafts"];
const PAGE = 100;

/** Drafts of scripts and flows: one per path and author. Nothing runs them; a preview sends its code with the job. */
export function addDraftRoutes(root: FastifyInstance, pool: Pool): void {
  addReading(root, pool);
  addWriting(root, pool);
}

function addReading(root: FastifyInstance, pool: Pool): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    base,
    {
      config: { permission: "drafts:read", path: "inside" },
      schema: {
        tags,
        operationId: "listDrafts",
        summary: "Drafts, without what is in them",
        params,
        querystring: draftListQuery,
        response: { 200: draftPage, default: problemView },
      },
    },
    async (request) => {
      const { workspace, principal, reach } = callerOf(request);
      const { kind, path, everybody = false, cursor, limit = PAGE } = request.query;
      const after = cursor === undefined ? undefined : readDraftCursor(cursor);
      if (cursor !== undefined && after === undefined)
        throw new AppError("invalid_argument", "the cursor is not one of ours", {
          fields: [{ pointer: "/cursor", message: "pass next_cursor on as it came" }],
        });
      const author = everybody ? undefined : principal.label;
      const found = await listDrafts(pool, workspace.id, { kind, path, author, after, limit: limit + 1, bounds: reach?.bounds });
      const { page, next } = pageOf(found, limit, draftCursor);
      return { drafts: page.map(presentDraft), ...next };
    },
  );
  app.get(
    `${base}/by-path`,
    {
      config: { permission: "drafts:read", path: queryPath },
      schema: {
        tags,
        operationId: "getDraft",
        summary: "The caller's own draft of a path",
        params,
        querystring: draftQuery,
        response: { 200: draftWithValue, default: problemView },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { kind, path } = request.query;
      const stored = await findDraft(pool, caller.workspace.id, ownDraft(caller, kind, path));
      if (stored === undefined) throw noDraft(kind, path);
      return reply.header("etag", etagOf(stored.revision)).send({ ...presentDraft(stored), value: draftValue(stored.value) });
    },
  );
}

function addWriting(root: FastifyInstance, pool: Pool): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.put(
    `${base}/by-path`,
    {
      config: { permission: "drafts:write", path: queryPath },
      schema: {
        tags,
        operationId: "putDraft",
        summary: "Keep a draft of one's own",
        description: "201 when it is new. With If-Match it must still have that ETag, with `If-None-Match: *` it must not be there; otherwise a 412.",
        params,
        querystring: draftQuery,
        headers: conditions,
        body: putDraft,
        response: { 200: draftView, 201: draftView, default: problemView },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const key = ownDraft(caller, request.query.kind, request.query.path);
      const { created, stored } = await putOwnDraft(pool, caller.workspace.id, key, JSON.stringify(request.body.value), request.headers);
      return reply
        .code(created ? 201 : 200)
        .header("etag", etagOf(stored.revision))
        .send(presentDraft(stored));
    },
  );
  app.delete(
    `${base}/by-path`,
    {
      config: { permission: "drafts:write", path: queryPath },
      schema: {
        tags,
        operationId: "deleteDraft",
        summary: "Throw a draft of one's own away",
        params,
        querystring: draftQuery,
        headers: conditions.pick({ "if-match": true }),
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { kind, path } = request.query;
      const key = ownDraft(caller, kind, path);
      const revision = wantedRevision({ "if-match": request.headers["if-match"] });
      const gone = await inTransaction(pool, async (client) => {
        const deleted = await deleteDraft(client, caller.workspace.id, key, revision);
        if (deleted) await recordAudit(client, { ...wordsOf(caller.workspace.id, key), action: "drafts:delete" });
        return deleted;
      });
      if (gone) return reply.code(204).send(null);
      throw (await findDraft(pool, caller.workspace.id, key)) === undefined ? noDraft(kind, path) : changedMeanwhile(`the draft of ${path}`);
    },
  );
}

async function putOwnDraft(
  pool: Pool,
  workspace: WorkspaceId,
  key: DraftKey,
  value: string,
  condition: Condition,
): Promise<{ created: boolean; stored: ListedDraft }> {
  return putRevised<ListedDraft>({
    what: `the draft of ${key.path}`,
    condition,
    full: `${key.author} has ${DRAFT_LIMITS.perAuthor} drafts already`,
    find: () => findDraft(pool, workspace, key),
    write: (before) =>
      inTransaction(pool, async (client) => {
        const written = await (before === undefined ? insertDraft(client, workspace, key, value) : updateDraft(client, workspace, key, value, before.revision));
        // Editors save them all the time, and nothing runs them: that somebody began one is worth a row, and not each letter.
        if (before === undefined && written !== undefined && written !== "full")
          await recordAudit(client, { ...wordsOf(workspace, key), action: "drafts:write" });
        return written;
      }),
  });
}

function wordsOf(workspace: WorkspaceId, { kind, path, author }: DraftKey): Pick<AuditEvent, "workspace" | "actor" | "target"> {
  return { workspace, actor: author, target: `draft of ${kind} ${path}` };
}

function ownDraft({ principal }: Caller, kind: DraftKind, path: string): DraftKey {
  return { kind, path, author: principal.label };
}

function presentDraft({ kind, path, author, revision, createdAt, updatedAt }: ListedDraft): DraftView {
  return { kind, path, author, revision, created_at: createdAt.toISOString(), updated_at: updatedAt.toISOString() };
}

function noDraft(kind: DraftKind, path: string): AppError {
  return new AppError("not_found", `you have no draft of the ${kind} ${path}`);
}
