import type { FastifyInstance } from "fastify";
import type { Clock } from "../../kernel/clock.ts";
import type { Pools } from "../db/pools.ts";
import type { IdentityConfig } from "../identity-settings.ts";
import type { Log } from "../telemetry/log.ts";
import { addInstanceRoutes, type InstanceParts } from "../workspaces/instance-routes.ts";
import type { Workspaces } from "../workspaces/workspace-store.ts";
import { addAccountRoutes } from "./account-routes.ts";
import { createAccounts } from "./accounts.ts";
import { addConfirmation } from "./confirmation.ts";
import { createFailedLogins } from "./failed-logins.ts";
import { addInvitationRoutes } from "./invitation-routes.ts";
import { createInvitations } from "./invitations.ts";
import { createLockout } from "./lockout.ts";
import { addLoginRoutes } from "./login-routes.ts";
import { addMeRoutes } from "./me-routes.ts";
import { createMembers } from "./members.ts";
import { createOidcLogin } from "./oidc-login.ts";
import { createDiscovery, readProviders } from "./oidc-providers.ts";
import { addOidcRoutes } from "./oidc-routes.ts";
import { ticketKey } from "./oidc-ticket.ts";
import { addServiceAccountRoutes } from "./service-account-routes.ts";
import { addSessionCookies } from "./session-cookie.ts";
import { createSessions } from "./sessions.ts";
import { addTokenRoutes } from "./token-routes.ts";
import { createTokens } from "./tokens.ts";

export interface IdentityParts {
  readonly pools: Pick<Pools, "api" | "console">;
  readonly clock: Clock;
  readonly log: Log;
  readonly workspaces: Workspaces;
  /** The cluster's. */
  readonly secret: Buffer;
  readonly config: IdentityConfig;
  /** Where browsers reach us: known when the port is open. */
  readonly publicUrl: () => string;
}

/**
 * Accounts, sessions, invitations and tokens: a part of the composition root. To be called before the authorization, which asks for what stands in the
 * cookies; `addRoutes` after it. Errors: invalid_argument, failed_precondition for the identity providers.
 */
export function openIdentity(app: FastifyInstance, parts: IdentityParts): { addRoutes(): void } {
  const { pools, clock, log, workspaces, config, publicUrl } = parts;
  // Accounts belong to no workspace; what does is asked for under the second net.
  const pool = pools.api;
  const cookies = addSessionCookies(app, publicUrl);
  addConfirmation(app, pool);
  const signUp = config.MILLRACE_SIGN_UP;
  const providers = readProviders(config.MILLRACE_OIDC);
  const members = createMembers(pool);
  const invitations = createInvitations(pools.console, members);
  const failed = createFailedLogins(pool, clock, log);
  const accounts = createAccounts({ pool, lockout: createLockout(pool, failed), failed, invitations, members, workspaces, signUp });
  const sessions = createSessions(pool, cookies, { idleMs: config.MILLRACE_SESSION_IDLE_MS, maxMs: config.MILLRACE_SESSION_MAX_MS });
  const tokens = createTokens(pools.console, members);
  const discovered = createDiscovery(providers, () => clock.monotonicMs());
  const oidc = createOidcLogin({ pool, clock, log, providers, discovered, invitations, failed, signUp, key: ticketKey(parts.secret) });
  const addAdmin: InstanceParts["addAdmin"] = (client, workspace, account) => members.join(client, workspace, account, "admin");
  return {
    addRoutes() {
      addLoginRoutes(app, { accounts, sessions, cookies, tokens, signUp, providers });
      addMeRoutes(app, { pool, accounts, sessions, members, cookies });
      addOidcRoutes(app, oidc, sessions, cookies);
      addInvitationRoutes(app, pool, invitations, accounts);
      addServiceAccountRoutes(app, pool, members);
      addTokenRoutes(app, tokens);
      addAccountRoutes(app, pool, accounts);
      addInstanceRoutes(app, { pool, workspaces, addAdmin });
    },
  };
}
