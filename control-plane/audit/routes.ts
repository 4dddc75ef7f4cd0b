import { Readable } from "node:stream";
import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
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

const tags = ["audit"];
const PAGE = 50;
const EXPORT_PAGE = 1000;

/** Where a chain is read. */
interface Place {
  readonly base: string;
  readonly config: FastifyContextConfig;
  readonly params: z.ZodType | undefined;
  readonly ids: { readonly list: string; readonly head: string; readonly export: string };
  readonly of: string;
  readonly chain: (request: FastifyRequest) => WorkspaceId | undefined;
}

const PLACES: readonly Place[] = [
  {
    base: "/api/v1/w/:workspace/audit",
    config: { permission: "audit:read" },
    params: z.object({ workspace: z.string() }),
    ids: { list: "listAudit", head: "getAuditHead", export: "exportAudit" },
    of: "the workspace",
    chain: (request) => callerOf(request).workspace.id,
  },
  {
    base: "/api/v1/audit",
    config: { permission: "instance:manage", scope: "instance" },
    params: undefined,
    ids: { list: "listInstanceAudit", head: "getInstanceAuditHead", export: "exportInstanceAudit" },
    of: "the instance",
    chain: () => undefined,
  },
];

/** Who changed what. Nothing here changes anything. */
export function addAuditRoutes(root: FastifyInstance, pool: Pool): void {
  for (const place of PLACES) {
    addList(root, pool, place);
    addHead(root, pool, place);
    addExport(root, pool, place);
  }
}

function addList(root: FastifyInstance, pool: Pool, { base, config, params, ids, of, chain }: Place): void {
  root.withTypeProvider<ZodTypeProvider>().get(
    base,
    {
      config,
      schema: {
        tags,
        operationId: ids.list,
        summary: `What was changed in ${of}, by whom; newest first`,
        description: "One request looks at 10,000 rows at most: a page of a rare match may hold fewer, even none, and still have a `next_cursor`.",
        ...(params !== undefined && { params }),
        querystring: auditQuery,
        response: { 200: auditPage, default: problemView },
      },
    },
    async (request) => {
      const { actor, action, target, from, to, cursor, limit = PAGE } = request.query;
      const before = cursor === undefined ? undefined : Number(cursor);
      const { rows, next } = await listAudit(pool, chain(request), { actor, action, target, from, to, before, limit });
      return { events: rows.map(presentAudit), ...(next !== undefined && { next_cursor: String(next) }) };
    },
  );
}

function addHead(root: FastifyInstance, pool: Pool, { base, config, params, ids, of, chain }: Place): void {
  root.withTypeProvider<ZodTypeProvider>().get(
    `${base}/head`,
    {
      config,
      schema: {
        tags,
        operationId: ids.head,
        summary: `The end of the chain of ${of}, to be kept elsewhere`,
        description: "Whoever has it can show later that everything up to it is still there: `millrace audit verify --heads`. 404 before the first row.",
        ...(params !== undefined && { params }),
        response: { 200: auditHeadView, default: problemView },
      },
    },
    async (request) => {
      const head = await readHead(pool, chain(request));
      if (head === undefined) throw new AppError("not_found", `nothing has been written to the audit log of ${of} yet`);
      return head;
    },
  );
}

function addExport(root: FastifyInstance, pool: Pool, { base, config, params, ids, of, chain }: Place): void {
  root.withTypeProvider<ZodTypeProvider>().get(
    `${base}/export`,
    {
      config,
      schema: {
        tags,
        operationId: ids.export,
        summary: `The whole chain of ${of} as JSON lines, oldest first; the last line is its head`,
        ...(params !== undefined && { params }),
        querystring: exportQuery,
        response: { 200: z.string(), default: problemView },
      },
    },
    async (request, reply) => {
      const workspace = chain(request);
      const head = await readHead(pool, workspace);
      return sendLines(reply, exportLines(pool, workspace, request.query.after ?? 0, head));
    },
  );
}

function sendLines(reply: Pick<FastifyReply, "type" | "send">, lines: AsyncGenerator<string>): FastifyReply {
  return reply.type("application/x-ndjson").send(Readable.from(lines));
}

/** Rows up to the head, which was read first: what is written meanwhile is for the next export. */
async function* exportLines(pool: Pool, workspace: WorkspaceId | undefined, after: number, head: AuditHead | undefined): AsyncGenerator<string> {
  if (head === undefined) return;
  for (let last = after; ; ) {
    const rows = await readChain(pool, workspace, last, head.seq, EXPORT_PAGE);
    for (const row of rows) yield auditLine(row);
    last = rows.at(-1)?.seq ?? head.seq;
    if (rows.length < EXPORT_PAGE) break;
  }
  yield `${JSON.stringify({ kind: "head", ...head })}\n`;
}
