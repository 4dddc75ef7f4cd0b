import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import type { AccountId, WorkspaceId } from "../../kernel/ids.ts";
import { recordAudit, recordAudits } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";
import { principalOf } from "../http/authorize.ts";
import { pageOf } from "../http/page.ts";
import { problemView } from "../http/problem-contract.ts";
import { changedWorkspace, newWorkspace, type WorkspaceView, workspacePage, workspaceQuery, workspaceView } from "./contract.ts";
import { insertWorkspace, listWorkspaces, type NamedWorkspace, renameWorkspace } from "./workspace-names-store.ts";
import type { Workspaces } from "./workspace-store.ts";

const path = "/api/v1/workspaces";
const tags = ["workspaces"];
const config = { permission: "instance:manage", scope: "instance" } as const;
const PAGE = 100;

export interface InstanceParts {
  readonly pool: Pool;
  readonly workspaces: Workspaces;
  /** Makes an account an administrator of a new workspace, in the caller's transaction. @returns its name there */
  readonly addAdmin: (client: Queryable, workspace: WorkspaceId, account: AccountId) => Promise<string | undefined>;
}

/** Workspaces of the instance, for its administrators. */
export function addInstanceRoutes(root: FastifyInstance, { pool, workspaces, addAdmin }: InstanceParts): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    path,
    {
      config,
      schema: {
        tags,
        operationId: "listWorkspaces",
        summary: "Workspaces, by name",
        querystring: workspaceQuery,
        response: { 200: workspacePage, default: problemView },
      },
    },
    async (request) => {
      const { cursor = "", limit = PAGE } = request.query;
      const found = await listWorkspaces(pool, cursor, limit + 1);
      const { page, next } = pageOf(found, limit, ({ name }) => name);
      return { workspaces: page.map(present), ...next };
    },
  );
  app.post(
    path,
    {
      config,
      schema: {
        tags,
        operationId: "createWorkspace",
        summary: "Make a workspace",
        description: "Who makes it with a session becomes an administrator of it.",
        body: newWorkspace,
        response: { 201: workspaceView, default: problemView },
      },
    },
    async (request, reply) => {
      const { accountId, label: actor } = principalOf(request);
      const { name } = request.body;
      const made = await insertWorkspace(pool, name, async (client, id) => {
        const admin = accountId === undefined ? undefined : await addAdmin(client, id, accountId);
        const joined = { workspace: id, actor, action: "members:write", target: `member ${admin}`, detail: { account: accountId ?? null, role: "admin" } };
        const created = { workspace: undefined, actor, action: "workspaces:create", target: `workspace ${name}`, detail: { number: id } };
        await recordAudits(client, admin === undefined ? [created] : [joined, created]);
      });
      if (made === undefined) throw taken(name);
      return reply.code(201).send(present(made));
    },
  );
  app.patch(
    `${path}/:name`,
    {
      config,
      schema: {
        tags,
        operationId: "renameWorkspace",
        summary: "Give a workspace another name",
        description: "The former name goes on to lead to it, and no other workspace gets it.",
        params: z.object({ name: z.string() }),
        body: changedWorkspace,
        response: { 200: workspaceView, default: problemView },
      },
    },
    async (request) => {
      const { name } = request.body;
      const workspace = await workspaces.byName(request.params.name);
      const actor = principalOf(request).label;
      const renamed =
        workspace === undefined
          ? undefined
          : await renameWorkspace(pool, workspace.id, name, async (client, former) => {
              const detail = { number: workspace.id, name_before: former };
              await recordAudit(client, { workspace: undefined, actor, action: "workspaces:rename", target: `workspace ${name}`, detail });
            });
      if (renamed === undefined) throw new AppError("not_found", "there is no such workspace");
      if (renamed === "taken") throw taken(name);
      return present(renamed);
    },
  );
}

function present({ name, formerNames, createdAt }: NamedWorkspace): WorkspaceView {
  return { name, former_names: [...formerNames], created_at: createdAt.toISOString() };
}

function taken(name: string): AppError {
  return new AppError("already_exists", `the name ${name} is, or was, that of a workspace`, { hint: "names are never given to another workspace" });
}
