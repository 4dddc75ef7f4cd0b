import type { FastifyInstance, FastifyRequest } from "fastify";
import { AppError } from "../../kernel/app-error.ts";
import type { Authenticator, Principal } from "../identity/authenticate.ts";
import type { Workspace, Workspaces } from "../workspaces/workspace-store.ts";

/** What a route needs. Every route declares one; a route without a declaration does not start. */
export type Permission =
  | "public"
  | "account:self"
  | "instance:manage"
  | "invitations:manage"
  | "service-accounts:manage"
  | "tokens:self"
  | "tokens:manage"
  | "scripts:read"
  | "scripts:deploy"
  | "flows:read"
  | "flows:deploy"
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
  | "secrets:rotate"
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
    /** `instance`: the route belongs to no workspace. */
    scope?: "instance";
  }
  interface FastifyRequest {
    caller: Caller | undefined;
    /** Of every route that is not public. */
    principal: Principal | undefined;
    /** The token in the cookie of a session; see `identity/session-cookie.ts`. */
    sessionToken: string | undefined;
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
  app.decorateRequest("principal", undefined);
  app.addHook("onRoute", (route) => {
    if (route.config?.permission === undefined) throw new Error(`route ${String(route.method)} ${route.url} declares no permission`);
  });
  app.addHook("onRequest", async (request) => {
    const { permission, scope } = request.routeOptions.config;
    if (permission === "public" || request.is404) return;
    const { sessionToken } = request;
    const { authorization } = request.headers;
    const authenticate = (): Promise<Principal> => authenticator.authenticate(authorization, sessionToken);
    const principal = await authenticate();
    if (principal.kind === "agent") throw new AppError("permission_denied", "an agent's token gives no access to the API");
    request.principal = principal;
    if (scope === "instance") {
      refuseAtInstance(principal, permission);
      return;
    }
    const params = request.params as { workspace?: string };
    const workspace = params.workspace === undefined ? undefined : await workspaces.byName(params.workspace);
    const isBound = principal.kind !== "account" && principal.workspace === workspace?.id;
    const allowed = workspace !== undefined && (principal.kind === "admin" || isBound);
    if (!allowed) throw new AppError("not_found", "there is no such workspace, or the token has no access to it");
    if (permission !== undefined && OPERATOR_ONLY.has(permission) && principal.kind !== "admin")
      throw new AppError("permission_denied", "only an administrator's token may do this");
    if (principal.kind === "job" && (permission === undefined || !JOB_MAY.has(permission)))
      throw new AppError("permission_denied", `a job's own token does not allow ${permission ?? "this"}`);
    request.caller = { principal, workspace, check: authenticate };
  });
}

/** Routes without a workspace: what concerns the caller alone, and what only those who run the instance may do. */
function refuseAtInstance(principal: Principal, permission: Permission | undefined): void {
  if (principal.kind === "job") throw new AppError("permission_denied", `a job's own token does not allow ${permission ?? "this"}`);
  const runsIt = principal.kind === "admin" || principal.isInstanceAdmin === true;
  if (permission !== "account:self" && !runsIt) throw new AppError("permission_denied", "only an administrator of the instance may do this");
}

/** Who calls a route that is not public. */
export function principalOf(request: FastifyRequest): Principal {
  if (request.principal === undefined) throw new AppError("internal", "a route that needs a caller was reached without one");
  return request.principal;
}

/** The caller of a route of a workspace. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller === undefined) throw new AppError("internal", "a route that needs a caller was reached without one");
  return request.caller;
}
