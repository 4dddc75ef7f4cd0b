import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import { recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction } from "../db/transaction.ts";
import { callerOf } from "../http/authorize.ts";
import { pageOf } from "../http/page.ts";
import { problemView } from "../http/problem-contract.ts";
import { cursorQuery } from "../variables/contract.ts";
import { IDENTITY_LIMITS, newServiceAccount, serviceAccountName, serviceAccountPage, serviceAccountView } from "./contract.ts";
import type { Members } from "./members.ts";
import { deleteServiceAccount, insertServiceAccount, listServiceAccounts } from "./service-account-store.ts";

const path = "/api/v1/w/:workspace/service-accounts";
const params = z.object({ workspace: z.string() });
const tags = ["service accounts"];
const PAGE = 100;
const config = { permission: "service-accounts:manage" } as const;

/** Accounts of programs: members of one workspace that never log in, and have tokens only. */
export function addServiceAccountRoutes(root: FastifyInstance, pool: Pool, members: Members): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.post(
    path,
    {
      config: { ...config, confirmed: true },
      schema: {
        tags,
        operationId: "createServiceAccount",
        summary: "Make a service account",
        description: "It has a role like a person. Give it tokens with `POST …/workspace-tokens`.",
        params,
        body: newServiceAccount,
        response: { 201: serviceAccountView, default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      const { name, role } = request.body;
      const made = await inTransaction(pool, async (client) => {
        const account = await insertServiceAccount(client, workspace.id, name, principal.label);
        if (account === "taken") throw new AppError("already_exists", `there is a service account ${name} in this workspace`);
        if (account === "full") throw new AppError("resource_exhausted", `the workspace has ${IDENTITY_LIMITS.serviceAccounts} service accounts already`);
        const member = (await members.join(client, workspace.id, account.id, role)) ?? null;
        const detail = { account: account.id, member, role };
        const event = { workspace: workspace.id, actor: principal.label, action: "service-accounts:create", target: `service account ${name}`, detail };
        await recordAudit(client, event);
        return account;
      });
      return reply.code(201).send({ name, role, created_by: made.createdBy, created_at: made.createdAt.toISOString() });
    },
  );
  app.get(
    path,
    {
      config,
      schema: {
        tags,
        operationId: "listServiceAccounts",
        summary: "Service accounts of the workspace, by name",
        params,
        querystring: cursorQuery,
        response: { 200: serviceAccountPage, default: problemView },
      },
    },
    async (request) => {
      const { workspace } = callerOf(request);
      const { cursor = "", limit = PAGE } = request.query;
      const { page, next } = pageOf(await listServiceAccounts(pool, workspace.id, cursor, limit + 1), limit, ({ name }) => name);
      const views = page.map(async ({ id, name, createdBy, createdAt }) => {
        const role = (await members.roleOf(workspace.id, id)) ?? null;
        return { name, role, created_by: createdBy, created_at: createdAt.toISOString() };
      });
      return { service_accounts: await Promise.all(views), ...next };
    },
  );
  app.delete(
    `${path}/:name`,
    {
      config,
      schema: {
        tags,
        operationId: "deleteServiceAccount",
        summary: "Delete a service account and its tokens",
        params: params.extend({ name: serviceAccountName }),
        response: { 204: z.null(), default: problemView },
      },
    },
    async (request, reply) => {
      const { workspace, principal } = callerOf(request);
      const { name } = request.params;
      await inTransaction(pool, async (client) => {
        if (!(await deleteServiceAccount(client, workspace.id, name))) throw new AppError("not_found", "there is no such service account in this workspace");
        await recordAudit(client, { workspace: workspace.id, actor: principal.label, action: "service-accounts:delete", target: `service account ${name}` });
      });
      return reply.code(204).send(null);
    },
  );
}
