import { AppError } from "../../kernel/app-error.ts";
import type { AccountId, WorkspaceId } from "../../kernel/ids.ts";
import { recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction } from "../db/transaction.ts";
import {
  countTokens,
  findListedToken,
  forgetOldTokens,
  type ListedToken,
  listTokens,
  revokeBySecret,
  revokeToken,
  type TokenPage,
} from "./account-token-store.ts";
import { addressActor } from "./audit-words.ts";
import type { Principal } from "./authenticate.ts";
import { IDENTITY_LIMITS, type NewTokenBody } from "./contract.ts";
import type { Members } from "./members.ts";
import { findServiceAccount } from "./service-account-store.ts";
import { generateToken, parseBearer, type TokenKind } from "./token-format.ts";
import { insertToken } from "./token-store.ts";

/** Tokens of a workspace: of people, of service accounts, and of the workspace itself. */
export interface Tokens {
  /** @returns the token and its text, which nobody sees again. Errors: permission_denied, failed_precondition for who is no member, resource_exhausted */
  makePersonal(workspace: WorkspaceId, by: Principal, wanted: NewTokenBody): Promise<MadeToken>;
  /** @param serviceAccount its name; undefined: the workspace's own. Errors: permission_denied, not_found, resource_exhausted */
  makeForWorkspace(workspace: WorkspaceId, by: Principal, wanted: NewTokenBody, serviceAccount: string | undefined): Promise<MadeToken>;
  list(workspace: WorkspaceId, page: TokenPage): Promise<ListedToken[]>;
  /** @param account whose it must be; undefined: anybody's. Errors: not_found */
  revoke(workspace: WorkspaceId, id: string, account: AccountId | undefined, by: string): Promise<void>;
  /** Whether there is such a token is not said. @param address from which it comes */
  revokeBySecret(text: string, address: string): Promise<void>;
}

interface MadeToken {
  readonly token: ListedToken;
  readonly text: string;
}

/** Of a token that is nobody's the label is what `created_by` says: it must not name a person, a service account, a job or a schedule. */
const LIKE_SOMEBODY = /[@:]|^job /;

/** How the audit log calls tokens of which there is more to say than that they are tokens. */
const CALLED: Readonly<Partial<Record<TokenKind, string>>> = { session: "session", invitation: "invitation", join: "join token" };

function misleading(): AppError {
  return new AppError(
    "invalid_argument",
    "the label of a workspace's token has no @ and no colon, and does not begin with `job `: it would pass for somebody",
    {
      fields: [{ pointer: "/label", message: "looks like somebody's" }],
    },
  );
}

export function createTokens(pool: Pool, members: Pick<Members, "roleOf">): Tokens {
  async function make(
    kind: ListedToken["kind"],
    workspace: WorkspaceId,
    by: Principal,
    wanted: NewTokenBody,
    holder: AccountId | undefined,
  ): Promise<MadeToken> {
    // No token makes one that reaches further than it does itself.
    if (by.scopes !== undefined) throw new AppError("permission_denied", "a token that is limited by scopes makes no tokens");
    const token = generateToken(kind);
    const made = await inTransaction(pool, async (client) => {
      await forgetOldTokens(client, workspace);
      if ((await countTokens(client, workspace)) >= IDENTITY_LIMITS.tokens)
        throw new AppError("resource_exhausted", `the workspace has ${IDENTITY_LIMITS.tokens} tokens already`, { hint: "revoke those that nobody needs" });
      await insertToken(client, token, workspace, wanted.label, {
        ...(holder !== undefined && { accountId: holder }),
        ...(wanted.scopes !== undefined && { scopes: wanted.scopes }),
        expiresInS: wanted.expires_in_s,
        createdBy: by.label,
      });
      const stored = await findListedToken(client, workspace, token.id);
      if (stored === undefined) throw new Error("the token was not stored");
      const limits = { expires_in_s: wanted.expires_in_s ?? null, scopes: stored.scopes ?? null };
      const detail = { kind, label: wanted.label, holder: stored.holder ?? null, ...limits };
      await recordAudit(client, { workspace, actor: by.label, action: "tokens:create", target: `token ${token.id}`, detail });
      return stored;
    });
    return { token: made, text: token.text };
  }

  return {
    async makePersonal(workspace, by, wanted) {
      // A token that could make others would outlive its own end.
      if (by.via !== "session" || by.accountId === undefined)
        throw new AppError("permission_denied", "personal tokens are made by people who have logged in", {
          hint: "use `millrace login`, or a token of a service account",
        });
      // Administrators of the instance come in everywhere with a session. Their tokens do not: a token is one member's of one workspace.
      if ((await members.roleOf(workspace, by.accountId)) === undefined)
        throw new AppError("failed_precondition", "personal tokens are for members of the workspace, and you are none", {
          hint: "invite yourself, and accept the invitation",
        });
      return make("personal", workspace, by, wanted, by.accountId);
    },
    async makeForWorkspace(workspace, by, wanted, name) {
      if (name === undefined) {
        if (LIKE_SOMEBODY.test(wanted.label)) throw misleading();
        return make("workspace", workspace, by, wanted, undefined);
      }
      const found = await findServiceAccount(pool, workspace, name);
      if (found === undefined) throw new AppError("not_found", `there is no service account ${name} in this workspace`);
      return make("service", workspace, by, wanted, found);
    },
    list: (workspace, page) => listTokens(pool, workspace, page),
    revoke: (workspace, id, account, by) =>
      inTransaction(pool, async (client) => {
        const endsNow = await revokeToken(client, workspace, id, account);
        if (endsNow === undefined) throw new AppError("not_found", "there is no such token in this workspace");
        if (endsNow) await recordAudit(client, { workspace, actor: by, action: "tokens:revoke", target: `token ${id}` });
      }),
    async revokeBySecret(text, address) {
      const parsed = parseBearer(text);
      if (parsed === undefined) return;
      await inTransaction(pool, async (client) => {
        const ended = await revokeBySecret(client, parsed);
        if (ended === undefined) return;
        const what = { target: `${CALLED[parsed.kind] ?? "token"} ${parsed.id}`, detail: { kind: parsed.kind } };
        await recordAudit(client, { ...ended, ...what, actor: addressActor(address), action: "tokens:revoke-by-secret" });
      });
    },
  };
}
