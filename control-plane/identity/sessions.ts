import type { FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "../../kernel/app-error.ts";
import type { AccountId } from "../../kernel/ids.ts";
import { storable } from "../../kernel/storable-text.ts";
import type { Pool } from "../db/pools.ts";
import type { Account } from "./account-store.ts";
import { revokeBySecret } from "./account-token-store.ts";
import type { Principal } from "./authenticate.ts";
import type { SessionCookies } from "./session-cookie.ts";
import { insertSession, type ListedSession, listSessions, revokeSession, revokeSessions } from "./session-store.ts";
import { generateToken, parseBearer } from "./token-format.ts";

const USER_AGENT_CHARS = 300;

/** Logins of people in browsers. */
export interface Sessions {
  /** A new session in a new cookie; the one that the browser came with ends. */
  begin(request: FastifyRequest, reply: FastifyReply, account: Account, method: string): Promise<{ expiresAt: Date }>;
  list(account: AccountId): Promise<ListedSession[]>;
  /** Errors: not_found. */
  end(account: AccountId, id: string): Promise<void>;
  endOthers(account: AccountId, id: string): Promise<void>;
}

export interface SessionLimits {
  readonly idleMs: number;
  readonly maxMs: number;
}

export function createSessions(pool: Pool, cookies: SessionCookies, { idleMs, maxMs }: SessionLimits): Sessions {
  return {
    async begin(request, reply, { id: accountId }, method) {
      const before = parseBearer(cookies.read(request, "millrace-session") ?? "");
      if (before?.kind === "session") await revokeBySecret(pool, before);
      const token = generateToken("session");
      const userAgent = storable(request.headers["user-agent"] ?? "").slice(0, USER_AGENT_CHARS);
      await insertSession(pool, token, { accountId, method, userAgent, address: request.ip, maxMs });
      cookies.set(reply, "millrace-session", token.text, maxMs);
      return { expiresAt: new Date(Date.now() + maxMs) };
    },
    list: (account) => listSessions(pool, account, idleMs),
    async end(account, id) {
      if (!(await revokeSession(pool, account, id))) throw new AppError("not_found", "there is no such session of yours");
    },
    endOthers: (account, id) => revokeSessions(pool, account, id),
  };
}

/** The account and the session of a person who has logged in. Errors: permission_denied for tokens. */
export function sessionOf({ via, accountId, tokenId }: Principal): { account: AccountId; session: string } {
  if (via !== "session" || accountId === undefined)
    throw new AppError("permission_denied", "this is for people who have logged in, not for tokens", { hint: "log in with POST /api/v1/login" });
  return { account: accountId, session: tokenId };
}
