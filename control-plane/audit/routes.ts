import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import type { AuditHead } from "../../kernel/audit-chain.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { callerOf } from "../http/authorize.ts";
import { problemView } from "../http/problem-contract.ts";
import { listAudit, readChain, readHead } from "./audit-store.ts";
import { auditLine, presentAudit } from "./audit-view-codec.ts";
import { auditHeadView, auditPage, auditQuery, exportQuery } from "./contract.ts";

const base = "/api/v1/w/:workspace/audit";
const params = z.object({ workspace: z.string() });
const tags = ["audit"];
const PAGE = 50;
const EXPORT_PAGE = 1000;

/** Who changed what in a workspace. Nothing here changes anything. */
export function addAuditRoutes(root: FastifyInstance, pool: Pool): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const config = { permission: "audit:read" } as const;

  app.get(
    base,
    {
      config,
      schema: {
        tags,
        operationId: "listAudit",
        summary: "What was changed, by whom; newest first",
        description: "One request looks at 10,000 rows at most: a page of a rare match may hold fewer, even none, and still have a `next_cursor`.",
        params,
        querystring: auditQuery,
        response: { 200: auditPage, default: problemView },
      },
    },
    async (request) => {
      const { actor, action, target, from, to, cursor, limit = PAGE } = request.query;
      const before = cursor === undefined ? undefined : Number(cursor);
      const { rows, next } = await listAudit(pool, callerOf(request).workspace.id, { actor, action, target, from, to, before, limit });
      return { events: rows.map(presentAudit), ...(next !== undefined && { next_cursor: String(next) }) };
    },
  );

  app.get(
    `${base}/head`,
    {
      config,
      schema: {
        tags,
        operationId: "getAuditHead",
        summary: "The end of the chain, to be kept elsewhere",
        description: "Whoever has it can show later that everything up to it is still there: `millrace audit verify --heads`. 404 before the first row.",
        params,
        response: { 200: auditHeadView, default: problemView },
      },
    },
    async (request) => {
      const head = await readHead(pool, callerOf(request).workspace.id);
      if (head === undefined) throw new AppError("not_found", "nothing has been written to the audit log of this workspace yet");
      return head;
    },
  );

  app.get(
    `${base}/export`,
    {
      config,
      schema: {
        tags,
        operationId: "exportAudit",
        summary: "The whole chain as JSON lines, oldest first; the last line is its head",
        params,
        querystring: exportQuery,
        response: { 200: z.string(), default: problemView },
      },
    },
    async (request, reply) => {
      const workspace = callerOf(request).workspace.id;
      const head = await readHead(pool, workspace);
      return sendLines(reply, exportLines(pool, workspace, request.query.after ?? 0, head));
    },
  );
}

function sendLines(reply: Pick<FastifyReply, "type" | "send">, lines: AsyncGenerator<string>): FastifyReply {
  return reply.type("application/x-ndjson").send(Readable.from(lines));
}

/** Rows up to the head, which was read first: what is written meanwhile is for the next export. */
async function* exportLines(pool: Pool, workspace: WorkspaceId, after: number, head: AuditHead | undefined): AsyncGenerator<string> {
  if (head === undefined) return;
  for (let last = after; ; ) {
    const rows = await readChain(pool, workspace, last, head.seq, EXPORT_PAGE);
    for (const row of rows) yield auditLine(row);
    last = rows.at(-1)?.seq ?? head.seq;
    if (rows.length < EXPORT_PAGE) break;
  }
  yield `${JSON.stringify({ kind: "head", ...head })}\n`;
}
