import {
  type AuthorizationCodeGrantChecks,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type Configuration,
  calculatePKCECodeChallenge,
  fetchUserInfo,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from "openid-client";
import { z } from "zod";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import { type AuditEvent, recordAudits } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction, type Queryable } from "../db/transaction.ts";
import type { Log } from "../telemetry/log.ts";
import { type Account, findByEmail, findByIdentity, insertAccount, insertIdentity, updateAccount } from "./account-store.ts";
import { revokeTokensOf } from "./account-token-store.ts";
import type { SignUp } from "./accounts.ts";
import { accountTarget, labelOf } from "./audit-words.ts";
import { email as emailShape } from "./contract.ts";
import { findInvitation, type Invitation } from "./invitation-store.ts";
import type { Invitations } from "./invitations.ts";
import type { FailedLogins } from "./lockout.ts";
import type { DiscoveredProviders, OidcProvider } from "./oidc-providers.ts";
import { readTicket, writeTicket } from "./oidc-ticket.ts";
import { revokeSessions } from "./session-store.ts";

export interface OidcLoginParts {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Log;
  readonly providers: readonly OidcProvider[];
  readonly discovered: DiscoveredProviders;
  readonly invitations: Invitations;
  readonly failed: FailedLogins;
  readonly signUp: SignUp;
  /** Of tickets. */
  readonly key: Uint8Array;
}

/** The two halves of a login at an identity provider. */
export interface OidcLogin {
  /**
   * @param redirectUri where the provider sends the browser back to
   * @returns where the browser goes now, and what it keeps meanwhile. Errors: not_found, unavailable
   */
  begin(provider: string, redirectUri: string, wish: { returnTo: string; invitation?: string | undefined }): Promise<{ url: string; ticket: string }>;
  /**
   * @param url that the browser came back to
   * @param address from which it comes
   * Errors: unauthenticated when anything about it is not as it must be; permission_denied for people who have no account and get none
   */
  finish(provider: string, url: URL, ticket: string | undefined, address: string): Promise<{ account: Account; returnTo: string }>;
}

/** What we take from a provider. */
const claimsSchema = z.object({
  sub: z.string().min(1).max(255),
  email: emailShape.optional().catch(undefined),
  // Some send it as text.
  email_verified: z.union([z.boolean(), z.stringbool()]).optional().catch(undefined),
  name: z.string().min(1).max(100).optional().catch(undefined),
});
type Claims = z.infer<typeof claimsSchema>;

export function createOidcLogin(parts: OidcLoginParts): OidcLogin {
  const { pool, clock, log, providers, discovered, invitations, failed, key } = parts;
  const wanted = (name: string): OidcProvider => {
    const found = providers.find((one) => one.name === name);
    if (found === undefined) throw new AppError("not_found", "there is no such identity provider");
    return found;
  };
  return {
    async begin(name, redirectUri, { returnTo, invitation }) {
      const provider = wanted(name);
      const id = invitation === undefined ? undefined : (await invitations.find(invitation)).id;
      const [state, nonce, verifier] = [randomState(), randomNonce(), randomPKCECodeVerifier()];
      const configuration = await discovered.configuration(provider);
      const url = buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope: provider.scopes.join(" "),
        state,
        nonce,
        code_challenge: await calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
      });
      const ticket = { provider: name, state, nonce, verifier, return_to: returnTo, ...(id !== undefined && { invitation: id }) };
      return { url: url.href, ticket: await writeTicket(key, ticket, clock.wallMs()) };
    },
    async finish(name, url, text, address) {
      const provider = wanted(name);
      const ticket = text === undefined ? undefined : await readTicket(key, text, clock.wallMs());
      if (ticket?.provider !== name) throw refused("the login was begun elsewhere, or too long ago");
      const configuration = await discovered.configuration(provider);
      const checks = { expectedState: ticket.state, expectedNonce: ticket.nonce, pkceCodeVerifier: ticket.verifier, idTokenExpected: true };
      const claims = await claimsOf(configuration, url, checks).catch((error: unknown) => {
        log.warn({ event: "oidc.refused", provider: name, error: messageOf(error) }, "a login at an identity provider came to nothing");
        throw refused("the identity provider's answer is not good");
      });
      const found = ticket.invitation === undefined ? undefined : await findInvitation(pool, ticket.invitation);
      const account = await inTransaction(pool, async (client) => {
        const events: AuditEvent[] = [];
        const whose = await accountOf(client, parts, { provider, claims, invitation: found, events });
        await recordAudits(client, events);
        return whose;
      });
      if (account.disabledAt !== undefined) {
        failed.note({ action: "sessions:begin", email: account.email, address }, "disabled");
        throw refused("this account is disabled");
      }
      return { account, returnTo: ticket.return_to };
    },
  };
}

