import type { Command } from "commander";
import type { ExitCode } from "./exit-codes.ts";

/** `millrace login`, `logout` and `whoami`. */
export function addAccountCommands(program: Command, finish: (code: ExitCode) => void, withConnection: (command: Command) => Command): void {
  program
    .command("login")
    .description("log in to a server; a token of your own is kept on this machine")
    .argument("[url]", "where the server is")
    .option("-w, --workspace <name>", "the workspace; default your only one")
    .option("--email <address>", "who you are")
    .option("--password-stdin", "read the password from stdin")
    .option("--token-stdin", "read a token from stdin, instead of logging in with a password")
    .option("--json", "JSON on stdout and nothing else there")
    .action(async (url, options) => finish(await (await import("./commands/login.ts")).loginCommand(url, options)));
  program
    .command("logout")
    .description("revoke the token of this machine and forget it")
    .argument("[url]", "of which server; default the one that you logged in to last")
    .action(async (url) => finish(await (await import("./commands/login.ts")).logoutCommand(url)));
  withConnection(program.command("whoami"))
    .description("who the server takes you for, and where you may do something")
    .action(async (options) => finish(await (await import("./commands/login.ts")).whoamiCommand(options)));
}
