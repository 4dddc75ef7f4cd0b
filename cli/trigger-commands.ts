import type { Command } from "commander";
import type { ExitCode } from "./exit-codes.ts";
import { withPage } from "./thing-commands.ts";

/** `millrace trigger` and `millrace hook`. */
export function addTriggerCommands(program: Command, finish: (code: ExitCode) => void, withConnection: (command: Command) => Command): void {
  const trigger = program.command("trigger").description("webhooks and routes: what others call to start jobs");
  addShared(trigger, "triggers", finish, withConnection);
  withConnection(trigger.command("secret"))
    .description("add a secret to a webhook or route, and print it alone on stdout, once")
    .argument("<path>")
    .action(async (path, options) => finish(await (await import("./commands/triggers.ts")).addSecretCommand(path, options)));
  const hook = program.command("hook").description("addresses that are told what happens in the workspace");
  addShared(hook, "hooks", finish, withConnection);
  withConnection(hook.command("test"))
    .description("send something to a hook, and say what became of it")
    .argument("<path>")
    .action(async (path, options) => finish(await (await import("./commands/triggers.ts")).testHookCommand(path, options)));
}

function addShared(parent: Command, kind: "triggers" | "hooks", finish: (code: ExitCode) => void, withConnection: (command: Command) => Command): void {
  withPage(withConnection(parent.command("list")))
    .description("list them, by path")
    .action(async (options) => finish(await (await import("./commands/triggers.ts")).listTriggersCommand(kind, options)));
  withConnection(parent.command("put"))
    .description(kind === "triggers" ? "make or change a webhook or route" : "make or change a hook; the secret of a new one is printed alone on stdout, once")
    .argument("<path>", "such as f/shop/orders")
    .argument("[json]", "what the API takes; @file takes a file's text; left out or @-: stdin")
    .action(async (path, json, options) => finish(await (await import("./commands/triggers.ts")).putTriggerCommand(kind, path, json, options)));
  for (const [name, description] of [
    ["pause", kind === "triggers" ? "refuse calls for a while" : "send nothing for a while"],
    ["resume", "go on"],
    ["delete", "delete it, with its secrets"],
  ] as const)
    withConnection(parent.command(name))
      .description(description)
      .argument("<path>")
      .action(async (path, options) => finish(await (await import("./commands/triggers.ts")).changeTriggerCommand(kind, name, path, options)));
}
