import type { AccountView, RoleName } from "../../control-plane/identity/contract.ts";
import { AppError } from "../../kernel/app-error.ts";
import { type AdminApi, connectAsAdmin } from "../admin-api.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { readTextFile } from "../job-args.ts";
import { formatTable, inkFor, printJson, say } from "../output.ts";
import { askHidden, canAsk } from "../prompt.ts";
import { plainText } from "../sanitise.ts";
import type { ConnectionFlags } from "../settings.ts";

interface JsonFlag extends ConnectionFlags {
  readonly json?: boolean;
}

interface PasswordFlags extends JsonFlag {
  readonly passwordFile?: string;
  readonly passwordStdin?: boolean;
}

export interface CreateAccountOptions extends PasswordFlags {
  readonly email: string;
  readonly name?: string;
  readonly instanceAdmin?: boolean;
  readonly role?: RoleName;
  /** False: --no-password. */
  readonly password: boolean;
}

/** `millrace account create`. */
export async function createAccountCommand(options: CreateAccountOptions): Promise<ExitCode> {
  const { email, name, role, instanceAdmin = false } = options;
  const api = connectAsAdmin(options);
  const password = options.password ? await readPassword(options) : undefined;
  const named = { ...(name !== undefined && { name }), ...(password !== undefined && { password }) };
  const memberOf = role === undefined ? [] : [{ workspace: api.workspace, role }];
  const made = await api.createAccount({ email, is_instance_admin: instanceAdmin, member_of: memberOf, ...named });
  return done(options, made, `account ${made.id} of ${plainText(made.email)} is made${made.is_instance_admin ? ", an administrator of the instance" : ""}`);
}

/** `millrace account list`. */
export async function listAccountsCommand(options: JsonFlag & { readonly prefix?: string }): Promise<ExitCode> {
  const accounts = await allAccounts(connectAsAdmin(options), options.prefix ?? "");
  if (options.json === true) {
    printJson({ accounts });
    return EXIT.ok;
  }
  const ink = inkFor(process.stdout);
  const rows = accounts.map((one) => [
    one.id,
    one.email,
    one.name,
    one.is_instance_admin ? "admin" : "",
    one.disabled_at === null ? "" : "disabled",
    one.created_at,
  ]);
  process.stdout.write(formatTable(["ID", "E-MAIL", "NAME", "INSTANCE", "STATE", "MADE"], rows, (cell, _column, row) => (row === -1 ? ink.dim(cell) : cell)));
  return EXIT.ok;
}

/** `millrace account password`. */
export async function setPasswordCommand(email: string, options: PasswordFlags): Promise<ExitCode> {
  const api = connectAsAdmin(options);
  const { id } = await accountOf(api, email);
  const changed = await api.changeAccount(id, { password: await readPassword(options) });
  return done(options, changed, `${plainText(changed.email)} has a new password`);
}

/** `millrace account disable` and `enable`. */
export async function disableAccountCommand(email: string, disabled: boolean, options: JsonFlag): Promise<ExitCode> {
  const api = connectAsAdmin(options);
  const { id } = await accountOf(api, email);
  const changed = await api.changeAccount(id, { disabled });
  return done(options, changed, `${plainText(changed.email)} is ${disabled ? "disabled" : "enabled"}`);
}

function done({ json }: JsonFlag, account: AccountView, line: string): ExitCode {
  if (json === true) printJson(account);
  else say(line);
  return EXIT.ok;
}

async function allAccounts(api: AdminApi, prefix: string): Promise<AccountView[]> {
  const all: AccountView[] = [];
  let cursor: string | undefined;
  do {
    const page = await api.accounts(prefix, cursor);
    all.push(...page.accounts);
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  return all;
}

async function accountOf(api: AdminApi, email: string): Promise<AccountView> {
  const found = (await allAccounts(api, email)).find((one) => one.email.toLowerCase() === email.toLowerCase());
  if (found === undefined) throw new AppError("not_found", `there is no account with the address ${plainText(email)}`);
  return found;
}

/** From a file, from stdin, or from whoever sits there. */
async function readPassword({ passwordFile, passwordStdin }: PasswordFlags): Promise<string> {
  if (passwordFile !== undefined || passwordStdin === true) return readTextFile(passwordFile ?? "-").replace(/\r?\n$/, "");
  if (!canAsk()) throw new AppError("invalid_argument", "there is nobody to ask for a password", { hint: "give --password-file or --password-stdin" });
  const password = await askHidden("Password");
  if ((await askHidden("Again")) !== password) throw new AppError("invalid_argument", "the two passwords are not the same");
  return password;
}
