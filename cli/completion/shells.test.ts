import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

/** What zsh is told to offer, before it compares that with what is typed. */
function zsh(...words: string[]): string[] {
  const line = words.map((word) => `'${word}'`).join(" ");
  // The parts of zsh's completion system that the script calls.
  const system = `compdef() { : }
_describe() { local of=$@[-1]; print -l -- "\${(@)\${(@P)of}%%:*}" }
compadd() { shift; print -l -- "$@" }
_files() { print "(files)" }`;
  return execFileSync("zsh", ["-f"], { input: `${system}\n${script("zsh")}\nwords=(${line}); CURRENT=${words.length}; _millrace\n`, encoding: "utf8" })
    .split("\n")
    .filter((word) => word !== "");
}

/** What fish offers at the end of a line. */
function fish(line: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), "millrace-fish-"));
  try {
    // Not by stdin: Node gives it a socket, which fish does not read.
    const file = join(folder, "millrace.fish");
    writeFileSync(file, script("fish"));
    const found = execFileSync("fish", ["--no-config", "-c", `source ${file}; complete -C '${line}'`], { encoding: "utf8", cwd: import.meta.dirname });
    return found
      .split("\n")
      .filter((word) => word !== "")
      .map((word) => word.split("\t")[0] ?? "");
  } finally {
    rmSync(folder, { recursive: true });
  }
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

  it.runIf(has("zsh"))("offers the same in zsh", () => {
    expect(zsh("millrace", "scr")).toEqual(program.commands.map((command) => command.name()));
    expect(zsh("millrace", "script", "mo")).toContain("move");
    expect(zsh("millrace", "deploy", "--d")).toContain("--dry-run");
    expect(zsh("millrace", "completion", "")).toEqual(["bash", "zsh", "fish"]);
    expect(zsh("millrace", "jobs", "--status", "s")).toContain("succeeded");
    expect(zsh("millrace", "run", "--token-file", "tree")).toEqual(["(files)"]);
    expect(zsh("millrace", "run", "shells")).toEqual(["(files)"]);
  });

  it.runIf(has("fish"))("offers the same in fish", () => {
    expect(fish("millrace ")).toEqual(expect.arrayContaining(program.commands.map((command) => command.name())));
    expect(fish("millrace script mo")).toEqual(["move"]);
    expect(fish("millrace deploy --dr")).toEqual(["--dry-run"]);
    expect(fish("millrace completion ")).toEqual(["bash", "fish", "zsh"]);
    expect(fish("millrace jobs --status s")).toEqual(["succeeded"]);
    expect(fish("millrace run shells.te")).toEqual(["shells.test.ts"]);
    expect(fish("millrace run --token-file tree")).toEqual(["tree.ts"]);
  });
});
