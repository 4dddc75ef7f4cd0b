import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { type AuditEvent, recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction, type Queryable } from "../db/transaction.ts";
import type { Account } from "./account-store.ts";
import { labelOf } from "./audit-words.ts";
import { IDENTITY_LIMITS } from "./contract.ts";
import { findInvitation, type Invitation, insertInvitation, listInvitations, type NewInvitation, revokeInvitation, useInvitation } from "./invitation-store.ts";
import type { Members } from "./members.ts";
import { generateToken, parseBearer, sameHash } from "./token-format.ts";

/** By an invitation a person becomes a member of a workspace, once. */
export interface Invitations {
  /** @returns the invitation and its token, which nobody sees again. Errors: resource_exhausted */
  invite(settings: NewInvitation): Promise<{ invitation: Invitation; token: string }>;
  /** The newest. */
  /** @param after id of the last one of the page before */
  list(workspace: WorkspaceId, after: string | undefined, limit: number): Promise<Invitation[]>;
  /** Errors: not_found. */
  revoke(workspace: WorkspaceId, id: string, by: string): Promise<void>;
  /** An open one. Errors: not_found, the same for one that never was, is used, over or revoked. */
  find(token: string): Promise<Invitation>;
  /**
   * Makes the account a member, in the caller's transaction, which must be rolled back when this fails with anything but already_exists.
   * @returns what the caller writes to the audit log, last
   * Errors: not_found, permission_denied when it is for another address, already_exists for a member: the invitation stays open for somebody else.
   */
  accept(client: Queryable, invitation: Invitation, account: Pick<Account, "id" | "email" | "name">): Promise<AuditEvent>;
}

export function createInvitations(pool: Pool, members: Members): Invitations {
  return {
    async invite(settings) {
      const token = generateToken("invitation");
      const { workspace, role, email, expiresInS, createdBy } = settings;
      const invitation = await inTransaction(pool, async (client) => {
        const made = await insertInvitation(client, token, settings);
        if (made === undefined)
          throw new AppError("resource_exhausted", `the workspace has ${IDENTITY_LIMITS.invitations} open invitations`, { hint: "revoke some" });
        const detail = { role, email: email ?? null, expires_in_s: expiresInS };
        await recordAudit(client, { workspace, actor: createdBy, action: "invitations:create", target: `invitation ${token.id}`, detail });
        return made;
      });
      return { invitation, token: token.text };
    },
    list: (workspace, after, limit) => listInvitations(pool, workspace, after, limit),
    revoke: (workspace, id, by) =>
      inTransaction(pool, async (client) => {
        const endsNow = await revokeInvitation(client, workspace, id);
        if (endsNow === undefined) throw new AppError("not_found", "there is no such invitation in this workspace");
        if (endsNow) await recordAudit(client, { workspace, actor: by, action: "invitations:revoke", target: `invitation ${id}` });
      }),
    async find(text) {
      const parsed = parseBearer(text);
      const invitation = parsed?.kind === "invitation" ? await findInvitation(pool, parsed.id) : undefined;
      const isGood = parsed !== undefined && invitation !== undefined && sameHash(invitation.secretHash, parsed.secretHash) && invitation.status === "open";
      if (!isGood) throw gone();
      return invitation;
    },
    async accept(client, invitation, account) {
      if (invitation.email !== undefined && invitation.email.toLowerCase() !== account.email?.toLowerCase())
        throw new AppError("permission_denied", "the invitation is for another e-mail address");
      const { id, workspace, role } = invitation;
      const member = await members.join(client, workspace, account.id, role);
      if (member === undefined) throw new AppError("already_exists", "this account is a member of the workspace already");
      if (!(await useInvitation(client, id, account.id))) throw gone();
      const detail = { member, account: account.id, role, invited_by: invitation.createdBy };
      return { workspace, actor: labelOf(account), action: "invitations:accept", target: `invitation ${id}`, detail };
    },
  };
}

function gone(): AppError {
  return new AppError("not_found", "there is no such invitation, or it was used, has expired or was revoked", { hint: "ask for a new one" });
}
