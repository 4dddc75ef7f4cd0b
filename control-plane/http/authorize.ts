import type { FastifyInstance, FastifyRequest } from "fastify";
import { AppError } from "../../kernel/app-error.ts";
import type { Authenticator, Principal } from "../identity/authenticate.ts";
import type { Workspace, Workspaces } from "../workspaces/workspace-store.ts";

/** What a route needs. Every route declares one; a route without a declaration does not start. */
export type Permission =
  | "public"
  | "scripts:read"
  | "scripts:deploy"
  | "flows:read"
  | "flows:deploy"
  | "drafts:read"
  | "drafts:write"
  | "jobs:run"
  | "jobs:read"
  | "jobs:cancel"
  | "jobs:approve"
  | "jobs:report"
  | "variables:read"
  | "variables:write"
  | "resources:read"
  | "resources:write"
  | "resources:types"
  | "workspaces:export"
  | "secrets:rotate"
  | "schedules:read"
  | "schedules:write"
  | "schedules:run"
  | "agents:read"
  | "agents:write"
  | "limits:read"
  | "limits:write";

/** What only an administrator's token may do. */
const OPERATOR_ONLY: ReadonlySet<Permission> = new Set<Permission>(["limits:write", "secrets:rotate"]);

/** What a running job may do, in its own workspace: to look, to run others, to say how far it is, and what its things are for. Nothing else. */
const JOB_MAY: ReadonlySet<Permission> = new Set<Permission>([
  "jobs:run",
  "jobs:read",
  "jobs:report",
  "scripts:read",
  "flows:read",
  "variables:read",
  "variables:write",
  "resources:read",
  "resources:write",
]);

declare module "fastify" {
  interface FastifyContextConfig {
    permission?: Permission;
  }
  interface FastifyRequest {
    caller: Caller | undefined;
  }
}

export interface Caller {
  readonly principal: Principal;
  readonly workspace: Workspace;
  /** For answers that take long: rejects when the token would not be let in any more. */
  readonly check: () => Promise<unknown>;
}

/**
 * The one place that lets a request in: token → principal → workspace of the path. A workspace that is not the caller's
 * and one that does not exist give the same answer. Routes under it get the workspace, never its raw name.
 */
export function addAuthorization(app: FastifyInstance, authenticator: Authenticator, workspaces: Pick<Workspaces, "byName">): void {
  app.decorateRequest("caller", undefined);
  app.addHook("onRoute", (route) => {
    if (route.config?.permission === undefined) throw new Error(`route ${String(route.method)} ${route.url} declares no permission`);
  });
  app.addHook("onRequest", async (request) => {
    const { permission } = request.routeOptions.config;
    if (permission === "public" || request.is404) return;
    const principal = await authenticator.authenticate(request.headers.authorization);
    if (principal.kind === "agent") throw new AppError("permission_denied", "an agent's token gives no access to the API");
    const params = request.params as { workspace?: string };
    const workspace = params.workspace === undefined ? undefined : await workspaces.byName(params.workspace);
    const allowed = workspace !== undefined && (principal.kind === "admin" || principal.workspace === workspace.id);
    if (!allowed) throw new AppError("not_found", "there is no such workspace, or the token has no access to it");
    if (permission !== undefined && OPERATOR_ONLY.has(permission) && principal.kind !== "admin")
      throw new AppError("permission_denied", "only an administrator's token may do this");
    if (principal.kind === "job" && (permission === undefined || !JOB_MAY.has(permission)))
      throw new AppError("permission_denied", `a job's own token does not allow ${permission ?? "this"}`);
    const { authorization } = request.headers;
    request.caller = { principal, workspace, check: () => authenticator.authenticate(authorization) };
  });
}

/** The caller of a route that is not public. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller === undefined) throw new AppError("internal", "a route that needs a caller was reached without one");
  return request.caller;
}
