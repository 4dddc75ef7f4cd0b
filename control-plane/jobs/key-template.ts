/** `$workspace`, or `$args[name]` with the name in a group. */
export const PLACEHOLDER = /\$(?:workspace\b|args\[([^\]]*)\])/g;
const ARGUMENT = /^[^.[\]$]+(?:\.[^.[\]$]+)*$/;

/** What is wrong with a key template; undefined when nothing is. */
export function keyProblem(template: string): string | undefined {
  for (const [, path] of template.matchAll(PLACEHOLDER)) {
    if (path !== undefined && !ARGUMENT.test(path)) return `$args[${path}] names no argument: write $args[name] or $args[name.member]`;
  }
  if (template.replaceAll(PLACEHOLDER, "").includes("$")) return "only $workspace and $args[name] can follow a $";
  return undefined;
}
