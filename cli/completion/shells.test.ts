import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { buildProgram } from "../program.ts";
import { completionScript, SHELLS } from "./shells.ts";
import { allCommands, commandTree } from "./tree.ts";

const program = buildProgram(() => undefined);
const script = (shell: (typeof SHELLS)[number]): string => completionScript(program, shell);

/** What bash offers when the cursor is at the end of the last word. */
function bash(...words: string[]): string[] {
  const line = words.map((word) => `'${word}'`).join(" ");
  const ask = `COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _millrace; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["--norc", "-c", `${script("bash")}\n${ask}`], { encoding: "utf8", cwd: import.meta.dirname })
    .split("\n")
    .filter((word) => word !== "");
}

const has = (program: string): boolean => {
  try {
    execFileSync(program, ["-c", "true"]);
    return true;
  } catch {
    return false;
  }
};

describe("completion", () => {
  it("offers the commands that there are, those below them, and their options, in bash", () => {
    const commands = program.commands.map((command) => command.name());
    expect(bash("millrace", "")).toEqual(commands);
    expect(bash("millrace", "de")).toEqual(["dev", "deploy"]);
    expect(bash("millrace", "script", "mo")).toEqual(["move"]);
    expect(bash("millrace", "deploy", "--d")).toEqual(["--dry-run"]);
    expect(bash("millrace", "completion", "")).toEqual(["bash", "zsh", "fish"]);
  });

  it("offers values of an option, and files where they are wanted", () => {
    expect(bash("millrace", "jobs", "--status", "s")).toEqual(["succeeded"]);
    expect(bash("millrace", "jobs", "--status", "running", "--s")).toEqual(["--status", "--script"]);
    expect(bash("millrace", "run", "shells.te")).toEqual(["shells.test.ts"]);
    expect(bash("millrace", "run", "--token-file", "tree")).toEqual(["tree.ts"]);
  });

  it("knows every command and no hidden option, in every shell", () => {
    const paths = allCommands(commandTree(program)).map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(["millrace agents join-token create", "millrace flow versions", "millrace pull"]));
    for (const shell of SHELLS) {
      for (const path of paths) expect(script(shell)).toContain(path);
      expect(script(shell)).not.toContain("until-stdin-ends");
    }
  });

  it.runIf(has("zsh"))("is a script that zsh reads", () => {
    execFileSync("zsh", ["-n"], { input: script("zsh") });
  });
  it.runIf(has("fish"))("is a script that fish reads", () => {
    // It cannot read the socket that Node gives it.
    execFileSync("sh", ["-c", "cat | fish --no-execute"], { input: script("fish") });
  });
});
