import { AppError } from "../../kernel/app-error.ts";
import type { AccountId, WorkspaceId } from "../../kernel/ids.ts";
import { type AuditEvent, recordAudit, recordAudits } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction, type Queryable } from "../db/transaction.ts";
import type { Workspaces } from "../workspaces/workspace-store.ts";
import { type Account, findAccount, findByEmail, findPasswordHash, insertAccount, lockAccount, lockInstanceAdmins, updateAccount } from "./account-store.ts";
import { accountTarget, labelOf } from "./audit-words.ts";
import type { RoleName } from "./contract.ts";
import type { Invitations } from "./invitations.ts";
import type { FailedAttempt, FailedLogins, Lockout } from "./lockout.ts";
import type { Members } from "./members.ts";
import { hashPassword, isPassword } from "./password-hash.ts";
import { revokeSessions } from "./session-store.ts";

/** Who may make an account for himself. `invited`: whoever has an invitation. */
export type SignUp = "open" | "invited" | "off";

interface SignUpRequest {
  readonly email: string;
  readonly name: string;
  readonly password: string;
  readonly invitation?: string | undefined;
}

interface AccountSettings {
  readonly email: string;
  readonly name?: string | undefined;
  readonly password?: string | undefined;
  readonly isInstanceAdmin: boolean;
  /** Names of workspaces that it is to be a member of. */
  readonly memberOf: readonly { readonly workspace: string; readonly role: RoleName }[];
}

interface AccountChanges {
  readonly name?: string | undefined;
  readonly password?: string | undefined;
  readonly isInstanceAdmin?: boolean | undefined;
  readonly isDisabled?: boolean | undefined;
}

/** People: how they come, log in, and change. */
export interface Accounts {
  /** Errors: unauthenticated, the same for an address that nobody has and for a disabled account; resource_exhausted, unavailable. */
  login(given: { email: string; password: string }, address: string): Promise<Account>;
  /** Errors: permission_denied, not_found for the invitation, already_exists, resource_exhausted, unavailable. */
  signUp(request: SignUpRequest, address: string): Promise<Account>;
  /** By an administrator of the instance. Errors: already_exists, not_found for a workspace, unavailable. */
  create(settings: AccountSettings, by: string): Promise<Account>;
  /** Errors: not_found, unavailable; failed_precondition for the last administrator of the instance. */
  change(id: AccountId, changes: AccountChanges, by: string): Promise<Account>;
  /**
   * By the person. All sessions but this one end.
   * Errors: permission_denied when the password until now is wrong, failed_precondition when there is none, resource_exhausted, unavailable.
   */
  changePassword(id: AccountId, given: { current: string; password: string }, session: string, address: string): Promise<void>;
  /** Whether it is the person's password, as one attempt. Errors: those of changePassword. */
  checkPassword(id: AccountId, password: string, action: FailedAttempt["action"], address: string): Promise<Account>;
  find(id: AccountId): Promise<Account | undefined>;
}

interface Parts {
  readonly pool: Pool;
  readonly lockout: Lockout;
  readonly failed: FailedLogins;
  readonly invitations: Invitations;
  readonly members: Pick<Members, "join">;
  readonly workspaces: Pick<Workspaces, "byName">;
  readonly signUp: SignUp;
}

