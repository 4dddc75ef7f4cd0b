import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Queryable } from "../db/transaction.ts";
import type { Account } from "./account-store.ts";
import { IDENTITY_LIMITS } from "./contract.ts";
import { findInvitation, type Invitation, insertInvitation, listInvitations, type NewInvitation, revokeInvitation, useInvitation } from "./invitation-store.ts";
import type { Members } from "./members.ts";
import { generateToken, parseBearer, sameHash } from "./token-format.ts";

const MAX_LISTED = 200;

/** By an invitation a person becomes a member of a workspace, once. */
export interface Invitations {
  /** @returns the invitation and its token, which nobody sees again. Errors: resource_exhausted */
  invite(settings: NewInvitation): Promise<{ invitation: Invitation; token: string }>;
  /** The newest. */
  list(workspace: WorkspaceId): Promise<Invitation[]>;
  /** Errors: not_found. */
  revoke(workspace: WorkspaceId, id: string): Promise<void>;
  /** An open one. Errors: not_found, the same for one that never was, is used, over or revoked. */
  find(token: string): Promise<Invitation>;
  /**
   * Makes the account a member, in the caller's transaction, which must be rolled back when this fails with anything but already_exists.
   * Errors: not_found, permission_denied when it is for another address, already_exists for a member: the invitation stays open for somebody else.
   */
  accept(client: Queryable, invitation: Invitation, account: Pick<Account, "id" | "email">): Promise<void>;
}

export function createInvitations(pool: Pool, members: Members): Invitations {
  return {
    async invite(settings) {
      const token = generateToken("invitation");
      const invitation = await insertInvitation(pool, token, settings);
      if (invitation === undefined)
        throw new AppError("resource_exhausted", `the workspace has ${IDENTITY_LIMITS.invitations} open invitations`, { hint: "revoke some" });
      return { invitation, token: token.text };
    },
    list: (workspace) => listInvitations(pool, workspace, MAX_LISTED),
    async revoke(workspace, id) {
      if (!(await revokeInvitation(pool, workspace, id))) throw new AppError("not_found", "there is no such invitation in this workspace");
    },
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
      if (!(await members.join(client, invitation.workspace, account.id, invitation.role)))
        throw new AppError("already_exists", "this account is a member of the workspace already");
      if (!(await useInvitation(client, invitation.id, account.id))) throw gone();
    },
  };
}

function gone(): AppError {
  return new AppError("not_found", "there is no such invitation, or it was used, has expired or was revoked", { hint: "ask for a new one" });
}
