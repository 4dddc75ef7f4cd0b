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

/** Who may do what in which workspace: a part of the composition root. @param control when there is one already */
export function openAccess(pools: Pick<Pools, "api" | "console">, control = createAccessControl(pools.api, () => realClock.monotonicMs())): OpenAccess {
  const { member, job, changed } = control;
  return {
    member,
    job,
    addRoutes(app) {
      addMemberRoutes(app, pools.console, changed);
      addGroupRoutes(app, pools.console, changed);
      addFolderRoutes(app, pools.console, changed);
    },
  };
}
