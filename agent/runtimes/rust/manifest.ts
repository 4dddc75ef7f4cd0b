import { namesCrate } from "./cargo-header.ts";

/** Every script with crates has these, as in Windmill: the wrapper turns arguments and results with the first two. */
const ALWAYS = [
  ["serde", 'version = "1"\nfeatures = ["derive"]'],
  ["serde_json", 'version = "1"'],
  ["anyhow", 'version = "1"'],
] as const;

/** The manifest of a package that stands for a script's crates. @param own what the script's header says */
export function manifestOf(own: string): string {
  const added = ALWAYS.filter(([name]) => !namesCrate(own, name)).map(([name, text]) => `\n[dependencies.${name}]\n${text}\n`);
  return [
    '[package]\nname = "job"\nversion = "0.0.0"\nedition = "2021"\n\n[lib]\npath = "lib.rs"\n\n',
    "[profile.release]\nopt-level = 2\n\n[workspace]\n\n",
    own,
    ...added,
    '\n[dependencies.millrace]\npath = "millrace"\n',
  ].join("");
}
