import { lookup } from "node:dns/promises";
import { BlockList, isIP, type LookupFunction } from "node:net";
import type { AllowEntry } from "../../sandbox/network/allow-list.ts";
import { METADATA_4, METADATA_6 } from "../../sandbox/network/metadata-addresses.ts";
import { QueryError } from "./query-error.ts";

/** What a job may connect to. */
export interface Reach {
  /** Whether link-local and metadata addresses may be reached. */
  readonly metadataAllowed: boolean;
  /** Of a script with a list: nothing else, by name or by address. */
  readonly allow?: readonly AllowEntry[];
}

export interface PinnedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Those of scripts, and all that are link-local. */
const METADATA = new BlockList();
for (const range of METADATA_4) addRange(METADATA, { range, family: 4 });
for (const range of [...METADATA_6, "fe80::/10"]) addRange(METADATA, { range, family: 6 });
const MAX_ADDRESSES = 4;

/** True for an address that queries and requests may not reach unless the operator allows it. */
export function isMetadataAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return METADATA.check(address, "ipv4");
  if (family !== 6) return true;
  const plain = address.split("%", 1)[0] ?? "";
  return METADATA.check(plain, "ipv6") || embeddedV4(plain).some((v4) => METADATA.check(v4, "ipv4"));
}

/**
 * Finds the addresses of a host once: what is connected to is what was checked, whatever a second answer would be.
 * @throws QueryError when the name does not resolve, any of its addresses is refused, or none is among what the script may reach
 */
export async function pinHost(host: string, port: number, reach: Reach): Promise<readonly [PinnedAddress, ...PinnedAddress[]]> {
  const found = allowedOf(host, port, await resolve(host), reach.allow);
  if (!reach.metadataAllowed && found.some(({ address }) => isMetadataAddress(address))) {
    throw new QueryError("ConnectionError", `${host} is a link-local or metadata address, which this agent does not reach for queries`, {
      code: "refused_address",
    });
  }
  const [first, ...others] = found.slice(0, MAX_ADDRESSES).map(({ address, family }): PinnedAddress => ({ address, family: family === 6 ? 6 : 4 }));
  if (first === undefined) throw new QueryError("ConnectionError", `the host ${host} has no address`, { code: "ENOTFOUND" });
  return [first, ...others];
}

/** A script's list says of a name that it may be reached wherever it leads, as for scripts with a process of their own. */
function allowedOf<T extends { readonly address: string }>(host: string, port: number, found: readonly T[], allow: Reach["allow"]): readonly T[] {
  if (allow === undefined) return found;
  const entries = allow.filter((entry) => entry.port === undefined || entry.port === port);
  const name = host.toLowerCase().replace(/\.$/, "");
  if (entries.some((entry) => entry.kind === "name" && entry.name.replace(/\.$/, "") === name)) return found;
  const ranges = new BlockList();
  for (const entry of entries) if (entry.kind === "range") addRange(ranges, entry);
  const allowed = found.filter(({ address }) => ranges.check(address, isIP(address) === 6 ? "ipv6" : "ipv4"));
  if (allowed.length > 0) return allowed;
  throw new QueryError("ConnectionError", `${host}, port ${port}, is not among what this script may reach`, { code: "refused_address" });
}

function addRange(list: BlockList, { range, family }: { readonly range: string; readonly family: 4 | 6 }): void {
  const [address = "", bits] = range.split("/");
  list.addSubnet(address, bits === undefined ? (family === 4 ? 32 : 128) : Number(bits), family === 4 ? "ipv4" : "ipv6");
}

/** A lookup that answers with these addresses, for whatever name. */
export function pinnedLookup(addresses: readonly PinnedAddress[]): LookupFunction {
  return (_host, options, callback) => {
    const [first] = addresses;
    if (options.all === true || first === undefined) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  };
}

async function resolve(host: string): Promise<readonly { readonly address: string; readonly family: number }[]> {
  const family = isIP(host);
  if (family !== 0) return [{ address: host, family }];
  try {
    return await lookup(host, { all: true });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "ENOTFOUND";
    throw new QueryError("ConnectionError", `the host ${host} cannot be found`, { code });
  }
}

/** IPv4 addresses that an IPv6 address leads to: mapped, compatible, translated (SIIT, NAT64), 6to4. */
function embeddedV4(address: string): string[] {
  const groups = expand(address);
  if (groups === undefined) return [];
  const v4 = (at: number): string => {
    const [high = 0, low = 0] = groups.slice(at, at + 2);
    return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
  };
  const isTranslated = /^0,0,0,0,(?:0,0|0,65535|65535,0)$/.test(groups.slice(0, 6).join()) || (groups[0] === 0x64 && groups[1] === 0xff9b);
  return [...(isTranslated ? [v4(6)] : []), ...(groups[0] === 0x2002 ? [v4(1)] : [])];
}

function expand(address: string): number[] | undefined {
  // The URL parser writes every address in one form.
  const host = URL.parse(`http://[${address}]/`)?.hostname.slice(1, -1);
  if (host === undefined) return undefined;
  const [left = "", right] = host.split("::");
  const groups = (part: string): number[] => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16)));
  const head = groups(left);
  const tail = right === undefined ? [] : groups(right);
  return [...head, ...Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => 0), ...tail];
}
