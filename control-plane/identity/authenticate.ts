import { AppError } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import { FreshCache } from "../../kernel/fresh-cache.ts";
import type { JobId, Token, WorkspaceId } from "../../kernel/ids.ts";
import { isMintedWith, type JobTokenClaims, jobTokenKey, readJobToken } from "../../kernel/job-token.ts";
import type { Pool } from "../db/pools.ts";
import { parseBearer, sameHash, type TokenKind } from "./token-format.ts";
import { findToken } from "./token-store.ts";

/** Who makes a request. */
export interface Principal {
  /** `job`: a running attempt. */
  readonly kind: TokenKind | "job";
  readonly tokenId: string;
  readonly label: string;
  /** Undefined: not bound to a workspace. */
  readonly workspace: WorkspaceId | undefined;
  readonly workspaceName: string | undefined;
  /** Of a job: which one it is, and the attempt that runs. */
  readonly job?: { readonly id: JobId; readonly attempt: Token };
}

/** A revoked token is refused within this time. */
const CACHE_MS = 1000;
const MAX_CACHED = 10_000;

export interface Authenticator {
  /** Errors: unauthenticated, with the same words for every way in which a token can be wrong. */
  authenticate(header: string | undefined): Promise<Principal>;
}

/** What has to be asked of tokens of jobs. */
export interface JobTokenCheck {
  readonly secret: Buffer;
  /** The workspace of an attempt that runs at this moment on this agent; undefined when it does not. */
  readonly workspaceOf: (claims: JobTokenClaims) => Promise<{ id: WorkspaceId; name: string } | undefined>;
}

/** Checks bearer tokens against the store, and those of jobs against what runs, with a cache of one second. */
export function createAuthenticator(pool: Pool, clock: Clock, jobs: JobTokenCheck): Authenticator {
  const tokens = new FreshCache({
    maxAgeMs: CACHE_MS,
    maxEntries: MAX_CACHED,
    nowMs: () => clock.monotonicMs(),
    load: (id) => findToken(pool, id),
  });

  const attempts = new FreshCache({
    maxAgeMs: CACHE_MS,
    maxEntries: MAX_CACHED,
    nowMs: () => clock.monotonicMs(),
    load: async (text) => {
      const claims = readJobToken(text);
      return claims === undefined ? undefined : jobs.workspaceOf(claims);
    },
  });

  const authenticateJob = async (text: string, claims: JobTokenClaims): Promise<Principal> => {
    const workspace = isMintedWith(jobTokenKey(jobs.secret, claims.issuer), text) ? await attempts.get(text) : undefined;
    if (workspace === undefined) throw refusal("the token is not of a job that runs");
    const job = { id: claims.job, attempt: claims.attempt };
    return { kind: "job", tokenId: claims.job, label: `job ${claims.job}`, workspace: workspace.id, workspaceName: workspace.name, job };
  };

  return {
    async authenticate(header) {
      const claims = header?.startsWith("Bearer mr_job_") === true ? readJobToken(header.slice(7).trim()) : undefined;
      if (claims !== undefined) return authenticateJob((header ?? "").slice(7).trim(), claims);
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
