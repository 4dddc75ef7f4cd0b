import type { Command } from "commander";
import { allCommands, type CommandTree, commandTree } from "./tree.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = (typeof SHELLS)[number];

/** A script for a shell. It is made of the commands that there are: nobody has to keep it in step. */
export function completionScript(program: Command, shell: Shell): string {
  const commands = allCommands(commandTree(program));
  switch (shell) {
    case "bash":
      return bash(commands);
    case "zsh":
      return zsh(commands);
    default:
      return fish(commands);
  }
}

/** In single quotes, for all three shells. */
const quote = (text: string): string => `'${text.replaceAll("'", shellQuote)}'`;
const shellQuote = `'"'"'`;
/** One line of plain words: descriptions go into lists whose parts are separated by colons. */
const note = (text: string): string =>
  text
    .replaceAll(/[:\\`$]/g, " ")
    .replaceAll(/\s+/g, " ")
    .trim();

const namesOf = ({ options }: CommandTree): string[] => options.flatMap(({ names }) => names);
const wordsOf = (tree: CommandTree): string[] => [...tree.commands.map(({ name }) => name), ...(tree.choices ?? [])];
/** Which command the words before the cursor lead to, in bash and zsh. */
const pathCase = (commands: readonly CommandTree[]): string =>
  commands
    .slice(1)
    .map(({ path }) => quote(path))
    .join("|");
/** Options with a value, and the values that it may have. */
const valuesOf = (tree: CommandTree): { names: readonly string[]; choices: readonly string[] }[] =>
  tree.options.flatMap(({ names, takesValue, choices }) => (takesValue ? [{ names, choices: choices ?? [] }] : []));

function bash(commands: readonly CommandTree[]): string {
  const cases = commands.map((tree) => {
    const values = valuesOf(tree).map(
      ({ names, choices }) => `        ${names.join("|")}) ${choices.length === 0 ? "files=1" : `words=${quote(choices.join(" "))}`}; return_now=1 ;;`,
    );
    const files = tree.takesArguments && tree.choices === undefined ? " files=1" : "";
    return `    ${quote(tree.path)})
      case "$prev" in
${values.join("\n")}${values.length === 0 ? "" : "\n"}        *) options=${quote(namesOf(tree).join(" "))}; words=${quote(wordsOf(tree).join(" "))};${files === "" ? "" : `${files};`} ;;
      esac ;;`;
  });
  return `# Completion of bash for millrace. Made by: millrace completion bash
_millrace() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" path=millrace words='' options='' files='' return_now='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path \${COMP_WORDS[i]}" in
      ${pathCase(commands)}) path="$path \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$path" in
${cases.join("\n")}
  esac
  if [[ $cur == -* && -z $return_now ]]; then words=$options; files=''; fi
  COMPREPLY=()
  while IFS= read -r i; do COMPREPLY+=("$i"); done < <(compgen -W "$words" -- "$cur")
  if [[ -n $files && \${#COMPREPLY[@]} -eq 0 ]]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r i; do COMPREPLY+=("$i"); done < <(compgen -f -- "$cur")
  fi
}
complete -F _millrace millrace
`;
}

function zsh(commands: readonly CommandTree[]): string {
  const cases = commands.map((tree) => {
    const values = valuesOf(tree).map(
      ({ names, choices }) => `        ${names.join("|")}) ${choices.length === 0 ? "_files" : `compadd -- ${choices.map(quote).join(" ")}`}; return ;;`,
    );
    const words = [
      ...tree.commands.map(({ name, description }) => quote(`${name}:${note(description)}`)),
      ...(tree.choices ?? []).map((choice) => quote(`${choice}:`)),
    ];
    const options = tree.options.flatMap(({ names, description }) => names.map((name) => quote(`${name}:${note(description)}`)));
    const rest = words.length > 0 ? `entries=(${words.join(" ")}); _describe -t commands command entries` : tree.takesArguments ? "_files" : ":";
    return `    ${quote(tree.path)})
      case "$prev" in
${values.join("\n")}${values.length === 0 ? "" : "\n"}        *) ;;
      esac
      if [[ $cur == -* ]]; then entries=(${options.join(" ")}); _describe -t options option entries; else ${rest}; fi ;;`;
  });
  return `#compdef millrace
# Completion of zsh for millrace. Made by: millrace completion zsh
_millrace() {
  local cur="$words[CURRENT]" prev="$words[CURRENT-1]" path_so_far=millrace i
  local -a entries
  for ((i = 2; i < CURRENT; i++)); do
    case "$path_so_far $words[i]" in
      ${pathCase(commands)}) path_so_far="$path_so_far $words[i]" ;;
    esac
  done
  case "$path_so_far" in
${cases.join("\n")}
  esac
}
if [ "$funcstack[1]" = "_millrace" ]; then _millrace "$@"; else compdef _millrace millrace; fi
`;
}

function fish(commands: readonly CommandTree[]): string {
  const lines = commands.flatMap((tree) => {
    const at = `complete -c millrace -n ${quote(`test (__millrace_path) = "${tree.path}"`)}`;
    const words = [
      ...tree.commands.map(({ name, description }) => `${at} -f -a ${quote(name)} -d ${quote(note(description))}`),
      ...(tree.choices ?? []).map((choice) => `${at} -f -a ${quote(choice)}`),
    ];
    const options = tree.options.map(({ names, description, takesValue, choices }) => {
      const flags = names.map((name) => (name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(" ");
      const value = takesValue ? ` -r${choices === undefined ? "" : ` -f -a ${quote(choices.join(" "))}`}` : "";
      return `${at} ${flags}${value} -d ${quote(note(description))}`;
    });
    return [...words, ...options];
  });
  return `# Completion of fish for millrace. Made by: millrace completion fish
function __millrace_path
    set -l path millrace
    for word in (commandline -opc)[2..]
        switch "$path $word"
            case ${commands
              .slice(1)
              .map(({ path }) => quote(path))
              .join(" ")}
                set path "$path $word"
        end
    end
    echo $path
end
${lines.join("\n")}
`;
}
