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
import type { Pool } from "../db/pools.ts";
import { inTransaction, type Queryable } from "../db/transaction.ts";
import type { Log } from "../telemetry/log.ts";
import { type Account, findByEmail, findByIdentity, insertAccount, insertIdentity, updateAccount } from "./account-store.ts";
import { revokeTokensOf } from "./account-token-store.ts";
import type { SignUp } from "./accounts.ts";
import { email as emailShape } from "./contract.ts";
import { findInvitation, type Invitation } from "./invitation-store.ts";
import type { Invitations } from "./invitations.ts";
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
   * Errors: unauthenticated when anything about it is not as it must be; permission_denied for people who have no account and get none
   */
  finish(provider: string, url: URL, ticket: string | undefined): Promise<{ account: Account; returnTo: string }>;
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
  const { pool, clock, log, providers, discovered, invitations, key } = parts;
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
    async finish(name, url, text) {
      const provider = wanted(name);
      const ticket = text === undefined ? undefined : await readTicket(key, text, clock.wallMs());
      if (ticket?.provider !== name) throw failed("the login was begun elsewhere, or too long ago");
      const configuration = await discovered.configuration(provider);
      const checks = { expectedState: ticket.state, expectedNonce: ticket.nonce, pkceCodeVerifier: ticket.verifier, idTokenExpected: true };
      const claims = await claimsOf(configuration, url, checks).catch((error: unknown) => {
        log.warn({ event: "oidc.refused", provider: name, error: messageOf(error) }, "a login at an identity provider came to nothing");
        throw failed("the identity provider's answer is not good");
      });
      const found = ticket.invitation === undefined ? undefined : await findInvitation(pool, ticket.invitation);
      const account = await inTransaction(pool, (client) => accountOf(client, parts, provider, claims, found));
      if (account.disabledAt !== undefined) throw failed("this account is disabled");
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

/** Whose login it is: by who they are at the provider, else by an address that the provider has verified, else somebody new. */
async function accountOf(
  client: Queryable,
  parts: OidcLoginParts,
  provider: OidcProvider,
  claims: Claims,
  invitation: Invitation | undefined,
): Promise<Account> {
  const identity = { issuer: provider.issuer, subject: claims.sub };
  const known = await findByIdentity(client, identity);
  const account = known ?? (await adopt(client, claims)) ?? (await makeNew(client, parts, provider, claims, invitation));
  if (known === undefined && !(await insertIdentity(client, account.id, identity))) throw failed("another login of yours came first: try again");
  // An invitation that was used meanwhile keeps nobody out of the account.
  if (invitation?.status === "open" && account.disabledAt === undefined) await acceptOrBe(client, parts, invitation, account);
  return account;
}

/** Who is a member already only wanted to log in. */
async function acceptOrBe(client: Queryable, { invitations }: OidcLoginParts, invitation: Invitation, account: Account): Promise<void> {
  await invitations.accept(client, invitation, account).catch((error: unknown) => {
    if (AppError.from(error).code !== "already_exists") throw error;
  });
}

/**
 * The account that has the verified address. Whoever signed up with an address that nobody had checked need not be its owner: then everything by
 * which he could still come in ends now.
 */
async function adopt(client: Queryable, { email, email_verified: isVerified }: Claims): Promise<Account | undefined> {
  const found = email === undefined || isVerified !== true ? undefined : await findByEmail(client, email);
  if (found === undefined || found.isEmailProven) return found;
  await revokeSessions(client, found.id);
  await revokeTokensOf(client, found.id);
  return updateAccount(client, found.id, { passwordHash: null, isEmailProven: true });
}

async function makeNew(
  client: Queryable,
  { signUp }: OidcLoginParts,
  provider: OidcProvider,
  claims: Claims,
  invitation: Invitation | undefined,
): Promise<Account> {
  const { email, email_verified: isVerified, name } = claims;
  const isAllowed = provider.sign_up || signUp === "open" || (signUp === "invited" && invitation?.status === "open");
  if (!isAllowed) throw new AppError("permission_denied", "there is no account for you here yet", { hint: "ask for an invitation" });
  if (email === undefined || isVerified !== true)
    throw new AppError("permission_denied", `${provider.title} has not verified an e-mail address of yours`, { hint: "verify one there, and try again" });
  const createdBy = `oidc:${provider.name}`;
  const made = await insertAccount(client, { email, name: name ?? email, passwordHash: undefined, isEmailProven: true, isInstanceAdmin: false, createdBy });
  if (made === undefined) throw failed("another login of yours came first: try again");
  return made;
}

function failed(message: string): AppError {
  return new AppError("unauthenticated", message, { hint: "begin the login again" });
}
