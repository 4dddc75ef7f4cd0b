import { Argument, type Command } from "commander";
import { SHELLS } from "./completion/shells.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";

/** `millrace completion`: what a shell needs to complete the commands and options that there are. */
export function addCompletionCommand(program: Command, finish: (code: ExitCode) => void): void {
  program
    .command("completion")
    .description("print what makes a shell complete commands and options")
    .addArgument(new Argument("<shell>", "which one").choices(SHELLS))
    .addHelpText(
      "after",
      `
  bash: millrace completion bash > ~/.local/share/bash-completion/completions/millrace
  zsh:  millrace completion zsh > "\${fpath[1]}/_millrace"
  fish: millrace completion fish > ~/.config/fish/completions/millrace.fish`,
    )
    .action(async (shell) => {
      process.stdout.write((await import("./completion/shells.ts")).completionScript(program, shell));
      finish(EXIT.ok);
    });
}
