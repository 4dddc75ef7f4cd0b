import type { FastifyInstance, FastifyRequest } from "fastify";
import { AppError } from "../../kernel/app-error.ts";
import type { AccountId, JobId, WorkspaceId } from "../../kernel/ids.ts";
import { fitsOne, globPattern, scopedTo } from "../access/scope-bounds-core.ts";
import type { PathBounds } from "../db/path-bounds.ts";
import { withinWorkspace } from "../db/tenant-context.ts";
import type { Authenticator, Principal } from "../identity/authenticate.ts";
import { scopesAllow } from "../identity/scope-core.ts";
import type { Workspace, Workspaces } from "../workspaces/workspace-store.ts";
import { atOnce } from "./at-once.ts";

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
  | "drafts:read"
  | "drafts:write"
  | "jobs:run"
  | "jobs:inline"
  | "jobs:read"
  | "jobs:cancel"
  | "jobs:approve"
  | "jobs:invite"
  | "jobs:report"
  | "variables:read"
  | "variables:write"
  | "resources:read"
  | "resources:write"
  | "resources:types"
  | "workspaces:export"
  | "triggers:read"
  | "triggers:write"
  | "hooks:read"
  | "hooks:write"
  | "secrets:rotate"
  | "schedules:read"
  | "schedules:write"
  | "schedules:run"
  | "agents:read"
  | "agents:write"
  | "limits:read"
  | "limits:write"
  | "audit:read"
  | "members:read"
  | "members:write"
  | "groups:read"
  | "groups:write"
  | "folders:read"
  | "folders:write";

