import { type Command, InvalidArgumentError } from "commander";
import type { ExitCode } from "./exit-codes.ts";

const MAX_PAGE = 200;
const PAGE = 50;

/** `millrace audit`. */
export function addAuditCommands(program: Command, finish: (code: ExitCode) => void, withConnection: (command: Command) => Command): void {
  const audit = program.command("audit").description("who changed what in the workspace");
  ofChain(withConnection(audit.command("list")))
    .description("list what was changed, newest first")
    .option("--actor <name>", "only by this one")
    .option("--action <action>", "only this, such as variables:write")
    .option("--target <text>", "only what begins with this, such as `variable f/billing/`")
    .option("--from <moment>", "not before, such as 2026-12-24T18:00:00Z")
    .option("--to <moment>", "before")
    .option("-n, --limit <count>", `how many (1 to ${MAX_PAGE})`, pageSize, PAGE)
    .option("--cursor <cursor>", "go on where the page before ended")
    .action(async (options) => finish(await (await import("./commands/audit.ts")).listAuditCommand(options)));
  ofChain(withConnection(audit.command("export")))
    .description("print all of it as JSON lines, oldest first")
    .action(async (options) => finish(await (await import("./commands/audit.ts")).exportAuditCommand(options)));
  ofChain(withConnection(audit.command("head")))
    .description("print the end of the chain: keep it where the operator of the database cannot change it")
    .action(async (options) => finish(await (await import("./commands/audit.ts")).auditHeadCommand(options)));
  ofChain(withConnection(audit.command("verify")))
    .description("find rows that were changed, removed or put elsewhere; exits with 1 when there are some")
    .option("--from <file>", "an export, instead of asking the server")
    .option("--heads <file>", "heads that were kept, one a line: finds what was cut off the end, too")
    .action(async (options) => finish(await (await import("./commands/audit.ts")).verifyAuditCommand(options)));
}

function ofChain(command: Command): Command {
  return command.option("--instance", "of the instance instead of a workspace; needs an administrator's token");
}

function pageSize(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > MAX_PAGE) throw new InvalidArgumentError(`It is a whole number from 1 to ${MAX_PAGE}.`);
  return value;
}
