import type { FastifyInstance } from "fastify";
import type { AccessControl } from "./access/access-control.ts";
import { type OpenAccess, openAccess } from "./access/open-access.ts";
import { addAuthorization } from "./http/authorize.ts";
import type { Authenticator } from "./identity/authenticate.ts";
import { type IdentityParts, openIdentity } from "./identity/open-identity.ts";

export interface EntranceParts extends IdentityParts {
  readonly authenticator: Authenticator;
  /** When there is one already. */
  readonly access?: AccessControl;
}

/**
 * Who comes in, and what they may do here: sessions, members, the authorization of every request. A part of the composition root.
 * Errors: those of openIdentity.
 */
export function openEntrance(app: FastifyInstance, parts: EntranceParts): Pick<OpenAccess, "addRoutes"> {
  const identity = openIdentity(app, parts);
  const access = openAccess(parts.pools, parts.access);
  addAuthorization(app, parts.authenticator, parts.workspaces, access);
  return {
    addRoutes(to) {
      access.addRoutes(to);
      identity.addRoutes();
    },
  };
}
