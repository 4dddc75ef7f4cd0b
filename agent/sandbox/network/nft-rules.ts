import { FIRST_UID, UID_COUNT } from "../job-uids.ts";
import { METADATA_4, METADATA_6 } from "./metadata-addresses.ts";

/** Where packets of a job may go. */
export interface Destination {
  readonly family: 4 | 6;
  /** An address or a range. */
  readonly range: string;
  readonly port: number | undefined;
}

const DNS_PORT = 53;
/** So that whoever connects hears of it at once: not all sockets take an ICMP message for an answer. */
const REFUSE = ["meta l4proto tcp reject with tcp reset", "reject"];

/**
 * The agent's own table, in the place of one that may be there. It looks at packets of job users only and lets everything else pass. First come
 * jobs with a list of their own, each in a chain that ends with a refusal; then what holds for all others.
 * @param nameservers of the host: some clouds answer names at the address that must be blocked, so that port stays open
 */
export function tableRules(table: string, blockMetadata: boolean, nameservers: readonly string[]): string {
  const exempt = [
    ...nameservers.filter((address) => address.includes(".")).map((address) => `ip daddr ${address} meta l4proto { tcp, udp } th dport ${DNS_PORT} accept`),
    ...nameservers.filter((address) => address.includes(":")).map((address) => `ip6 daddr ${address} meta l4proto { tcp, udp } th dport ${DNS_PORT} accept`),
  ];
  const metadata = [`ip daddr { ${METADATA_4.join(", ")} }`, `ip6 daddr { ${METADATA_6.join(", ")} }`];
  const blocked = blockMetadata ? metadata.flatMap((match) => REFUSE.map((refusal) => `    ${match} ${refusal}`)) : [];
  return [
    `add table inet ${table}`,
    `delete table inet ${table}`,
    `table inet ${table} {`,
    "  map lists { type uid : verdict; }",
    "  chain metadata {",
    ...blocked,
    "  }",
    "  chain output {",
    "    type filter hook output priority filter; policy accept;",
    `    meta skuid < ${FIRST_UID} accept`,
    `    meta skuid >= ${FIRST_UID + UID_COUNT} accept`,
    "    meta skuid vmap @lists",
    ...exempt.map((rule) => `    ${rule}`),
    "    jump metadata",
    "  }",
    "}",
    "",
  ].join("\n");
}

/** Adds one job, also when it is there: whatever is not named is refused, names included. */
export function listRules(table: string, uid: number, destinations: readonly Destination[]): string {
  const chain = chainOf(uid);
  const rules = destinations.map(({ family, range, port }) => {
    const ports = port === undefined ? "" : ` meta l4proto { tcp, udp } th dport ${port}`;
    return `${family === 4 ? "ip" : "ip6"} daddr ${range}${ports} accept`;
  });
  return [
    `add chain inet ${table} ${chain}`,
    `flush chain inet ${table} ${chain}`,
    ...["jump metadata", ...rules, ...REFUSE].map((rule) => `add rule inet ${table} ${chain} ${rule}`),
    `add element inet ${table} lists { ${uid} : jump ${chain} }`,
    "",
  ].join("\n");
}

/** Takes a job away, also when only a part of it is there, or nothing. */
export function dropListRules(table: string, uid: number): string {
  const chain = chainOf(uid);
  return [
    `add chain inet ${table} ${chain}`,
    `add element inet ${table} lists { ${uid} : jump ${chain} }`,
    `delete element inet ${table} lists { ${uid} }`,
    `flush chain inet ${table} ${chain}`,
    `delete chain inet ${table} ${chain}`,
    "",
  ].join("\n");
}

function chainOf(uid: number): string {
  return `job_${uid}`;
}