/** Roles of members; each has all that those before it have. */
export const ROLES = ["viewer", "operator", "developer", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** What may be done at a path. Who may write may read. */
export type Level = "read" | "write";

export interface Rule {
  /** The least role that has it. `instance`: administrators of the instance alone. `anybody`: asked without a token, too. */
  readonly role: Role | "instance" | "anybody";
  /** A running job has it by its own token, in its own workspace. */
  readonly job?: true;
  /** It is about things at paths: whoever is bound to some paths has it there alone. Its routes say where, see `PathOf`. */
  readonly paths?: Level;
}

/** Who has which permission: the one table, for every kind of caller. */
export const PERMISSIONS: Readonly<Record<Permission, Rule>> = {
  public: { role: "anybody" },
  "account:self": { role: "viewer" },
  "instance:manage": { role: "instance" },
  "invitations:manage": { role: "admin" },
  "service-accounts:manage": { role: "admin" },
  "tokens:self": { role: "viewer" },
  "tokens:manage": { role: "admin" },
  "scripts:read": { role: "viewer", job: true, paths: "read" },
  "scripts:deploy": { role: "developer", paths: "write" },
  "flows:read": { role: "viewer", job: true, paths: "read" },
  "flows:deploy": { role: "developer", paths: "write" },
  "drafts:read": { role: "developer", paths: "read" },
  "drafts:write": { role: "developer", paths: "write" },
  "jobs:run": { role: "operator", job: true, paths: "read" },
  // Code that the request brings: no route's, asked for where jobs are made.
  "jobs:inline": { role: "developer" },
  "jobs:read": { role: "viewer", job: true, paths: "read" },
  "jobs:cancel": { role: "operator", paths: "read" },
  "jobs:approve": { role: "operator", paths: "read" },
  // Whoever has a link answers: a token that only runs makes none. A running job asks people in the name of its flow.
  "jobs:invite": { role: "operator", job: true, paths: "read" },
  "jobs:report": { role: "operator", job: true, paths: "read" },
  "variables:read": { role: "viewer", job: true, paths: "read" },
  "variables:write": { role: "developer", job: true, paths: "write" },
  "resources:read": { role: "viewer", job: true, paths: "read" },
  "resources:write": { role: "developer", job: true, paths: "write" },
  "resources:types": { role: "developer" },
  // It reads the whole workspace.
  "workspaces:export": { role: "admin" },
  "triggers:read": { role: "viewer", paths: "read" },
  "schedules:read": { role: "viewer", paths: "read" },
  // Jobs of a schedule and of a trigger act for whoever wrote it last.
  "schedules:run": { role: "operator", paths: "read" },
  "schedules:write": { role: "developer", paths: "write" },
  "triggers:write": { role: "developer", paths: "write" },
  // Their addresses may hold secrets, and they hear of every job.
  "hooks:read": { role: "admin" },
  "hooks:write": { role: "admin" },
  "secrets:rotate": { role: "instance" },
  "agents:read": { role: "viewer" },
  "agents:write": { role: "admin" },
  "limits:read": { role: "viewer" },
  "limits:write": { role: "instance" },
  "audit:read": { role: "admin" },
  "members:read": { role: "viewer" },
  "members:write": { role: "admin" },
  "groups:read": { role: "viewer" },
  "groups:write": { role: "admin" },
  "folders:read": { role: "viewer" },
  // Of the own place; others are for administrators.
  "folders:write": { role: "developer" },
};

/**
 * The path that a request is about. `inside`: the handler asks `mayUse` of what it has found, or lists within `caller.reach.bounds`. `none`: what the
 * route shows is at no path.
 */
type PathOf = "inside" | "none" | ((request: FastifyRequest) => string | undefined);

declare module "fastify" {
  interface FastifyContextConfig {
    permission?: Permission;
    /** For permissions about things at paths. Without it the route is closed to callers that are bound to some paths. */
    path?: PathOf;
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
  /** For answers that take long: rejects when the caller would not be let in any more. From then on `reach` is what it is now. */
  check(): Promise<unknown>;
  /** Of members and of tokens with scopes. Absent: everything that the route is for, in the whole workspace. */
  readonly reach?: Reach | undefined;
}

/** How far the caller of one request gets. */
interface Reach {
  may(permission: Permission): boolean;
  /** Whether the permission of the route holds at a path. */
  mayUse(path: string): boolean;
  /** Whether what the caller writes may refer to a path, or run what is there. */
  mayRefer(path: string): boolean;
  /** Of a token with scopes: whether it may read the variable or resource itself. Undefined: there are no scopes. */
  readonly mayRead: ((kind: "variable" | "resource", path: string) => boolean) | undefined;
  /** The same for lists; undefined: the whole workspace. */
  readonly bounds: PathBounds | undefined;
  /** The member; undefined for a token that is nobody's. */
  readonly member: Member | undefined;
}

/** An account in a workspace, as it is at this moment. */
export interface Member {
  readonly account: AccountId;
  /** In paths: u/NAME/… */
  readonly name: string;
  readonly role: Role;
  may(permission: Permission): boolean;
  mayAt(path: string, level: Level): boolean;
  /** Places such as f/NAME below which it has a level; undefined: everywhere. */
  places(level: Level): readonly string[] | undefined;
}

/** What somebody, or a job, may use at paths. */
export type Reaching = Pick<Member, "mayAt" | "places">;

/** Where a job comes from. */
export interface JobOrigin {
  readonly createdBy: string;
  /** Of its script, and of its flow. */
  readonly paths: readonly string[];
  /** Of a step: the outermost run around it. */
  readonly flow: JobId | undefined;
}

/** Knows members; see control-plane/access/. */
export interface Access {
  /** What a running job may use; undefined: what is anywhere in the workspace. */
  job(workspace: WorkspaceId, job: JobId): Promise<Reaching | undefined>;
  /** Undefined: the account is no member. A change is known within a second. */
  member(workspace: WorkspaceId, account: AccountId): Promise<Member | undefined>;
}

const WITHOUT_MEMBERS: Access = { member: () => Promise.resolve(undefined), job: () => Promise.resolve(undefined) };

/**
 * The one place that lets a request in: token → principal → workspace of the path → permission, and path. A workspace that is not the caller's
 * and one that does not exist give the same answer. Routes under it get the workspace, never its raw name; their statements on tables of the console see
 * rows of the caller's workspace alone. @param access without it nobody is a member
 */
export function addAuthorization(
  app: FastifyInstance,
  authenticator: Authenticator,
  workspaces: Pick<Workspaces, "byName">,
  access: Access = WITHOUT_MEMBERS,
): void {
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
    if (scope === "instance") return refuseAtInstance(principal, permission);
    const params = request.params as { workspace?: string };
    const workspace = params.workspace === undefined ? undefined : await workspaces.byName(params.workspace);
    if (workspace === undefined || permission === undefined) throw noWorkspace();
    const reach = await admit(access, principal, workspace, permission);
    const letIn = async (): Promise<Reach | undefined> => admit(access, await authenticate(), workspace, permission);
    request.caller = new AdmittedCaller(principal, workspace, reach, letIn);
  });
  // What the request brings is parsed and valid by now.
  app.addHook(
    "preHandler",
    atOnce((request) => {
      if (request.caller !== undefined) checkPath(request, request.caller);
    }),
  );
  bindStatements(app);
}

class AdmittedCaller implements Caller {
  readonly principal: Principal;
  readonly workspace: Workspace;
  #reach: Reach | undefined;
  readonly #letIn: () => Promise<Reach | undefined>;

  constructor(principal: Principal, workspace: Workspace, reach: Reach | undefined, letIn: () => Promise<Reach | undefined>) {
    this.principal = principal;
    this.workspace = workspace;
    this.#reach = reach;
    this.#letIn = letIn;
  }

  get reach(): Reach | undefined {
    return this.#reach;
  }

  async check(): Promise<void> {
    this.#reach = await this.#letIn();
  }
}

/** What handlers do runs in the context of their caller's workspace: `Pools.console` sees it alone. Who runs the instance is bound to none. */
export function bindStatements(app: FastifyInstance): void {
  // With a callback and after the body was read: what the callback calls is in the context.
  app.addHook("preHandler", (request, _reply, done) => {
    const { caller } = request;
    if (caller === undefined || runsInstance(caller.principal)) done();
    // The token's own workspace where it has one: that does not come from the address.
    else withinWorkspace(caller.principal.workspace ?? caller.workspace.id, done);
  });
}

