import { isIPv4, isIPv6 } from "node:net";

/** One thing that a script may reach. `port` undefined: all ports, of TCP and UDP. */
export type AllowEntry =
  | { readonly kind: "name"; readonly name: string; readonly port: number | undefined }
  | { readonly kind: "range"; readonly family: 4 | 6; readonly range: string; readonly port: number | undefined };

const MAX_ALLOW_ENTRIES = 100;
const NAME = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_](?:[a-z0-9_-]{0,62}))*\.?$/i;
/** What looks like a number is an address or nothing: resolvers read "0x7f.1" and "2130706433" as addresses too. */
const NUMERIC = /^(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+))*\.?$/i;

/**
 * Reads `host`, `host:port`, `10.0.0.0/8`, `10.0.0.0/8:5432`, `[fd00::1]:443`, `fd00::/8`. Pure.
 * @returns the entries, or what is wrong with the first bad one
 */
export function parseAllowList(texts: readonly string[]): AllowEntry[] | string {
  if (texts.length === 0) return "the list of what the script may reach is empty";
  if (texts.length > MAX_ALLOW_ENTRIES) return `the list of what the script may reach has more than ${MAX_ALLOW_ENTRIES} entries`;
  const entries: AllowEntry[] = [];
  for (const text of texts) {
    const entry = parseEntry(text);
    if (entry === undefined) return `${JSON.stringify(text.slice(0, 100))} is not a host, an address or a range, with or without a port`;
    entries.push(entry);
  }
  return entries;
}

function parseEntry(text: string): AllowEntry | undefined {
  // Without a port a version 6 address needs no brackets, and its colons are its own.
  const bare = range(text, undefined);
  if (bare !== undefined) return bare;
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const [, bracketed, plain, digits] = match;
  const port = digits === undefined ? undefined : Number(digits);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  if (bracketed !== undefined) return bracketed.includes(":") ? range(bracketed, port) : undefined;
  const host = plain ?? "";
  const found = range(host, port);
  if (found !== undefined) return found;
  return NAME.test(host) && !NUMERIC.test(host) ? { kind: "name", name: host.toLowerCase(), port } : undefined;
}

function range(text: string, port: number | undefined): AllowEntry | undefined {
  const [address = "", bits, rest] = text.split("/");
  const family = isIPv4(address) ? 4 : isIPv6(address) && !address.includes("%") ? 6 : undefined;
  if (family === undefined || rest !== undefined) return undefined;
  const most = family === 4 ? 32 : 128;
  if (bits !== undefined && (!/^\d{1,3}$/.test(bits) || Number(bits) > most)) return undefined;
  return { kind: "range", family, range: bits === undefined ? address : `${address}/${bits}`, port };
}
