import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { AppError, messageOf } from "../kernel/app-error.ts";
import { isJsonObject } from "./exact-json.ts";
import { configFolder, readLogins } from "./logins.ts";

/** Where the API is and who asks. */
export interface Settings {
  readonly url: string;
  readonly workspace: string;
  /** Undefined when nothing gives one; the server will say so. */
  readonly token: string | undefined;
}

/** What the command line says about it. Secrets are never arguments: other users of the machine see those. */
export interface ConnectionFlags {
  readonly url?: string;
  readonly workspace?: string;
  readonly tokenFile?: string;
}

/** What one place says; places are asked in order. */
interface Layer {
  readonly url: string | undefined;
  readonly workspace: string | undefined;
  readonly token: string | undefined;
}

export interface SettingsSources {
  readonly flags: ConnectionFlags;
  readonly env: NodeJS.ProcessEnv;
  /** Folder of this checkout. */
  readonly projectRoot: string;
}

const DEFAULT_URL = "http://127.0.0.1:8000";
const DEFAULT_WORKSPACE = "main";
export const PROJECT_ROOT = resolve(import.meta.dirname, "..");

/**
 * Flags, then MILLRACE_URL, MILLRACE_TOKEN, MILLRACE_WORKSPACE, then the server that the user has logged in to last, then what the server of this
 * checkout wrote down, then ~/.config/millrace/config.json. A token from a file goes only to the server that the same file names: a URL from
 * elsewhere never gets it.
 * Errors: invalid_argument when a file is damaged or the URL is none.
 */
export function resolveSettings(sources: SettingsSources): Settings {
  const { flags, env } = sources;
  const given: Layer = {
    url: nonEmpty(flags.url) ?? nonEmpty(env["MILLRACE_URL"]),
    workspace: nonEmpty(flags.workspace) ?? nonEmpty(env["MILLRACE_WORKSPACE"]),
    token: flags.tokenFile === undefined ? nonEmpty(env["MILLRACE_TOKEN"]) : readTokenFile(flags.tokenFile),
  };
  const local = readLayer(credentialsPath(sources.projectRoot, env));
  const personal = readLayer(join(configFolder(env), "config.json"));
  const { current, servers } = readLogins(env);
  const url = normaliseUrl(given.url ?? current ?? local.url ?? personal.url ?? DEFAULT_URL);
  const logins = Object.entries(servers).map(([server, login]): Layer => ({ url: server, workspace: login.workspace, token: login.token }));
  const matching = [...logins, local, personal].filter((layer) => layer.url !== undefined && sameServer(layer.url, url));
  return {
    url,
    workspace: given.workspace ?? first(matching, "workspace") ?? DEFAULT_WORKSPACE,
    token: given.token ?? first(matching, "token"),
  };
}

/** Where the server of a checkout writes its address and tokens. Only looked at, never made. */
function credentialsPath(projectRoot: string, env: NodeJS.ProcessEnv): string {
  return join(nonEmpty(env["MILLRACE_STATE_DIR"]) ?? join(projectRoot, ".millrace"), "credentials.json");
}

function first(layers: readonly Layer[], key: "workspace" | "token"): string | undefined {
  return layers.map((layer) => layer[key]).find((value) => value !== undefined);
}

function readLayer(path: string): Layer {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    // Not there, or not ours to read: the other places may be enough, and the server says so when they are not.
    return { url: undefined, workspace: undefined, token: undefined };
  }
  const value = parseSettings(text, path);
  const read = (key: string): string | undefined => {
    const entry = value[key];
    return typeof entry === "string" ? nonEmpty(entry) : undefined;
  };
  return { url: read("url"), workspace: read("workspace"), token: read("token") };
}

function parseSettings(text: string, path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch {
    // Told below.
  }
  throw new AppError("invalid_argument", `the settings in "${path}" are not a JSON object`, { hint: `correct it, or remove it and start again` });
}

function readTokenFile(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8").trim();
  } catch (error) {
    throw new AppError("invalid_argument", `the token file "${path}" cannot be read: ${messageOf(error)}`, { cause: error });
  }
  if (!/^[\x21-\x7e]+$/.test(text)) throw new AppError("invalid_argument", `the file "${path}" holds no token`);
  return text;
}

/** Errors: invalid_argument for what is no address. */
export function normaliseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new AppError("invalid_argument", `${JSON.stringify(text)} is not an http(s) URL`, { hint: "for example http://127.0.0.1:8000" });
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

function sameServer(a: string, b: string): boolean {
  const canonical = (text: string): string => (URL.canParse(text) ? new URL(text).origin.replace("//localhost:", "//127.0.0.1:") : text);
  return canonical(a) === canonical(b);
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text === "" ? undefined : text;
}
