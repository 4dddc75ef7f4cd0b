import { type Command, Option } from "commander";
import type { ExitCode } from "./exit-codes.ts";

/** `millrace draft`: what one is writing on, one draft for each path and author. */
export function addDraftCommands(program: Command, finish: (code: ExitCode) => void, withConnection: (command: Command) => Command): void {
  const draft = program.command("draft").description("scripts and flows that you are writing on; nothing runs them until they are deployed");
  withConnection(draft.command("list"))
    .description("list your drafts, by kind and path")
    .addOption(new Option("--kind <kind>", "only these").choices(["script", "flow"]))
    .option("--everybody", "those of everybody, as far as you may see the paths")
    .action(async (options) => finish(await (await import("./commands/drafts.ts")).listDraftsCommand(options)));
  withConnection(draft.command("save"))
    .description("keep a file as your draft: a script such as f/shop/count.py, or a flow such as f/shop/daily.flow.yaml")
    .argument("<file>")
    .option("--path <path>", "where it will be deployed; left out: the file's own path, as `deploy` takes it")
    .action(async (file, options) => finish(await (await import("./commands/drafts.ts")).saveDraftCommand(file, options)));
  for (const [name, description] of [
    ["show", "print the code of your draft, or its document"],
    ["deploy", "deploy your draft, then throw it away"],
    ["delete", "throw your draft away"],
  ] as const)
    withConnection(draft.command(name))
      .description(description)
      .argument("<path>")
      .addOption(new Option("--kind <kind>", "where there is a draft of both").choices(["script", "flow"]))
      .action(async (path, options) => finish(await (await import("./commands/drafts.ts")).draftCommand(name, path, options)));
}
