import type { FastifyInstance } from "fastify";
import { realClock } from "../../kernel/clock.ts";
import type { Pools } from "../db/pools.ts";
import type { Access } from "../http/authorize.ts";
import { createAccessControl } from "./access-control.ts";
import { addFolderRoutes } from "./folder-routes.ts";
import { addGroupRoutes } from "./group-routes.ts";
import { addMemberRoutes } from "./member-routes.ts";

export interface OpenAccess extends Access {
  addRoutes(app: FastifyInstance): void;
}

/** Who may do what in which workspace: a part of the composition root. */
export function openAccess(pools: Pick<Pools, "api" | "console">): OpenAccess {
  const control = createAccessControl(pools.api, () => realClock.monotonicMs());
  return {
    member: control.member,
    addRoutes(app) {
      addMemberRoutes(app, pools.console, control.changed);
      addGroupRoutes(app, pools.console, control.changed);
      addFolderRoutes(app, pools.console, control.changed);
    },
  };
}
