import { WELL_FORMED } from "../../kernel/storable-text.ts";

/** `$workspace`, or `$args[name]` with the name in a group. */
export const PLACEHOLDER = /\$(?:workspace\b|args\[([^\]]*)\])/g;
const ARGUMENT = /^[^.[\]$]+(?:\.[^.[\]$]+)*$/;

/** What is wrong with a key template; undefined when nothing is. */
export function keyProblem(template: string): string | undefined {
  if (!WELL_FORMED.check(template)) return WELL_FORMED.message;
  for (const [, path] of template.matchAll(PLACEHOLDER)) {
    if (path !== undefined && !ARGUMENT.test(path)) return `$args[${path}] names no argument: write $args[name] or $args[name.member]`;
  }
  if (template.replaceAll(PLACEHOLDER, "").includes("$")) return "only $workspace and $args[name] can follow a $";
  return undefined;
}
