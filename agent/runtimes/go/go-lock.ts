/** The two files that fix the modules of a Go script, in one text, each after a line with its name. */
export interface GoLock {
  readonly mod: string;
  readonly sum: string;
}

const MOD = "-- go.mod --\n";
const SUM = "-- go.sum --\n";

/** @returns undefined when it is no such text */
export function parseGoLock(text: string): GoLock | undefined {
  const at = text.indexOf(`\n${SUM}`);
  if (!text.startsWith(MOD) || at < 0) return undefined;
  return { mod: text.slice(MOD.length, at + 1), sum: text.slice(at + 1 + SUM.length) };
}

const MODULE = "millrace.job";

/** The go.mod of a script that has no lock. @param goVersion such as `1.26.8`. */
export function initialGoMod(goVersion: string, requires: readonly { readonly module: string; readonly version: string }[]): string {
  const [major = "1", minor = "21"] = goVersion.split(".");
  const lines = requires.map(({ module, version }) => `require ${module} ${version}\n`);
  return `module ${MODULE}\n\ngo ${major}.${minor}\n${lines.length === 0 ? "" : "\n"}${lines.join("")}`;
}
