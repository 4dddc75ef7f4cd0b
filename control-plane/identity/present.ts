import type { Account } from "./account-store.ts";
import type { ListedToken } from "./account-token-store.ts";
import type { AccountView, InvitationView, TokenView } from "./contract.ts";
import type { Invitation } from "./invitation-store.ts";

/** Accounts, tokens and invitations as the API says them. */
export function presentAccount(account: Account): AccountView {
  return {
    id: account.id,
    email: account.email ?? "",
    name: account.name,
    has_password: account.hasPassword,
    is_instance_admin: account.isInstanceAdmin,
    disabled_at: account.disabledAt?.toISOString() ?? null,
    created_at: account.createdAt.toISOString(),
    created_by: account.createdBy,
  };
}

export function presentToken(token: ListedToken): TokenView {
  return {
    id: token.id,
    kind: token.kind,
    holder: token.holder ?? null,
    label: token.label,
    scopes: token.scopes === undefined ? null : [...token.scopes],
    created_by: token.createdBy,
    created_at: token.createdAt.toISOString(),
    expires_at: token.expiresAt?.toISOString() ?? null,
    last_used_at: token.lastUsedAt?.toISOString() ?? null,
    status: token.status,
  };
}

export function presentInvitation({ id, role, email, status, createdBy, createdAt, expiresAt }: Invitation): InvitationView {
  return { id, role, email: email ?? null, status, created_by: createdBy, created_at: createdAt.toISOString(), expires_at: expiresAt.toISOString() };
}
