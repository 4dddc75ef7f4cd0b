/**
 * What a token is limited to: `domain:action`, or `domain:action:path` for things with a path. A star stands for any domain or action; in a path `*`
 * stands for anything within a part, `**` for anything at all. So `jobs:run:f/etl/*` runs what lies directly in the folder etl, `*:read` looks at all.
 */
export interface Scope {
  readonly domain: string;
  readonly action: string;
  /** Undefined: any path, and no path. */
  readonly path: string | undefined;
}

export const MAX_SCOPES = 50;
export const SCOPE_PATTERN = /^(\*|[a-z][a-z-]{0,39}):(\*|[a-z][a-z-]{0,39})(:[A-Za-z0-9_.*/-]{1,255})?$/;

/** Undefined when the text is no scope. */
export function parseScope(text: string): Scope | undefined {
  const [, domain, action, path] = SCOPE_PATTERN.exec(text) ?? [];
  return domain === undefined || action === undefined ? undefined : { domain, action, path: path?.slice(1) };
}

/**
 * Whether one of the scopes allows it. @param permission `domain:action`
 * @param path of the thing; undefined when the request is about no single thing: then only scopes without a path allow it
 */
export function scopesAllow(scopes: readonly string[], permission: string, path: string | undefined): boolean {
  const at = permission.indexOf(":");
  const [domain, action] = [permission.slice(0, at), permission.slice(at + 1)];
  return scopes.some((text) => {
    const scope = parseScope(text);
    if (scope === undefined || !fits(scope.domain, domain) || !fits(scope.action, action)) return false;
    return scope.path === undefined || (path !== undefined && matchesPath(scope.path, path));
  });
}

function fits(wanted: string, given: string): boolean {
  return wanted === "*" || wanted === given;
}

/** Without regular expressions: a pattern of a stranger must not be able to take long. */
export function matchesPath(pattern: string, path: string): boolean {
  return matches(pattern.split("/"), path.split("/"), "**", (part, text) => matches(part, text, "*", (one, other) => one === other));
}

/** Remembers where the last star stood, and lets it take one more whenever the rest does not fit. Of parts of a path, or of characters. */
function matches(pattern: ArrayLike<string>, given: ArrayLike<string>, any: string, fitsOne: (wanted: string, one: string) => boolean): boolean {
  let [p, i, star, taken] = [0, 0, -1, 0];
  while (i < given.length) {
    if (pattern[p] === any) {
      star = p++;
      taken = i;
    } else if (p < pattern.length && fitsOne(pattern[p] ?? "", given[i] ?? "")) {
      p++;
      i++;
    } else if (star >= 0) {
      p = star + 1;
      i = ++taken;
    } else return false;
  }
  while (pattern[p] === any) p++;
  return p === pattern.length;
}
