import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import { AppError, messageOf } from "../kernel/app-error.ts";

const login = z.strictObject({
  workspace: z.string(),
  token: z.string(),
  /** Of a token that was made by a login, so that a logout can revoke it. */
  token_id: z.string().optional(),
  label: z.string(),
});
export type Login = z.infer<typeof login>;

const file = z.strictObject({
  /** Address of the server that was logged in to last. */
  current: z.string().optional(),
  servers: z.record(z.string(), login),
});
export type Logins = z.infer<typeof file>;

/** The user's folder for settings of millrace. */
export function configFolder(env: NodeJS.ProcessEnv): string {
  const given = env["XDG_CONFIG_HOME"] ?? "";
  const home = env["HOME"] ?? "";
  return join(given === "" ? join(home === "" ? homedir() : home, ".config") : given, "millrace");
}

const pathIn = (env: NodeJS.ProcessEnv): string => join(configFolder(env), "logins.json");

/** Servers that the user has logged in to. Errors: invalid_argument when the file is damaged. */
export function readLogins(env: NodeJS.ProcessEnv): Logins {
  const path = pathIn(env);
  if (!existsSync(path)) return { servers: {} };
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new AppError("invalid_argument", `${path} cannot be read: ${messageOf(error)}`, { hint: "remove it and log in again", cause: error });
  }
  const parsed = file.safeParse(value);
  if (!parsed.success) throw new AppError("invalid_argument", `${path} is damaged`, { hint: "remove it and log in again" });
  return parsed.data;
}

/** Nobody but the user can read the file, from its first moment on. */
export function writeLogins(env: NodeJS.ProcessEnv, logins: Logins): void {
  const path = pathIn(env);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const made = `${path}.${process.pid}`;
  writeFileSync(made, `${JSON.stringify(logins, undefined, 2)}\n`, { mode: 0o600 });
  // The file may have been there, from a login that was interrupted.
  chmodSync(made, 0o600);
  renameSync(made, path);
}
