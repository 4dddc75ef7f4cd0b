import type { AccountId } from "../../kernel/ids.ts";
import { leaveWorkspaces } from "../access/member-store.ts";
import { type AuditEvent, recordAudits } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction } from "../db/transaction.ts";
import { deleteAccount, lockAccount } from "./account-store.ts";
import { revokeTokensOf } from "./account-token-store.ts";
import { keepInstanceAdmin, noAccount } from "./accounts.ts";
import { accountTarget, labelOf } from "./audit-words.ts";
import { revokeSessions } from "./session-store.ts";

/**
 * By the person. What the account has made stays, and so does its name wherever it says who did it; sessions, tokens and memberships go.
 * Errors: failed_precondition for the last administrator of a workspace, or of the instance.
 */
export async function removeOwnAccount(pool: Pool, id: AccountId): Promise<void> {
  await inTransaction(pool, async (client) => {
    await keepInstanceAdmin(client, id);
    const account = await lockAccount(client, id);
    if (account?.email === undefined) throw noAccount();
    const actor = labelOf(account);
    const left = await leaveWorkspaces(client, id);
    const tokens = await revokeTokensOf(client, id);
    const ended = { sessions_ended: await revokeSessions(client, id), tokens_ended: tokens.flatMap(({ ids }) => ids).length };
    await deleteAccount(client, id);
    const leaving = left.map(({ workspace, name, role }): AuditEvent => {
      const detail = { account: id, role_before: role, account_deleted: true };
      return { workspace, actor, action: "members:delete", target: `member ${name}`, detail };
    });
    await recordAudits(client, [...leaving, { workspace: undefined, actor, action: "accounts:delete", target: accountTarget(account), detail: ended }]);
  });
}