/** Routes without a workspace: what concerns the caller alone, and what only those who run the instance may do. */
function refuseAtInstance(principal: Principal, permission: Permission | undefined): void {
  if (principal.kind === "job") throw new AppError("permission_denied", `a job's own token does not allow ${permission ?? "this"}`);
  if (permission !== "account:self" && !runsInstance(principal)) throw new AppError("permission_denied", "only an administrator of the instance may do this");
}

function runsInstance({ kind, isInstanceAdmin }: Principal): boolean {
  return kind === "admin" || isInstanceAdmin === true;
}

/**
 * What a caller may do is looked up when it does it. Errors: not_found for a workspace that is not the caller's; permission_denied.
 * @returns undefined for whoever has all that the route is for, in the whole workspace
 */
async function admit(access: Access, principal: Principal, workspace: Workspace, permission: Permission): Promise<Reach | undefined> {
  const rule = PERMISSIONS[permission];
  const isBound = principal.workspace !== undefined;
  const member = runsInstance(principal) || principal.accountId === undefined ? undefined : await access.member(workspace.id, principal.accountId);
  const isStranger = isBound && principal.workspace !== workspace.id;
  const hasStanding = runsInstance(principal) || (principal.accountId === undefined ? isBound : member !== undefined);
  if (isStranger || !hasStanding) throw noWorkspace();
  if (rule.role === "instance" && !runsInstance(principal)) throw new AppError("permission_denied", "only an administrator's token may do this");
  if (principal.kind === "job" && rule.job === undefined) throw new AppError("permission_denied", `a job's own token does not allow ${permission}`);
  if (member?.may(permission) === false) throw new AppError("permission_denied", `the role ${member.role} does not allow ${permission}`);
  const reaching = member ?? (principal.job === undefined ? undefined : await access.job(workspace.id, principal.job.id));
  if (reaching === undefined && principal.scopes === undefined) return undefined;
  const scoped = scopedTo(principal.scopes, permission);
  if (scoped.kind === "nothing" || (scoped.kind === "paths" && rule.paths === undefined))
    throw new AppError("permission_denied", `the scopes of the token do not allow ${permission}`);
  return reachOf({ scopes: principal.scopes, member, reaching }, rule.paths ?? "read", scoped.kind === "paths" ? scoped.globs : undefined);
}

interface Standing {
  readonly scopes: readonly string[] | undefined;
  readonly member: Member | undefined;
  /** Of the member, or of whoever started the job. */
  readonly reaching: Reaching | undefined;
}

function reachOf({ scopes, member, reaching }: Standing, level: Level, globs: readonly string[] | undefined): Reach {
  const places = reaching?.places(level);
  const fits = (path: string): boolean => globs === undefined || fitsOne(globs, path);
  return {
    member,
    bounds: places === undefined && globs === undefined ? undefined : { places, patterns: globs?.map(globPattern) },
    may: (permission) => (member?.may(permission) ?? true) && scopedTo(scopes, permission).kind === "whole",
    mayUse: (path) => (reaching?.mayAt(path, level) ?? true) && fits(path),
    mayRefer: (path) => (reaching?.mayAt(path, "read") ?? true) && fits(path),
    mayRead: scopes === undefined ? undefined : (kind, path) => (reaching?.mayAt(path, "read") ?? true) && scopesAllow(scopes, `${kind}s:read`, path),
  };
}

/** Errors: not_found for what may not be read, the same whether it is there or not; permission_denied for what may not be written. */
function checkPath(request: FastifyRequest, { reach }: Caller): void {
  const { permission, path } = request.routeOptions.config;
  const level = permission === undefined ? undefined : PERMISSIONS[permission].paths;
  if (reach?.bounds === undefined || level === undefined || path === "inside" || path === "none") return;
  if (path === undefined) throw new AppError("permission_denied", "this route is for callers that are not bound to some paths");
  const asked = path(request);
  if (asked !== undefined && reach.mayUse(asked)) return;
  if (level === "read") throw nothingAt(asked ?? "this path");
  throw notWritable(asked ?? "this path");
}

/** What callers are told of a path that they may not write. */
export function notWritable(path: string): AppError {
  return new AppError("permission_denied", `the caller may not write at ${path}`, { hint: "an administrator of the workspace grants it: docs/access.md" });
}

/** Whether the permission of the route holds at a path, for a handler that has found the path out. */
export function mayUse({ reach }: Pick<Caller, "reach">, path: string): boolean {
  return reach?.mayUse(path) ?? true;
}

/** Whether what the caller writes may refer to a path; undefined: to any. */
export function referencesOf({ reach }: Pick<Caller, "reach">): ((path: string) => boolean) | undefined {
  return reach?.bounds === undefined ? undefined : reach.mayRefer;
}

/** What callers are told of a path that they may not read, be there something or not. */
export function nothingAt(path: string): AppError {
  return new AppError("not_found", `there is nothing at ${path}, or the caller has no access to it`);
}

function noWorkspace(): AppError {
  return new AppError("not_found", "there is no such workspace, or the token has no access to it");
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
