import { readJsonMembers } from "../../runner/json-text.ts";
import type { ArgumentTexts } from "./arguments.ts";
import { QueryError } from "./query-error.ts";

const SSL_MODES = ["disable", "prefer", "require", "verify-ca", "verify-full"] as const;
type SslMode = (typeof SSL_MODES)[number];

/** Where a database server is and who we are to it, from the argument `database`. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly dbname: string;
  readonly sslmode: SslMode;
  /** PEM of the authorities to trust; empty for those of the system. */
  readonly rootCertificatePem: string;
}

/**
 * The argument `database`: an object like a resource, or a connection URL. Messages hold no part of the value.
 * @throws QueryError
 */
export function readServerAddress(args: ArgumentTexts, schemes: readonly string[], defaultPort: number): ServerAddress {
  const json = args.get("database");
  if (json === undefined)
    throw new QueryError("InvalidArgument", "the argument `database` is missing: an object with host, port, user, password and dbname, or a URL");
  const fields = json.startsWith('"') ? fromUrl(String(JSON.parse(json)), schemes) : fromObject(json);
  const text = (...names: string[]): string => names.map((name) => fields.get(name) ?? "").find((value) => value !== "") ?? "";
  const host = text("host").replace(/^\[(.*)\]$/, "$1");
  if (host === "" || host.startsWith("/") || /[\s\0]/.test(host))
    throw new QueryError("InvalidArgument", "`database.host` is not the name or address of a host");
  const port = text("port") === "" ? defaultPort : Number(text("port"));
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new QueryError("InvalidArgument", "`database.port` is not a port");
  return {
    host,
    port,
    user: text("user", "username"),
    password: text("password"),
    dbname: text("dbname", "database"),
    sslmode: sslModeOf(text("sslmode", "ssl-mode", "ssl")),
    rootCertificatePem: text("root_certificate_pem"),
  };
}

function sslModeOf(written: string): SslMode {
  const mode = written.toLowerCase().replaceAll("_", "-");
  if (mode === "" || mode === "preferred" || mode === "allow") return "prefer";
  if (mode === "true" || mode === "required") return "require";
  if (mode === "false" || mode === "disabled") return "disable";
  const known = SSL_MODES.find((name) => name === mode || (name === "verify-full" && mode === "verify-identity"));
  if (known === undefined) throw new QueryError("InvalidArgument", `\`database.sslmode\` is one of ${SSL_MODES.join(", ")}`);
  return known;
}

function fromObject(json: string): Map<string, string> {
  const members = readJsonMembers(json);
  if (members.kind === "problem") throw new QueryError("InvalidArgument", "the argument `database` is neither an object nor a URL");
  return new Map(
    [...members.values].flatMap(([name, value]): [string, string][] => {
      if (value === "null" || value.startsWith("{") || value.startsWith("[")) return [];
      return [[name, value.startsWith('"') ? String(JSON.parse(value)) : value]];
    }),
  );
}

function fromUrl(text: string, schemes: readonly string[]): Map<string, string> {
  const url = URL.parse(text);
  if (url === null || !schemes.includes(url.protocol)) {
    throw new QueryError("InvalidArgument", `the argument \`database\` is not a URL that begins with ${schemes.join(" or ")}`);
  }
  const plain = (part: string): string => {
    try {
      return decodeURIComponent(part);
    } catch {
      throw new QueryError("InvalidArgument", "the URL of `database` has a broken %-escape");
    }
  };
  return new Map([
    ...url.searchParams,
    ["host", url.hostname],
    ["port", url.port],
    ["user", plain(url.username)],
    ["password", plain(url.password)],
    ["dbname", plain(url.pathname.slice(1))],
  ]);
}
