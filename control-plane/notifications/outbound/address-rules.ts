import { BlockList, isIP } from "node:net";

/**
 * Where the control plane may connect to in a tenant's name: the public internet, and what the operator has allowed. Of IPv4 what IANA keeps for special
 * use is refused; of IPv6 all that is not global unicast, and those parts of it that stand for other networks.
 */
const SPECIAL_V4: readonly (readonly [string, number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.31.196.0", 24],
  ["192.52.193.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["192.175.48.0", 24],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
];
/** Teredo, ORCHID and others; documentation; 6to4, which wraps IPv4. */
const SPECIAL_V6: readonly (readonly [string, number])[] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
  ["2620:4f:8000::", 48],
];
const GLOBAL_V6 = ["2000::", 3] as const;

const special = listOf("ipv4", SPECIAL_V4);
const specialV6 = listOf("ipv6", SPECIAL_V6);
const globalV6 = listOf("ipv6", [GLOBAL_V6]);

function listOf(family: "ipv4" | "ipv6", subnets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of subnets) list.addSubnet(address, prefix, family);
  return list;
}

/** An address that anybody may be sent to. False for what is no address. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !special.check(address, "ipv4");
  return family === 6 && globalV6.check(address, "ipv6") && !specialV6.check(address, "ipv6");
}

/** What an operator has allowed beside the public internet: addresses, networks, names of hosts. */
export interface AllowedTargets {
  /** Any address of this name. */
  hasHost(host: string): boolean;
  hasAddress(address: string): boolean;
}

/** Reads a list such as `10.1.0.0/16, fd00::/8, 127.0.0.1, hooks.internal`; undefined when an entry is none of these. */
export function parseAllowedTargets(text: string): AllowedTargets | undefined {
  const hosts = new Set<string>();
  const networks = new BlockList();
  for (const entry of text.split(",").map((part) => part.trim())) {
    if (entry === "") continue;
    const [address = "", prefix] = entry.split("/");
    const family = isIP(address);
    const bits = family === 4 ? 32 : 128;
    if (family === 0) {
      if (prefix !== undefined || !/^[a-z0-9.-]{1,253}$/i.test(entry)) return undefined;
      hosts.add(entry.toLowerCase());
      continue;
    }
    const length = prefix === undefined ? bits : Number(prefix);
    if (!/^\d{1,3}$/.test(prefix ?? "0") || length > bits) return undefined;
    networks.addSubnet(address, length, family === 4 ? "ipv4" : "ipv6");
  }
  return {
    hasHost: (host) => hosts.has(host.toLowerCase()),
    hasAddress: (address) => {
      const family = isIP(address);
      return family !== 0 && networks.check(address, family === 4 ? "ipv4" : "ipv6");
    },
  };
}
