import { lookup } from "node:dns/promises";
import { join } from "node:path";
import { AppError, messageOf } from "../../../kernel/app-error.ts";
import type { JobIdentity } from "../job-uids.ts";
import type { SandboxSpec } from "../sandbox.ts";
import type { AllowEntry } from "./allow-list.ts";
import type { Firewall } from "./firewall.ts";
import type { Destination } from "./nft-rules.ts";

const HOSTS_FILE = ".hosts";
const RESOLVE_WITHIN_MS = 10_000;
const RELEASE_AGAIN_MS = 30_000;

/**
 * Makes the network as the script asked for it, before anything of the script exists. Names of an allow list are resolved here and now, and
 * the script finds them in its /etc/hosts: it asks no name service, so a name cannot change its address while the script runs and
 * nothing can be told to the outside in a question.
 * @returns what is to be started
 * @throws when the policy cannot be kept
 */
export async function openNetwork(firewall: Firewall, identity: JobIdentity, spec: SandboxSpec, dir: string): Promise<SandboxSpec> {
  if (spec.network === "none") return spec;
  if (spec.network === "full") {
    await firewall.protect();
    return spec;
  }
  if (firewall.missing !== undefined) throw new AppError("failed_precondition", `what a script may reach cannot be limited here: ${firewall.missing}`);
  if (identity.own)
    throw new AppError("failed_precondition", "what a script may reach cannot be limited here: the agent is not root, so jobs have no user of their own");
  const { destinations, hosts } = await resolve(spec.allow ?? []);
  await firewall.enclose(identity.uid, destinations);
  return {
    ...spec,
    files: [...spec.files, { name: HOSTS_FILE, content: hosts }],
    mounts: [...spec.mounts, { source: join(dir, HOSTS_FILE), target: "/etc/hosts" }],
  };
}

/** Takes the rules of a job away, then calls `after`. While that fails the user is not used again: the next job would inherit them. */
export function closeNetwork(firewall: Firewall, identity: JobIdentity, after: () => void): void {
  if (!firewall.isEnclosed(identity.uid)) {
    after();
    return;
  }
  const again = (): void => void setTimeout(() => closeNetwork(firewall, identity, after), RELEASE_AGAIN_MS).unref();
  firewall.release(identity.uid).then(after, again);
}

async function resolve(entries: readonly AllowEntry[]): Promise<{ destinations: Destination[]; hosts: string }> {
  const destinations: Destination[] = [];
  const lines = ["127.0.0.1 localhost job", "::1 localhost"];
  for (const entry of entries) {
    if (entry.kind === "range") destinations.push(entry);
    else {
      for (const { address, family } of await addressesOf(entry.name)) {
        destinations.push({ family, range: address, port: entry.port });
        lines.push(`${address} ${entry.name}`);
      }
    }
  }
  return { destinations, hosts: `${[...new Set(lines)].join("\n")}\n` };
}

async function addressesOf(name: string): Promise<{ address: string; family: 4 | 6 }[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AppError("unavailable", "no answer in time")), RESOLVE_WITHIN_MS);
  });
  try {
    const found = await Promise.race([lookup(name, { all: true }), late]);
    return found.filter(({ address }) => !address.includes("%")).map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
  } catch (error) {
    throw new AppError("unavailable", `${name}, which the script may reach, has no address: ${messageOf(error)}`);
  } finally {
    clearTimeout(timer);
  }
}
