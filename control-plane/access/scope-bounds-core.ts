import { matchesPath, parseScope } from "../identity/scope-core.ts";

/** What scopes leave of a permission: nothing, all of it, or what is at paths that fit one of the globs. */
export type Scoped = { readonly kind: "nothing" } | { readonly kind: "whole" } | { readonly kind: "paths"; readonly globs: readonly string[] };

/** @param scopes undefined: the token has none, and everything that its holder has @param permission `domain:action` */
export function scopedTo(scopes: readonly string[] | undefined, permission: string): Scoped {
  if (scopes === undefined) return { kind: "whole" };
  const [domain, action] = permission.split(":");
  const globs: string[] = [];
  for (const text of scopes) {
    const scope = parseScope(text);
    if (scope === undefined || (scope.domain !== "*" && scope.domain !== domain) || (scope.action !== "*" && scope.action !== action)) continue;
    if (scope.path === undefined) return { kind: "whole" };
    globs.push(scope.path);
  }
  return globs.length === 0 ? { kind: "nothing" } : { kind: "paths", globs };
}

export function fitsOne(globs: readonly string[], path: string): boolean {
  return globs.some((glob) => matchesPath(glob, path));
}

/** A glob as a regular expression of Postgres that fits the same paths: `*` within a part, `**` any number of parts. */
export function globPattern(glob: string): string {
  const parts = glob.split("/").filter((part, at, all) => part !== "**" || all[at - 1] !== "**");
  const pattern = parts.map((part, at) => {
    const isLast = at === parts.length - 1;
    if (part === "**") return isLast ? (at === 0 ? ".*" : "(?:/.*)?") : `${at === 0 ? "" : "/"}(?:.*/)?`;
    // The slash before it: of the part, unless the stars before it have brought theirs.
    const slash = at === 0 || parts[at - 1] === "**" ? "" : "/";
    return `${slash}${part.replaceAll(/[.]/g, "[.]").replaceAll(/[*]+/g, "[^/]*")}`;
  });
  return `^${pattern.join("")}$`;
}
