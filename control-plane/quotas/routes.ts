import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { recordAudit } from "../audit/audit-store.ts";
import type { Pools } from "../db/pools.ts";
import { inTransaction } from "../db/transaction.ts";
import { callerOf } from "../http/authorize.ts";
import { problemView } from "../http/problem-contract.ts";
import { conditions } from "../variables/contract.ts";
import { checkCondition, etagOf } from "../variables/revision.ts";
import { lockGrants } from "../workspaces/workspace-limit-store.ts";
import { type QuotaSettings, type QuotaView, quotaSettings, quotaView, usageQuery, usageView } from "./contract.ts";
import { countQueued, countRunning, readQuotas, type WorkspaceQuotas, writeQuotas } from "./quota-store.ts";
import type { InstanceLimits, Quotas } from "./quotas.ts";
import { countToday, readUsage, storedBytes, thinnedDays } from "./usage-store.ts";

const base = "/api/v1/w/:workspace";
const params = z.object({ workspace: z.string() });
const tags = ["workspaces"];
const COUNTED_UP_TO = 10_000;
const DAY_MS = 24 * 60 * 60 * 1000;
const USAGE_DAYS = 30;
/** Today is counted again when the last count is older than this. */
const FRESH_MS = 60_000;

/** `api` for what is counted of hot tables. */
type QuotaPools = Pick<Pools, "api" | "console">;

/** What a workspace may use and what it has used. It may look; only the operator's tokens change it. */
export function addQuotaRoutes(root: FastifyInstance, pools: QuotaPools, quotas: Quotas, clock: Clock): void {
  addQuotas(root, pools, quotas);
  addUsage(root, pools, clock);
}

function addQuotas(root: FastifyInstance, pools: QuotaPools, quotas: Quotas): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const { instance } = quotas;
  app.get(
    `${base}/quotas`,
    {
      config: { permission: "limits:read" },
      schema: { tags, operationId: "getWorkspaceQuotas", summary: "What the workspace may use", params, response: { 200: quotaView, default: problemView } },
    },
    async (request, reply) => {
      const { id } = callerOf(request).workspace;
      const own = await readQuotas(pools.console, id);
      return reply.header("etag", etagOf(own.revision)).send(await present(pools, id, own, instance));
    },
  );
  app.put(
    `${base}/quotas`,
    {
      config: { permission: "limits:write" },
      schema: {
        tags,
        operationId: "setWorkspaceQuotas",
        summary: "Set what the workspace may use",
        description:
          "What is left out, or null, is as the instance says. Takes effect within two seconds. Needs an administrator's token. With If-Match they must still have that ETag; otherwise a 412.",
        params,
        headers: conditions.pick({ "if-match": true }),
        body: quotaSettings,
        response: { 200: quotaView, default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      const next = quotasIn(request.body);
      const revision = await inTransaction(pools.console, async (client) => {
        await lockGrants(client, workspace.id);
        const before = await readQuotas(client, workspace.id);
        checkCondition({ "if-match": request.headers["if-match"] }, "the quotas", before.revision);
        const written = await writeQuotas(client, workspace.id, next, principal.label);
        await recordAudit(client, { workspace: workspace.id, actor: principal.label, action: "quotas:write", target: "quotas", detail: request.body });
        return written;
      });
      await quotas.read();
      return reply.header("etag", etagOf(revision)).send(await present(pools, workspace.id, next, instance));
    },
  );
}

function addUsage(root: FastifyInstance, pools: QuotaPools, clock: Clock): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    `${base}/usage`,
    {
      config: { permission: "limits:read" },
      schema: {
        tags,
        operationId: "getUsage",
        summary: "What the workspace used, by day",
        description:
          "Days without jobs are left out. Counted once an hour, today also when it is asked for; a job that ends more than a week late is not counted.",
        params,
        querystring: usageQuery,
        response: { 200: usageView, default: problemView },
      },
    },
    async (request) => {
      const { id } = callerOf(request).workspace;
      const nowMs = clock.wallMs();
      const { from = dayText(nowMs - USAGE_DAYS * DAY_MS), to = dayText(nowMs) } = request.query;
      if (from > to) throw new AppError("invalid_argument", "from is after to", { fields: [{ pointer: "/from", message: "must not be after to" }] });
      const known = await readUsage(pools.console, id, from, to);
      const days = to >= dayText(nowMs) && !isFresh(known[0]?.countedAt, nowMs) ? await withToday(pools, id, nowMs, from, to).catch(() => known) : known;
      return {
        days: days.map(({ day, jobs, failed, cancelled, runS, logBytes, resultBytes, countedAt }) => ({
          day,
          jobs,
          failed,
          cancelled,
          run_s: runS,
          log_bytes: logBytes,
          result_bytes: resultBytes,
          counted_at: countedAt.toISOString(),
        })),
      };
    },
  );
}

function isFresh(countedAt: Date | undefined, nowMs: number): boolean {
  return countedAt !== undefined && nowMs - countedAt.getTime() < FRESH_MS;
}

async function withToday(pools: QuotaPools, workspace: WorkspaceId, nowMs: number, from: string, to: string): Promise<Awaited<ReturnType<typeof readUsage>>> {
  await inTransaction(pools.api, (client) => countToday(client, workspace, nowMs));
  return readUsage(pools.console, workspace, from, to);
}

async function present({ api, console: tenant }: QuotaPools, workspace: WorkspaceId, own: WorkspaceQuotas, instance: InstanceLimits): Promise<QuotaView> {
  const [queued, running, storage] = await Promise.all([
    countQueued(api, workspace, COUNTED_UP_TO),
    countRunning(api, workspace, COUNTED_UP_TO),
    thinnedDays(api).then((days) => storedBytes(tenant, workspace, days)),
  ]);
  const inForce = {
    requestsPerS: own.requestsPerS ?? instance.requestsPerS,
    tokenRequestsPerS: own.tokenRequestsPerS ?? instance.tokenRequestsPerS,
    jobsPerMinute: own.jobsPerMinute ?? instance.jobsPerMinute,
    maxQueued: own.maxQueued ?? instance.maxQueued,
    maxStorageBytes: own.maxStorageBytes ?? instance.maxStorageBytes,
  };
  return { own: presentQuotas(own), in_force: presentQuotas(inForce), used: { queued, running, storage_bytes: storage } };
}

function presentQuotas({ requestsPerS, tokenRequestsPerS, jobsPerMinute, maxQueued, maxStorageBytes }: WorkspaceQuotas): QuotaSettings {
  return {
    requests_per_s: requestsPerS ?? null,
    token_requests_per_s: tokenRequestsPerS ?? null,
    jobs_per_minute: jobsPerMinute ?? null,
    max_queued: maxQueued ?? null,
    max_storage_bytes: maxStorageBytes ?? null,
  };
}

function quotasIn(settings: QuotaSettings): WorkspaceQuotas {
  return {
    requestsPerS: settings.requests_per_s ?? undefined,
    tokenRequestsPerS: settings.token_requests_per_s ?? undefined,
    jobsPerMinute: settings.jobs_per_minute ?? undefined,
    maxQueued: settings.max_queued ?? undefined,
    maxStorageBytes: settings.max_storage_bytes ?? undefined,
  };
}

const dayText = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
