import { realpathSync } from "node:fs";

/**
 * The first of the paths that is there and that `attempt` accepts. Links are resolved before, because those of `/etc/alternatives` and of
 * version managers lead to places that scripts cannot see; only programs below /usr, which every sandbox has, are tried.
 */
export async function findInterpreter<T>(paths: readonly string[], attempt: (path: string) => Promise<T | undefined>): Promise<T | undefined> {
  for (const path of paths) {
    const real = realPath(path);
    if (real?.startsWith("/usr/") !== true) continue;
    const found = await attempt(real);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The first of the paths that is a file which scripts and builds can see. */
export function findProgram(paths: readonly string[]): string | undefined {
  return paths.map(realPath).find((path) => path?.startsWith("/usr/") === true);
}

/** Where a path really leads, or undefined when nothing is there. */
export function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
