import { AppError } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import { FreshCache } from "../../kernel/fresh-cache.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { parseBearer, sameHash, type TokenKind } from "./token-format.ts";
import { findToken } from "./token-store.ts";

/** Who makes a request. */
export interface Principal {
  readonly kind: TokenKind;
  readonly tokenId: string;
  readonly label: string;
  /** Undefined: not bound to a workspace. */
  readonly workspace: WorkspaceId | undefined;
  readonly workspaceName: string | undefined;
}

/** A revoked token is refused within this time. */
const CACHE_MS = 1000;
const MAX_CACHED = 10_000;

export interface Authenticator {
  /** Errors: unauthenticated, with the same words for every way in which a token can be wrong. */
  authenticate(header: string | undefined): Promise<Principal>;
}

/** Checks bearer tokens against the store, with a cache of one second. */
export function createAuthenticator(pool: Pool, clock: Clock): Authenticator {
  const tokens = new FreshCache({
    maxAgeMs: CACHE_MS,
    maxEntries: MAX_CACHED,
    nowMs: () => clock.monotonicMs(),
    load: (id) => findToken(pool, id),
  });

  return {
    async authenticate(header) {
      const parsed = header?.startsWith("Bearer ") === true ? parseBearer(header.slice(7).trim()) : undefined;
      if (parsed === undefined) throw refusal(header === undefined ? "a bearer token is required" : undefined);
      const token = await tokens.get(parsed.id);
      const valid =
        token !== undefined &&
        sameHash(token.secretHash, parsed.secretHash) &&
        token.kind === parsed.kind &&
        !token.revoked &&
        (token.expiresAtMs === undefined || token.expiresAtMs > clock.wallMs());
      if (!valid) throw refusal();
      return { kind: token.kind, tokenId: token.id, label: token.label, workspace: token.workspace, workspaceName: token.workspaceName };
    },
  };
}

function refusal(message = "the token is unknown, expired or revoked"): AppError {
  return new AppError("unauthenticated", message, { hint: "pass it as `Authorization: Bearer mr_…`; `npm start` prints one, `millrace` reads MILLRACE_TOKEN" });
}
