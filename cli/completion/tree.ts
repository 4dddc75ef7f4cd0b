import type { Command, Option } from "commander";

/** A command as a shell has to know it. */
export interface CommandTree {
  /** With those above it, such as `millrace agents pause`. */
  readonly path: string;
  readonly name: string;
  readonly description: string;
  readonly commands: readonly CommandTree[];
  readonly options: readonly OptionTree[];
  /** What its arguments may be; undefined: anything. */
  readonly choices: readonly string[] | undefined;
  readonly takesArguments: boolean;
}

interface OptionTree {
  /** `--tag`, `-t`. */
  readonly names: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[] | undefined;
}

/** What a program offers, hidden options left out. */
export function commandTree(command: Command, above = ""): CommandTree {
  const path = above === "" ? command.name() : `${above} ${command.name()}`;
  const choices = command.registeredArguments.flatMap((argument) => argument.argChoices ?? []);
  return {
    path,
    name: command.name(),
    description: command.description(),
    commands: command.commands.map((child) => commandTree(child, path)),
    options: [...command.options.filter((option) => !option.hidden).map(optionTree), HELP],
    choices: choices.length === 0 ? undefined : choices,
    takesArguments: command.registeredArguments.length > 0,
  };
}

const HELP: OptionTree = { names: ["--help", "-h"], description: "what there is", takesValue: false, choices: undefined };

function optionTree(option: Option): OptionTree {
  return {
    names: [option.long, option.short].filter((name) => name !== undefined && name !== null),
    description: option.description,
    takesValue: option.required || option.optional,
    choices: option.argChoices,
  };
}

/** All commands, each before those below it. */
export function allCommands(tree: CommandTree): CommandTree[] {
  return [tree, ...tree.commands.flatMap(allCommands)];
}
