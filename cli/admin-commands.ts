import { type Command, Option } from "commander";
import type { RoleName } from "../control-plane/identity/contract.ts";
import type { ExitCode } from "./exit-codes.ts";

const ROLES = ["viewer", "operator", "developer", "admin"] as const satisfies readonly RoleName[];
const ADDRESS = "the e-mail address of the account";

/** `millrace account`: people of the instance, for its administrators. */
export function addAdminCommands(program: Command, finish: (code: ExitCode) => void, withConnection: (command: Command) => Command): void {
  const account = program.command("account").description("accounts of people, for administrators of the instance");
  withPassword(withConnection(account.command("create")))
    .description("make an account; on the server's own machine its administrator's token is found by itself")
    .requiredOption("--email <address>", "the person's e-mail address")
    .option("--name <name>", "the person's name; default what stands before the @")
    .option("--instance-admin", "make it an administrator of the instance")
    .addOption(new Option("--role <role>", "make it a member of the workspace (-w), as this").choices(ROLES))
    .option("--no-password", "without one: the person logs in by an identity provider")
    .action(async (options) => finish(await (await import("./commands/accounts.ts")).createAccountCommand(options)));
  withConnection(account.command("list"))
    .description("list accounts")
    .option("--prefix <text>", "only addresses that begin with this")
    .action(async (options) => finish(await (await import("./commands/accounts.ts")).listAccountsCommand(options)));
  withPassword(withConnection(account.command("password")))
    .description("give an account a new password; its sessions end")
    .argument("<email>", ADDRESS)
    .action(async (email, options) => finish(await (await import("./commands/accounts.ts")).setPasswordCommand(email, options)));
  withConnection(account.command("disable"))
    .description("end its sessions, refuse its tokens and logins")
    .argument("<email>", ADDRESS)
    .action(async (email, options) => finish(await (await import("./commands/accounts.ts")).disableAccountCommand(email, true, options)));
  withConnection(account.command("enable"))
    .description("let a disabled account in again")
    .argument("<email>", ADDRESS)
    .action(async (email, options) => finish(await (await import("./commands/accounts.ts")).disableAccountCommand(email, false, options)));
}

/** Never an argument: other users of the machine can read those. */
function withPassword(command: Command): Command {
  return command
    .option("--password-file <path>", "read the password from a file; without it you are asked")
    .option("--password-stdin", "read the password from stdin");
}
