import type { FastifyInstance } from "fastify";
import type { Pool } from "../db/pools.ts";
import { addAuthorization } from "../http/authorize.ts";
import type { Authenticator } from "../identity/authenticate.ts";
import type { Workspaces } from "../workspaces/workspace-store.ts";
import type { AccessControl } from "./access-control.ts";
import { addFolderRoutes } from "./folder-routes.ts";
import { addGroupRoutes } from "./group-routes.ts";
import { addMemberRoutes } from "./member-routes.ts";

/** The authorization of all routes that are added from here on, and the routes by which it is changed: a part of the composition root. */
export function openAccess(app: FastifyInstance, pool: Pool, authenticator: Authenticator, workspaces: Workspaces, control: AccessControl): void {
  addAuthorization(app, authenticator, workspaces, control);
  addAccessRoutes(app, pool, control.changed);
}

/** @param changed told of each workspace in which somebody may do something else now */
export function addAccessRoutes(app: FastifyInstance, pool: Pool, changed: Parameters<typeof addMemberRoutes>[2]): void {
  addMemberRoutes(app, pool, changed);
  addGroupRoutes(app, pool, changed);
  addFolderRoutes(app, pool, changed);
}
