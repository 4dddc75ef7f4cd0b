import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import { callerOf } from "../http/authorize.ts";
import { newestUuidQuery } from "../http/page-contract.ts";
import { problemView } from "../http/problem-contract.ts";
import { presentTask } from "./bulk-codec.ts";
import type { BulkTasks } from "./bulk-tasks.ts";
import { BULK_JOBS, type BulkOrder, bulkCancelRequest, bulkCount, bulkRerunRequest, bulkTaskPage, bulkTaskView } from "./contract.ts";

const base = "/api/v1/w/:workspace/bulk";
const params = z.object({ workspace: z.string() });
const ofTask = params.extend({ id: z.uuid() });
const tags = ["jobs"];
const PAGE = 100;
const description = `At most ${BULK_JOBS.toLocaleString("en")} jobs, the newest first; steps of flows are left to their runs. It is done in the background: look at the task. With dry_run only a count.`;

/** Many jobs at once, by a filter. */
export function addBulkRoutes(root: FastifyInstance, tasks: BulkTasks, clock: Clock): void {
  addBeginning(root, tasks, clock);
  addLooking(root, tasks);
}

function addBeginning(root: FastifyInstance, tasks: BulkTasks, clock: Clock): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const response = { 200: bulkCount, 202: bulkTaskView, default: problemView };
  const now = (): string => new Date(clock.wallMs()).toISOString();
  app.post(
    `${base}/cancel`,
    {
      config: { permission: "jobs:cancel", path: "inside" },
      schema: { tags, operationId: "cancelJobs", summary: "Cancel all jobs that match a filter", description, params, body: bulkCancelRequest, response },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { filter, most = BULK_JOBS, dry_run, reason = `cancelled by ${caller.principal.label}` } = request.body;
      const { status, ...rest } = filter;
      const order = orderOf({ statuses: status === undefined ? ["queued", "running"] : [status], most, reason, ...rest }, now());
      if (dry_run === true) return reply.code(200).send(await tasks.count(caller, order));
      return reply.code(202).send(presentTask(await tasks.begin(caller, "cancel", order)));
    },
  );
  app.post(
    `${base}/rerun`,
    {
      config: { permission: "jobs:run", path: "inside" },
      schema: { tags, operationId: "rerunJobs", summary: "Run again all jobs that match a filter", description, params, body: bulkRerunRequest, response },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      if (caller.principal.kind === "job") throw new AppError("permission_denied", "a job's own token runs one job at a time");
      const { filter, most = BULK_JOBS, dry_run, latest } = request.body;
      const { status, ...rest } = filter;
      const order = orderOf({ statuses: [status], most, latest, ...rest }, now());
      if (dry_run === true) return reply.code(200).send(await tasks.count(caller, order));
      return reply.code(202).send(presentTask(await tasks.begin(caller, "rerun", order)));
    },
  );
}

function orderOf(wanted: Omit<BulkOrder, "created_before"> & { readonly created_before?: string | undefined }, now: string): BulkOrder {
  const given = wanted.created_before;
  return { ...wanted, created_before: given !== undefined && Date.parse(given) < Date.parse(now) ? given : now };
}

function addLooking(root: FastifyInstance, tasks: BulkTasks): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    base,
    {
      config: { permission: "jobs:read", path: "inside" },
      schema: {
        tags,
        operationId: "listBulkTasks",
        summary: "Tasks on many jobs, newest first",
        description: "A page may have fewer than asked for, and still a next one: tasks of others are left out.",
        params,
        querystring: newestUuidQuery,
        response: { 200: bulkTaskPage, default: problemView },
      },
    },
    async (request) => {
      const { cursor, limit = PAGE } = request.query;
      const { tasks: found, next } = await tasks.list(callerOf(request), cursor, limit);
      return { tasks: found.map(presentTask), ...(next !== undefined && { next_cursor: next }) };
    },
  );
  app.get(
    `${base}/:id`,
    {
      config: { permission: "jobs:read", path: "inside" },
      schema: { tags, operationId: "getBulkTask", summary: "How far a task has come", params: ofTask, response: { 200: bulkTaskView, default: problemView } },
    },
    async (request) => presentTask(await tasks.find(callerOf(request), request.params.id)),
  );
  for (const [name, operationId, summary] of [
    ["stop", "stopBulkTask", "Stop a task after the jobs that it is at"],
    ["resume", "resumeBulkTask", "Go on with a task that was stopped, failed or interrupted"],
  ] as const) {
    app.post(
      `${base}/:id/${name}`,
      {
        config: { permission: "jobs:cancel", path: "inside" },
        schema: { tags, operationId, summary, params: ofTask, response: { 200: bulkTaskView, default: problemView } },
      },
      async (request) => {
        const caller = callerOf(request);
        const { id } = request.params;
        return presentTask(name === "stop" ? await tasks.end(caller, id) : await tasks.resume(caller, id));
      },
    );
  }
}
