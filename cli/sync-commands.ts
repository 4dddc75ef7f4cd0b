import type { Command } from "commander";
import type { ExitCode } from "./exit-codes.ts";

/** `millrace deploy` and `millrace pull`: a folder and a workspace. */
export function addSyncCommands(program: Command, finish: (code: ExitCode) => void, withConnection: (command: Command) => Command): void {
  withConnection(program.command("deploy"))
    .description("make the scripts, flows, variables and resources of a folder known to the server")
    .argument("<folder>")
    .option("--prefix <path>", "where they go; default f/<name of the folder>")
    .option("--dry-run", "show what would change, and change nothing")
    .option("--prune", "remove from the workspace what was deleted in a pulled folder")
    .option("--yes", "do not ask before something goes away")
    .option("--force", "overwrite what others have changed since the last pull")
    .option("--no-wait", "do not wait until their dependencies are known")
    .action(async (folder, options) => finish(await (await import("./commands/deploy.ts")).deployCommand(folder, options)));
  withConnection(program.command("pull"))
    .description("write what the workspace has into a folder; what was changed there is left alone")
    .argument("<folder>")
    .option("--prefix <path>", "only what is below this path; of a new folder, default all of the workspace")
    .option("--dry-run", "show what would change, and change nothing")
    .option("--prune", "delete in the folder what the workspace does not have any more")
    .option("--yes", "do not ask before something goes away")
    .option("--force", "give up what was changed in the folder")
    .action(async (folder, options) => finish(await (await import("./commands/pull.ts")).pullCommand(folder, options)));
}
