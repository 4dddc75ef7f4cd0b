import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { AppError, messageOf } from "../../../kernel/app-error.ts";
import { type Destination, dropListRules, listRules, tableRules } from "./nft-rules.ts";

/** Rules of the kernel for packets of job users. */
export interface Firewall {
  /** Why there can be none; undefined when it works. */
  readonly missing: string | undefined;
  /** Makes sure that what holds for all jobs is in place: the addresses of clouds are out of reach. Nothing where rules cannot be made. @throws */
  protect(): Promise<void>;
  /** From now on processes of this user reach these destinations and nothing else. @throws when that cannot be had */
  enclose(uid: number, destinations: readonly Destination[]): Promise<void>;
  isEnclosed(uid: number): boolean;
  /** To be called when no process of the user is left. @throws */
  release(uid: number): Promise<void>;
  /** Removes all rules. Idempotent. */
  close(): void;
}

const NFT_PATHS = ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"];
const TIMEOUT_MS = 10_000;

/** For agents that were told to leave the network alone, and as long as nobody asks. */
export function noFirewall(missing: string): Firewall {
  return {
    missing,
    protect: () => Promise.resolve(),
    enclose: () => Promise.reject(new AppError("failed_precondition", missing)),
    isEnclosed: () => false,
    release: () => Promise.resolve(),
    close: () => undefined,
  };
}

export interface FirewallOptions {
  /** Of this agent alone: names its table, so that a table of an earlier run is found and removed. */
  readonly stateDir: string;
  readonly blockMetadata: boolean;
}

/** Looks whether rules can be made in the agent's network namespace. Makes none before the first job needs them. */
export async function openFirewall(options: FirewallOptions): Promise<Firewall> {
  const path = NFT_PATHS.find((one) => existsSync(one));
  if (path === undefined) return noFirewall("nft is missing: install nftables");
  const table = `millrace_${createHash("sha256").update(options.stateDir).digest("hex").slice(0, 12)}`;
  try {
    const tables = await run(path, ["list", "tables"], "");
    if (tables.split("\n").includes(`table inet ${table}`)) await run(path, ["-f", "-"], `delete table inet ${table}\n`);
  } catch (error) {
    return noFirewall(`nft may not make rules here: ${messageOf(error)}`);
  }
  return new NftFirewall(path, table, options.blockMetadata);
}

class NftFirewall implements Firewall {
  readonly missing = undefined;
  readonly #path: string;
  readonly #table: string;
  readonly #blockMetadata: boolean;
  #installed: Promise<void> | undefined;
  readonly #enclosed = new Set<number>();

  constructor(path: string, table: string, blockMetadata: boolean) {
    this.#path = path;
    this.#table = table;
    this.#blockMetadata = blockMetadata;
  }

  async protect(): Promise<void> {
    if (this.#blockMetadata) await this.#install();
  }

  async enclose(uid: number, destinations: readonly Destination[]): Promise<void> {
    await this.#install();
    await this.#apply(listRules(this.#table, uid, destinations));
    this.#enclosed.add(uid);
  }

  isEnclosed(uid: number): boolean {
    return this.#enclosed.has(uid);
  }

  async release(uid: number): Promise<void> {
    await this.#apply(dropListRules(this.#table, uid));
    this.#enclosed.delete(uid);
  }

  close(): void {
    if (this.#installed === undefined) return;
    this.#installed = undefined;
    this.#enclosed.clear();
    try {
      execFileSync(this.#path, ["delete", "table", "inet", this.#table], { stdio: "ignore", timeout: TIMEOUT_MS });
    } catch {
      // It is removed at the next start.
    }
  }

  #install(): Promise<void> {
    this.#installed ??= this.#apply(tableRules(this.#table, this.#blockMetadata, nameservers())).catch((error: unknown) => {
      this.#installed = undefined;
      throw error;
    });
    return this.#installed;
  }

  async #apply(rules: string): Promise<void> {
    await run(this.#path, ["-f", "-"], rules);
  }
}

function run(path: string, args: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(path, args, { timeout: TIMEOUT_MS, env: {} }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new AppError("unavailable", `the network rules cannot be changed: ${stderr.split("\n")[0]?.slice(0, 200) || messageOf(error)}`));
    });
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
  });
}

function nameservers(): string[] {
  try {
    const lines = readFileSync("/etc/resolv.conf", "utf8").split("\n");
    return lines.flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []).filter((address) => isIP(address) !== 0);
  } catch {
    return [];
  }
}
