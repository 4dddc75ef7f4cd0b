import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { actsFor } from "../access/acting-for.ts";
import { type Caller, callerOf } from "../http/authorize.ts";
import { pageOf } from "../http/page.ts";
import { queryPath } from "../http/path-of.ts";
import { problemView } from "../http/problem-contract.ts";
import { checkReferences } from "../resources/check-references.ts";
import { byPath, conditions } from "../variables/contract.ts";
import { etagOf } from "../variables/revision.ts";
import {
  type PutSchedule,
  preview,
  previewQuery,
  putSchedule,
  scheduleList,
  schedulePage,
  scheduleRunPage,
  scheduleRunQuery,
  scheduleRunView,
  scheduleWithWork,
} from "./contract.ts";
import { presentRun, presentSchedule, presentWithWork, previewTicks } from "./present.ts";
import { noSchedule, type Schedules } from "./schedules.ts";

const base = "/api/v1/w/:workspace/schedules";
const params = z.object({ workspace: z.string() });
const tags = ["schedules"];
const PAGE = 100;
const RUNS = 20;
const PREVIEW = 5;

export function addScheduleRoutes(root: FastifyInstance, schedules: Schedules, nowMs: () => number): void {
  addReading(root, schedules);
  addLooking(root, schedules, nowMs);
  addWriting(root, schedules);
  addOrders(root, schedules);
}

function addReading(root: FastifyInstance, schedules: Schedules): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    base,
    {
      config: { permission: "schedules:read", path: "inside" },
      schema: {
        tags,
        operationId: "listSchedules",
        summary: "Schedules, by path, without what their runs get",
        params,
        querystring: scheduleList,
        response: { 200: schedulePage, default: problemView },
      },
    },
    async (request) => {
      const { prefix = "", cursor = "", limit = PAGE } = request.query;
      const { workspace, reach } = callerOf(request);
      const found = await schedules.list(workspace.id, { prefix, after: cursor, limit: limit + 1, bounds: reach?.bounds });
      const { page, next } = pageOf(found, limit, ({ path }) => path);
      return { schedules: page.map(presentSchedule), ...next };
    },
  );
  app.get(
    `${base}/by-path`,
    {
      config: { permission: "schedules:read", path: queryPath },
      schema: {
        tags,
        operationId: "getSchedule",
        summary: "One schedule",
        params,
        querystring: byPath,
        response: { 200: scheduleWithWork, default: problemView },
      },
    },
    async (request, reply) => {
      const stored = await schedules.find(callerOf(request).workspace.id, request.query.path);
      if (stored === undefined) throw noSchedule(request.query.path);
      return reply.header("etag", etagOf(stored.revision)).send(presentWithWork(stored));
    },
  );
}

function addLooking(root: FastifyInstance, schedules: Schedules, nowMs: () => number): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    `${base}/runs`,
    {
      config: { permission: "schedules:read", path: queryPath },
      schema: {
        tags,
        operationId: "listScheduleRuns",
        summary: "What became of the ticks of a schedule, newest first",
        params,
        querystring: scheduleRunQuery,
        response: { 200: scheduleRunPage, default: problemView },
      },
    },
    async (request) => {
      const { path, cursor, limit = RUNS } = request.query;
      const before = cursor === undefined ? undefined : Date.parse(cursor);
      const found = await schedules.runs(callerOf(request).workspace.id, path, before, limit + 1);
      const runs = found.slice(0, limit).map(presentRun);
      const last = runs.at(-1);
      return { runs, ...(found.length > limit && last !== undefined && { next_cursor: last.due_at }) };
    },
  );
  app.get(
    `${base}/preview`,
    {
      config: { permission: "schedules:read", path: "none" },
      schema: {
        tags,
        operationId: "previewSchedule",
        summary: "The next ticks of a pattern",
        params,
        querystring: previewQuery,
        response: { 200: preview, default: problemView },
      },
    },
    async (request) => {
      const { cron, timezone = "UTC", count = PREVIEW, after } = request.query;
      return previewTicks({ cron, zone: timezone }, after === undefined ? nowMs() : Date.parse(after), count);
    },
  );
}

function addWriting(root: FastifyInstance, schedules: Schedules): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.put(
    `${base}/by-path`,
    {
      config: { permission: "schedules:write", path: queryPath },
      schema: {
        tags,
        operationId: "putSchedule",
        summary: "Make or replace a schedule",
        description:
          "201 when it is new. What is left out has its default, but for `paused`. While pattern and zone stay the same, so does its next tick. With If-Match it must still have that ETag, with `If-None-Match: *` it must not be there; otherwise a 412.",
        params,
        querystring: byPath,
        headers: conditions,
        body: putSchedule,
        response: { 200: scheduleWithWork, 201: scheduleWithWork, default: problemView },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      checkRefers(caller, request.body);
      const { workspace, principal } = caller;
      const { created, stored } = await schedules.put(workspace.id, request.query.path, request.body, actsFor(principal), request.headers);
      return reply
        .code(created ? 201 : 200)
        .header("etag", etagOf(stored.revision))
        .send(presentWithWork(stored));
    },
  );
  app.delete(
    `${base}/by-path`,
    {
      config: { permission: "schedules:write", path: queryPath },
      schema: {
        tags,
        operationId: "deleteSchedule",
        summary: "Delete a schedule, and what is known of its runs; their jobs stay",
        params,
        querystring: byPath,
        headers: conditions.pick({ "if-match": true }),
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      await schedules.remove(workspace.id, request.query.path, principal.label, { "if-match": request.headers["if-match"] });
      return reply.code(204).send(null);
    },
  );
}

/** Its jobs are not asked any more whether they may be started: whoever writes it is. */
function checkRefers(caller: Caller, { script, flow, args, on_error: onError, on_recovery: onRecovery }: PutSchedule): void {
  checkReferences(caller, [script, flow, onError?.script, onRecovery?.script], [args, onError?.args, onRecovery?.args]);
}

function addOrders(root: FastifyInstance, schedules: Schedules): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  for (const order of ["pause", "resume"] as const) {
    app.post(
      `${base}/${order}`,
      {
        config: { permission: "schedules:write", path: queryPath },
        schema: {
          tags,
          operationId: `${order}Schedule`,
          summary: order === "pause" ? "No more ticks until it is resumed" : "Tick again; what would have come meanwhile does not",
          params,
          querystring: byPath,
          response: { 200: scheduleWithWork, default: problemView },
        },
      },
      async (request, reply) => {
        const { workspace, principal } = callerOf(request);
        const stored = await schedules.setPaused(workspace.id, request.query.path, order === "pause", principal.label);
        return reply.header("etag", etagOf(stored.revision)).send(presentWithWork(stored));
      },
    );
  }
  app.post(
    `${base}/run`,
    {
      config: { permission: "schedules:run", path: queryPath },
      schema: {
        tags,
        operationId: "runSchedule",
        summary: "Run it once now, paused or not, whatever its earlier runs do",
        params,
        querystring: byPath,
        response: { 201: scheduleRunView, default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      return reply.code(201).send(presentRun(await schedules.runNow(workspace.id, request.query.path, actsFor(principal))));
    },
  );
}
