import type { Command } from "commander";
import type { ExitCode } from "./exit-codes.ts";

/** `millrace restart`, `millrace test-step`, `millrace approve` and `millrace refuse`. */
export function addFlowCommands(program: Command, finish: (code: ExitCode) => void, withConnection: (command: Command) => Command): void {
  withConnection(program.command("restart"))
    .description("run a flow again: from a step on with the results before it, or from the beginning")
    .argument("<id>", "the earlier run: whole id, its beginning, or its last 8 characters")
    .option("-s, --step <place>", "go on there, such as b, loop/3/b, or sub/loop/3/b in a sub-flow")
    .option("-d, --args <json>", "other inputs, all of them; @file reads them from a file, @- from stdin")
    .option("-a, --arg <name=value>", "one input of those (repeatable)", collect, [])
    .option("--newest", "the newest version of the flow instead of the one that ran")
    .option("--no-wait", "print the id of the new run and leave")
    .action(async (id, options) => finish(await (await import("./commands/restart.ts")).restartCommand(id, options)));
  withConnection(program.command("test-step"))
    .description("run one step of a flow alone, with inputs and results that are given or those of an earlier run")
    .argument("[file-or-path]", "a file such as ./my.flow.yaml, or the path of a deployed flow; may be left out with --job")
    .requiredOption("-s, --step <id>", "the step; with --job its place in that run, such as loop/3/b")
    .option("-j, --job <id>", "a run whose inputs and results it gets")
    .option("-d, --args <json>", "inputs of the flow, with iter for a step of a loop; @file reads them from a file, @- from stdin")
    .option("-a, --arg <name=value>", "one input (repeatable)", collect, [])
    .option("-r, --results <json>", "results of other steps by id; @file reads them from a file")
    .option("--no-wait", "print the id of the run and leave")
    .action(async (target, options) => finish(await (await import("./commands/test-step.ts")).testStepCommand(target, options)));
  for (const [name, what] of [
    ["approve", "let a step go on that waits for people"],
    ["refuse", "refuse a step that waits for people: the run is cancelled, unless the step says that it goes on"],
  ] as const)
    withConnection(program.command(name))
      .description(what)
      .argument("<id>", "the run: whole id, its beginning, or its last 8 characters")
      .option("-s, --step <place>", "the step, such as b or loop/3/b; may be left out when only one waits")
      .option("-p, --payload <json>", "what the flow sees as resume; @file reads it from a file, @- from stdin")
      .action(async (id, options) => finish(await (await import("./commands/answer.ts")).answerCommand(id, name === "approve", options)));
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
