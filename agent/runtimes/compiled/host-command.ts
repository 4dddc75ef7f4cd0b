import { execFile } from "node:child_process";
import { accessSync, constants, readFileSync } from "node:fs";
import { homedir } from "node:os";

/** What a tool of this machine prints, trimmed; undefined when it fails. For our own questions, never with anything of a tenant. */
export function hostOutput(program: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const env = { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: homedir() };
    execFile(program, args, { env, timeout: 10_000, maxBuffer: 256 * 1024 }, (error, stdout) => resolve(error === null ? stdout.trim() : undefined));
  });
}

/** The first of some programs that is there. */
export function firstExecutable(paths: readonly string[]): string | undefined {
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Text of a small file of a toolchain. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
