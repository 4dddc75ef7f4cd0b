import { type Command, InvalidArgumentError } from "commander";
import type { ExitCode } from "./exit-codes.ts";

const MAX_PAGE = 200;
const PAGE = 100;

/** `millrace variable`, `millrace resource` and `millrace secrets`. */
export function addThingCommands(program: Command, finish: (code: ExitCode) => void, withConnection: (command: Command) => Command): void {
  addVariables(program, finish, withConnection);
  addResources(program, finish, withConnection);
  withConnection(program.command("secrets").description("keys of the workspace's secrets").command("rotate"))
    .description("seal all secrets of the workspace with a new key, while jobs run; needs an administrator's token")
    .action(async (_options, command: Command) => finish(await (await import("./commands/secrets.ts")).rotateSecretsCommand(command.optsWithGlobals())));
}

function addVariables(program: Command, finish: (code: ExitCode) => void, withConnection: (command: Command) => Command): void {
  const variable = program.command("variable").description("texts and secrets that scripts use");
  withPage(withConnection(variable.command("list")))
    .description("list variables, by path")
    .action(async (options) => finish(await (await import("./commands/variables.ts")).listVariablesCommand(options)));
  withConnection(variable.command("get"))
    .description("print the value of a plain variable; secrets are shown to jobs alone")
    .argument("<path>")
    .action(async (path, options) => finish(await (await import("./commands/variables.ts")).getVariableCommand(path, options)));
  withConnection(variable.command("set"))
    .description("make or change a variable")
    .argument("<path>", "such as f/billing/api_key")
    .argument("[value]", "@file takes a file's text; left out or @-: stdin")
    .option("--secret", "seal it: nobody reads it but running jobs")
    .option("--description <text>", "a note for people")
    .action(async (path, value, options) => finish(await (await import("./commands/variables.ts")).setVariableCommand(path, value, options)));
  withConnection(variable.command("delete"))
    .description("delete a variable")
    .argument("<path>")
    .action(async (path, options) => finish(await (await import("./commands/delete-thing.ts")).deleteThingCommand("variables", path, options)));
}

function addResources(program: Command, finish: (code: ExitCode) => void, withConnection: (command: Command) => Command): void {
  const resource = program.command("resource").description("JSON values that scripts use");
  withPage(withConnection(resource.command("list")))
    .description("list resources, by path")
    .option("--type <type>", "only of this type; `state` lists what scripts remember")
    .action(async (options) => finish(await (await import("./commands/resources.ts")).listResourcesCommand(options)));
  withConnection(resource.command("get"))
    .description("print the value of a resource as it is stored")
    .argument("<path>")
    .action(async (path, options) => finish(await (await import("./commands/resources.ts")).getResourceCommand(path, options)));
  withConnection(resource.command("set"))
    .description("make or change a resource")
    .argument("<path>", "such as f/billing/database")
    .argument("[json]", "@file takes a file's text; left out or @-: stdin")
    .option("--type <type>", "a new one needs it, such as postgresql")
    .option("--description <text>", "a note for people")
    .action(async (path, json, options) => finish(await (await import("./commands/resources.ts")).setResourceCommand(path, json, options)));
  withConnection(resource.command("delete"))
    .description("delete a resource")
    .argument("<path>")
    .action(async (path, options) => finish(await (await import("./commands/delete-thing.ts")).deleteThingCommand("resources", path, options)));
}

/** What every list of things takes. */
export function withPage(command: Command): Command {
  return command
    .option("--prefix <text>", "only paths that begin with this")
    .option("-n, --limit <count>", `how many (1 to ${MAX_PAGE})`, pageSize, PAGE)
    .option("--cursor <cursor>", "go on where the page before ended");
}

function pageSize(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > MAX_PAGE) throw new InvalidArgumentError(`It is a whole number from 1 to ${MAX_PAGE}.`);
  return value;
}