/** Checks the answer, exchanges the code, and asks for the address where the ID token does not have it. Errors: whatever is wrong with it. */
async function claimsOf(configuration: Configuration, url: URL, checks: AuthorizationCodeGrantChecks): Promise<Claims> {
  const tokens = await authorizationCodeGrant(configuration, url, checks);
  const claims = tokens.claims();
  if (claims === undefined) throw new Error("there is no ID token");
  const isComplete = claims["email"] !== undefined || configuration.serverMetadata().userinfo_endpoint === undefined;
  const more = isComplete ? {} : await fetchUserInfo(configuration, tokens.access_token, claims.sub);
  return claimsSchema.parse({ ...more, ...claims });
}

/** A login of which the provider has told us who it is. */
interface Told {
  readonly provider: OidcProvider;
  readonly claims: Claims;
  readonly invitation: Invitation | undefined;
  /** What it changes: written to the audit log when all is done. */
  readonly events: AuditEvent[];
}

/** Whose login it is: by who they are at the provider, else by an address that the provider has verified, else somebody new. */
async function accountOf(client: Queryable, parts: OidcLoginParts, told: Told): Promise<Account> {
  const { provider, claims, invitation, events } = told;
  const identity = { issuer: provider.issuer, subject: claims.sub };
  const known = await findByIdentity(client, identity);
  const account = known ?? (await adopt(client, told)) ?? (await makeNew(client, parts, told));
  if (known === undefined) {
    if (!(await insertIdentity(client, account.id, identity))) throw refused("another login of yours came first: try again");
    events.push(eventOf(provider, account, "accounts:link-identity", { ...identity }));
  }
  // An invitation that was used meanwhile keeps nobody out of the account.
  if (invitation?.status === "open" && account.disabledAt === undefined) await acceptOrBe(client, parts, { invitation, account, events });
  return account;
}

/** Who is a member already only wanted to log in. */
async function acceptOrBe(
  client: Queryable,
  { invitations }: OidcLoginParts,
  { invitation, account, events }: { invitation: Invitation; account: Account; events: AuditEvent[] },
): Promise<void> {
  try {
    events.push(await invitations.accept(client, invitation, account));
  } catch (error) {
    if (AppError.from(error).code !== "already_exists") throw error;
  }
}

function eventOf(provider: OidcProvider, account: Account, action: string, detail: AuditEvent["detail"] = {}): AuditEvent {
  return { workspace: undefined, actor: actorOf(provider), action, target: accountTarget(account), detail };
}

/** How the audit log, and `created_by`, call a provider. */
function actorOf(provider: OidcProvider): string {
  return `oidc:${provider.name}`;
}

/**
 * The account that has the verified address. Whoever signed up with an address that nobody had checked need not be its owner: then everything by
 * which he could still come in ends now.
 */
async function adopt(client: Queryable, { provider, claims, events }: Told): Promise<Account | undefined> {
  const { email, email_verified: isVerified } = claims;
  const found = email === undefined || isVerified !== true ? undefined : await findByEmail(client, email);
  if (found === undefined || found.isEmailProven) return found;
  const sessionsEnded = await revokeSessions(client, found.id);
  const tokensEnded = await revokeTokensOf(client, found.id);
  for (const { workspace, ids } of tokensEnded)
    events.push({ ...eventOf(provider, found, "tokens:revoke", { tokens: ids }), workspace, target: `tokens of ${labelOf(found)}` });
  const tokens = tokensEnded.reduce((sum, { ids }) => sum + ids.length, 0);
  events.push(eventOf(provider, found, "accounts:reclaim", { sessions_ended: sessionsEnded, tokens_ended: tokens, had_password: found.hasPassword }));
  return updateAccount(client, found.id, { passwordHash: null, isEmailProven: true });
}

async function makeNew(client: Queryable, { signUp }: OidcLoginParts, { provider, claims, invitation, events }: Told): Promise<Account> {
  const { email, email_verified: isVerified, name } = claims;
  const isAllowed = provider.sign_up || signUp === "open" || (signUp === "invited" && invitation?.status === "open");
  if (!isAllowed) throw new AppError("permission_denied", "there is no account for you here yet", { hint: "ask for an invitation" });
  if (email === undefined || isVerified !== true)
    throw new AppError("permission_denied", `${provider.title} has not verified an e-mail address of yours`, { hint: "verify one there, and try again" });
  const createdBy = actorOf(provider);
  const made = await insertAccount(client, { email, name: name ?? email, passwordHash: undefined, isEmailProven: true, isInstanceAdmin: false, createdBy });
  if (made === undefined) throw refused("another login of yours came first: try again");
  events.push(eventOf(provider, made, "accounts:create"));
  return made;
}

function refused(message: string): AppError {
  return new AppError("unauthenticated", message, { hint: "begin the login again" });
}
