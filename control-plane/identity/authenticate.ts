import { AppError } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import { FreshCache } from "../../kernel/fresh-cache.ts";
import type { AccountId, JobId, Token, WorkspaceId } from "../../kernel/ids.ts";
import { isMintedWith, type JobTokenClaims, jobTokenKey, readJobToken } from "../../kernel/job-token.ts";
import type { Pool } from "../db/pools.ts";
import { findLiveSession, type LiveSession, noteVisit } from "./session-store.ts";
import { parseBearer, sameHash } from "./token-format.ts";
import { findToken, noteTokenUse, type StoredToken } from "./token-store.ts";
import { createUseNotes } from "./use-notes.ts";

/** Who makes a request. */
export interface Principal {
  /** `account`: a person or a service account. `job`: a running attempt. */
  readonly kind: "admin" | "workspace" | "agent" | "account" | "job";
  /** Of a session: its id. */
  readonly tokenId: string;
  readonly label: string;
  /** Undefined: not bound to a workspace. */
  readonly workspace: WorkspaceId | undefined;
  readonly workspaceName: string | undefined;
  /** Of a job: which one it is, and the attempt that runs. */
  readonly job?: { readonly id: JobId; readonly attempt: Token };
  /** Of an account: what it may do is looked up when it does it. */
  readonly accountId?: AccountId;
  /** Of an account: how it came. */
  readonly via?: "session" | "personal" | "service";
  /** True for sessions alone: a token of an instance admin is bound to its workspace. */
  readonly isInstanceAdmin?: boolean;
  /** What a token is limited to (`scope-core.ts`); without it: whatever its holder may do. */
  readonly scopes?: readonly string[];
}

/** A revoked token is refused within this time. */
const CACHE_MS = 1000;
const MAX_CACHED = 10_000;

export interface Authenticator {
  /**
   * By a bearer token, or without one by the token in the cookie of a session.
   * Errors: unauthenticated, with the same words for every way in which a token can be wrong.
   */
  authenticate(header: string | undefined, session?: string): Promise<Principal>;
}

/** What has to be asked of tokens of jobs. */
export interface JobTokenCheck {
  readonly secret: Buffer;
  /** The workspace of an attempt that runs at this moment on this agent; undefined when it does not. */
  readonly workspaceOf: (claims: JobTokenClaims) => Promise<{ id: WorkspaceId; name: string } | undefined>;
}

const SESSION_IDLE_MS = 60 * 60 * 1000;

/** Checks bearer tokens and sessions against the store, and tokens of jobs against what runs, with a cache of one second. */
export function createAuthenticator(pool: Pool, clock: Clock, jobs: JobTokenCheck, sessionIdleMs = SESSION_IDLE_MS): Authenticator {
  const cached = <Value>(load: (key: string) => Promise<Value>) =>
    new FreshCache({ maxAgeMs: CACHE_MS, maxEntries: MAX_CACHED, nowMs: () => clock.monotonicMs(), load });
  const tokens = cached((id) => findToken(pool, id));
  const sessions = cached((id) => findLiveSession(pool, id, sessionIdleMs));
  const noteToken = createUseNotes(
    () => clock.monotonicMs(),
    (id) => noteTokenUse(pool, id),
  );
  const noteSession = createUseNotes(
    () => clock.monotonicMs(),
    (id) => noteVisit(pool, id),
  );
  const attempts = cached(async (text) => {
    const claims = readJobToken(text);
    return claims === undefined ? undefined : jobs.workspaceOf(claims);
  });

  const authenticateJob = async (text: string, claims: JobTokenClaims): Promise<Principal> => {
    const workspace = isMintedWith(jobTokenKey(jobs.secret, claims.issuer), text) ? await attempts.get(text) : undefined;
    if (workspace === undefined) throw refusal("the token is not of a job that runs");
    const job = { id: claims.job, attempt: claims.attempt };
    return { kind: "job", tokenId: claims.job, label: `job ${claims.job}`, workspace: workspace.id, workspaceName: workspace.name, job };
  };

  const authenticateSession = async (text: string): Promise<Principal> => {
    const parsed = parseBearer(text);
    const session = parsed?.kind === "session" ? await sessions.get(parsed.id) : undefined;
    const isGood = parsed !== undefined && session !== undefined && sameHash(session.secretHash, parsed.secretHash) && session.expiresAtMs > clock.wallMs();
    if (!isGood) throw new AppError("unauthenticated", "the session is over", { hint: "log in again" });
    if (session.visitIsStale) noteSession(session.id);
    return sessionPrincipal(session);
  };

  return {
    async authenticate(header, session) {
      if (header === undefined && session !== undefined) return authenticateSession(session);
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
      if (token.useIsStale) noteToken(token.id);
      return tokenPrincipal(token);
    },
  };
}

function tokenPrincipal({ id, kind, label, workspace, workspaceName, holder, scopes }: StoredToken): Principal {
  const bound = { tokenId: id, workspace, workspaceName, ...(scopes !== undefined && { scopes }) };
  if (kind !== "personal" && kind !== "service") return { kind, label, ...bound };
  if (holder === undefined || holder.isDisabled) throw refusal();
  return { kind: "account", label: holder.label, ...bound, accountId: holder.id, via: kind };
}

function sessionPrincipal({ id, accountId, email, isInstanceAdmin }: LiveSession): Principal {
  return { kind: "account", tokenId: id, label: email, workspace: undefined, workspaceName: undefined, accountId, via: "session", isInstanceAdmin };
}

function refusal(message = "the token is unknown, expired or revoked"): AppError {
  return new AppError("unauthenticated", message, { hint: "pass it as `Authorization: Bearer mr_…`; `npm start` prints one, `millrace` reads MILLRACE_TOKEN" });
}