export function createAccounts({ pool, lockout, failed, invitations, members, workspaces, signUp }: Parts): Accounts {
  async function wantedWorkspace(name: string): Promise<WorkspaceId> {
    const found = await workspaces.byName(name);
    if (found === undefined) throw new AppError("not_found", `there is no workspace ${name}`);
    return found.id;
  }

  /** Looks at a password as one attempt; right is what `judge` says is right. */
  async function tryPassword<T>(what: FailedAttempt, password: string, load: () => Promise<{ hash: string | undefined; of: T | undefined }>) {
    const attempt = await lockout.attempt(what);
    const { hash, of } = await load();
    const isRight = await isPassword(password, hash).catch(async (error: unknown) => {
      await attempt.undo();
      throw error;
    });
    if (!isRight || of === undefined) return undefined;
    await attempt.succeeded();
    return of;
  }

  async function checkPassword(id: AccountId, password: string, action: FailedAttempt["action"], address: string): Promise<Account> {
    const account = await findAccount(pool, id);
    if (account?.email === undefined) throw noAccount();
    if (!account.hasPassword)
      throw new AppError("failed_precondition", "this account has no password", {
        hint: "log in again by the identity provider; an administrator of the instance can give it a password",
      });
    const load = async () => ({ hash: await findPasswordHash(pool, id), of: account });
    const right = await tryPassword({ action, email: account.email, address }, password, load);
    if (right === undefined) throw new AppError("permission_denied", "the password is wrong");
    return right;
  }

  return {
    find: (id) => findAccount(pool, id),
    async login({ email, password }, address) {
      const what: FailedAttempt = { action: "sessions:begin", email, address };
      let isDisabled = false;
      const account = await tryPassword(what, password, async () => {
        const found = await findByEmail(pool, email);
        isDisabled = found?.disabledAt !== undefined;
        return { hash: found?.passwordHash, of: isDisabled ? undefined : found };
      });
      // The same words for every reason.
      if (account === undefined) {
        failed.note(what, isDisabled ? "disabled" : "wrong");
        throw new AppError("unauthenticated", "the e-mail address or the password is wrong");
      }
      return account;
    },
    async signUp({ email, name, password, invitation: token }, address) {
      if (signUp === "off") throw new AppError("permission_denied", "accounts are made by the administrators of this instance");
      if (signUp === "invited" && token === undefined)
        throw new AppError("permission_denied", "an account needs an invitation here", { hint: "ask a colleague for one" });
      const attempt = await lockout.attempt({ action: "accounts:create", address });
      const invitation = token === undefined ? undefined : await invitations.find(token);
      const passwordHash = await hashPassword(password);
      const account = await inTransaction(pool, async (client) => {
        const isEmailProven = invitation?.email !== undefined;
        const made = await insertNew(client, { email, name, passwordHash, isEmailProven, isInstanceAdmin: false, createdBy: "sign-up" });
        const accepted = invitation === undefined ? [] : [await invitations.accept(client, invitation, made)];
        await recordAudits(client, [...accepted, { ...created(made), actor: email, detail: { by: "sign-up" } }]);
        return made;
      });
      // Without an invitation anybody could make accounts by the thousand: then even those that were made count.
      if (invitation !== undefined) await attempt.succeeded();
      return account;
    },
    async create({ email, name, password, isInstanceAdmin, memberOf }, createdBy) {
      const wanted = await Promise.all(memberOf.map(async ({ workspace, role }) => ({ workspace: await wantedWorkspace(workspace), role })));
      const passwordHash = password === undefined ? undefined : await hashPassword(password);
      return inTransaction(pool, async (client) => {
        const settings = { email, name: name ?? localPart(email), passwordHash, isEmailProven: true, isInstanceAdmin, createdBy };
        const account = await insertNew(client, settings);
        const events: AuditEvent[] = [
          { ...created(account), actor: createdBy, detail: { instance_admin: isInstanceAdmin, has_password: account.hasPassword } },
        ];
        for (const { workspace, role } of wanted) {
          const member = await members.join(client, workspace, account.id, role);
          const detail = { account: account.id, role };
          if (member !== undefined) events.push({ workspace, actor: createdBy, action: "members:write", target: `member ${member}`, detail });
        }
        await recordAudits(client, events);
        return account;
      });
    },
    async change(id, changes, by) {
      const { name, password, isInstanceAdmin, isDisabled } = changes;
      const passwordHash = password === undefined ? undefined : await hashPassword(password);
      return inTransaction(pool, async (client) => {
        if (isInstanceAdmin === false || isDisabled === true) await keepInstanceAdmin(client, id);
        const before = await lockAccount(client, id);
        const account = await updateAccount(client, id, { name, isInstanceAdmin, isDisabled, passwordHash });
        if (before === undefined || account === undefined) throw noAccount();
        const sessionsEnded = isDisabled === true || password !== undefined ? await revokeSessions(client, id) : 0;
        const detail = { sessions_ended: sessionsEnded };
        for (const action of changedBy(before, account, password !== undefined))
          await recordAudit(client, { workspace: undefined, actor: by, action, target: accountTarget(account), detail });
        return account;
      });
    },
    checkPassword,
    async changePassword(id, { current, password }, session, address) {
      // Whoever has taken over a session must not be able to make it last.
      const account = await checkPassword(id, current, "accounts:change-password", address);
      const passwordHash = await hashPassword(password);
      await inTransaction(pool, async (client) => {
        await updateAccount(client, id, { passwordHash });
        const detail = { sessions_ended: await revokeSessions(client, id, session) };
        const words = { actor: labelOf(account), action: "accounts:change-password", target: accountTarget(account) };
        await recordAudit(client, { workspace: undefined, ...words, detail });
      });
    },
  };
}

/** Errors: failed_precondition when nobody else could administer the instance after logging in. */
export async function keepInstanceAdmin(client: Queryable, id: AccountId): Promise<void> {
  const admins = await lockInstanceAdmins(client);
  if (admins.length === 1 && admins[0] === id)
    throw new AppError("failed_precondition", "this account is the last administrator of the instance", { hint: "make another account administrator first" });
}

function created(account: Account): Pick<AuditEvent, "workspace" | "action" | "target"> {
  return { workspace: undefined, action: "accounts:create", target: accountTarget(account) };
}

/** What a change by an administrator was, as the audit log calls it. */
function changedBy(before: Account, after: Account, hasNewPassword: boolean): string[] {
  const [wasDisabled, isDisabled] = [before.disabledAt !== undefined, after.disabledAt !== undefined];
  return [
    ...(before.name === after.name ? [] : ["accounts:rename"]),
    ...(hasNewPassword ? ["accounts:reset-password"] : []),
    ...(wasDisabled === isDisabled ? [] : [isDisabled ? "accounts:disable" : "accounts:enable"]),
    ...(before.isInstanceAdmin === after.isInstanceAdmin ? [] : [after.isInstanceAdmin ? "accounts:make-admin" : "accounts:unmake-admin"]),
  ];
}

type Inserted = Parameters<typeof insertAccount>[1];

async function insertNew(on: Queryable, account: Inserted): Promise<Account> {
  const made = await insertAccount(on, account);
  if (made === undefined) throw new AppError("already_exists", "there is an account with this e-mail address", { hint: "log in with it" });
  return made;
}

export function noAccount(): AppError {
  return new AppError("not_found", "there is no such account");
}

function localPart(email: string): string {
  return email.slice(0, email.lastIndexOf("@"));
}
