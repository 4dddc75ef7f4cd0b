import type { FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "../../kernel/app-error.ts";
import type { AccountId } from "../../kernel/ids.ts";
import { storable } from "../../kernel/storable-text.ts";
import { recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction } from "../db/transaction.ts";
import type { Account } from "./account-store.ts";
import { revokeBySecret } from "./account-token-store.ts";
import { accountTarget, labelOf } from "./audit-words.ts";
import type { Principal } from "./authenticate.ts";
import type { SessionCookies } from "./session-cookie.ts";
import { confirmSession, insertSession, type ListedSession, listSessions, revokeSession, revokeSessions } from "./session-store.ts";
import { generateToken, parseBearer } from "./token-format.ts";

const USER_AGENT_CHARS = 300;

/** Logins of people in browsers. */
export interface Sessions {
  /** A new session in a new cookie; the one that the browser came with ends. */
  begin(request: FastifyRequest, reply: FastifyReply, account: Account, method: string): Promise<{ expiresAt: Date }>;
  list(account: AccountId): Promise<ListedSession[]>;
  /** Errors: not_found. */
  end(whose: OwnSession, id: string): Promise<void>;
  endOthers(whose: OwnSession): Promise<void>;
  /** Its person has just given the password again. */
  confirm(whose: OwnSession): Promise<void>;
}

/** A person who has logged in. */
export interface OwnSession {
  readonly account: AccountId;
  readonly session: string;
  readonly label: string;
}

export interface SessionLimits {
  readonly idleMs: number;
  readonly maxMs: number;
}

export function createSessions(pool: Pool, cookies: SessionCookies, { idleMs, maxMs }: SessionLimits): Sessions {
  return {
    async begin(request, reply, account, method) {
      const before = parseBearer(cookies.read(request, "millrace-session") ?? "");
      const token = generateToken("session");
      const userAgent = storable(request.headers["user-agent"] ?? "").slice(0, USER_AGENT_CHARS);
      const { ip: address } = request;
      await inTransaction(pool, async (client) => {
        const ended = before?.kind === "session" ? await revokeBySecret(client, before) : undefined;
        await insertSession(client, token, { accountId: account.id, method, userAgent, address, maxMs });
        const detail = { session: token.id, method, address, ...(ended !== undefined && { instead_of: before?.id ?? null }) };
        await recordAudit(client, { workspace: undefined, actor: labelOf(account), action: "sessions:begin", target: accountTarget(account), detail });
      });
      cookies.set(reply, "millrace-session", token.text, maxMs);
      return { expiresAt: new Date(Date.now() + maxMs) };
    },
    list: (account) => listSessions(pool, account, idleMs),
    end: ({ account, label }, id) =>
      inTransaction(pool, async (client) => {
        const endsNow = await revokeSession(client, account, id);
        if (endsNow === undefined) throw new AppError("not_found", "there is no such session of yours");
        if (endsNow) await recordAudit(client, { workspace: undefined, actor: label, action: "sessions:end", target: `session ${id}` });
      }),
    endOthers: ({ account, session, label }) =>
      inTransaction(pool, async (client) => {
        const ended = await revokeSessions(client, account, session);
        const detail = { ended, but: session };
        if (ended > 0) await recordAudit(client, { workspace: undefined, actor: label, action: "sessions:end", target: `sessions of ${label}`, detail });
      }),
    confirm: ({ session, label }) =>
      inTransaction(pool, async (client) => {
        await confirmSession(client, session);
        await recordAudit(client, { workspace: undefined, actor: label, action: "sessions:confirm", target: `session ${session}` });
      }),
  };
}

/** The account and the session of a person who has logged in. Errors: permission_denied for tokens. */
export function sessionOf({ via, accountId, tokenId, label }: Principal): OwnSession {
  if (via !== "session" || accountId === undefined)
    throw new AppError("permission_denied", "this is for people who have logged in, not for tokens", { hint: "log in with POST /api/v1/login" });
  return { account: accountId, session: tokenId, label };
}
