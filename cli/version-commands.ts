import type { Command } from "commander";
import type { ExitCode } from "./exit-codes.ts";

type Finish = (code: ExitCode) => void;
type WithConnection = (command: Command) => Command;

/** `millrace script` and `millrace flow`: what is deployed, its versions, the archive. */
export function addVersionCommands(program: Command, finish: Finish, withConnection: WithConnection): void {
  addKind(program, "script", finish, withConnection);
  addKind(program, "flow", finish, withConnection);
}

function addKind(program: Command, kind: "script" | "flow", finish: Finish, withConnection: WithConnection): void {
  const commands = program.command(kind).description(`deployed ${kind}s, their versions and the archive`);
  withConnection(commands.command("list"))
    .description(`list ${kind}s, by path`)
    .option("--prefix <text>", "only paths that begin with this")
    .option("--archived", "those that are archived")
    .action(async (options) => finish(await (await import("./commands/versions.ts")).listCommand(kind, options)));
  withConnection(commands.command("versions"))
    .description("list all versions of a path, the newest first")
    .argument("<path>")
    .action(async (path, options) => finish(await (await import("./commands/versions.ts")).versionsCommand(kind, path, options)));
  withConnection(commands.command("show"))
    .description(kind === "script" ? "print the code of a version" : "print the document of a version")
    .argument("<path>")
    .argument("[hash]", "the beginning of a version's hash; default what the path runs")
    .action(async (path, hash, options) => finish(await (await import("./commands/versions.ts")).showCommand(kind, path, hash, options)));
  withConnection(commands.command("diff"))
    .description("show what changed between two versions")
    .argument("<path>")
    .argument("<from>", "the beginning of a version's hash")
    .argument("[to]", "of another; default what the path runs")
    .action(async (path, from, to, options) => finish(await (await import("./commands/versions.ts")).diffCommand(kind, path, from, to, options)));
  for (const verb of ["archive", "unarchive"] as const)
    withConnection(commands.command(verb))
      .description(verb === "archive" ? "keep it and its history, list it no more, run it no more" : "take it back from the archive")
      .argument("<path>")
      .action(async (path, options) => finish(await (await import("./commands/versions.ts")).changeCommand(kind, verb, { path }, options)));
  withConnection(commands.command("move"))
    .description("give it another path; its versions and its history go along")
    .argument("<path>")
    .argument("<to>")
    .action(async (path, to, options) => finish(await (await import("./commands/versions.ts")).changeCommand(kind, "move", { path, to }, options)));
}
