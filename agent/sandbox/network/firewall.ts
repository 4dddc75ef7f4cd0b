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
/** Who reloads the rules of a host often begins with `flush ruleset`, which takes ours away too. */
const LOOK_EVERY_MS = 30_000;

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
  /** For tests: another program, and how often it is asked whether the rules are still there. */
  readonly nftPath?: string;
  readonly lookEveryMs?: number;
}

/** Looks whether rules can be made in the agent's network namespace. Makes none before the first job needs them. */
export async function openFirewall(options: FirewallOptions): Promise<Firewall> {
  const path = options.nftPath ?? NFT_PATHS.find((one) => existsSync(one));
  if (path === undefined) return noFirewall("nft is missing: install nftables");
  const table = `millrace_${createHash("sha256").update(options.stateDir).digest("hex").slice(0, 12)}`;
  try {
    const tables = await run(path, ["list", "tables"], "");
    if (tables.split("\n").includes(`table inet ${table}`)) await run(path, ["-f", "-"], `delete table inet ${table}\n`);
  } catch (error) {
    return noFirewall(`nft may not make rules here: ${messageOf(error)}`);
  }
  return new NftFirewall(path, table, options);
}

/**
 * Invariant: what is in `#lists` is in the kernel, or the user is not used. The table may be taken away by others at any time; it is made again
 * as a whole, with all lists, when that is noticed: by a look now and then, and when rules of one job cannot be changed.
 */
class NftFirewall implements Firewall {
  readonly missing = undefined;
  readonly #path: string;
  readonly #table: string;
  readonly #blockMetadata: boolean;
  readonly #lookEveryMs: number;
  #installed: Promise<void> | undefined;
  readonly #lists = new Map<number, readonly Destination[]>();
  /** From the first job on that needs rules. */
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string, table: string, options: FirewallOptions) {
    this.#path = path;
    this.#table = table;
    this.#blockMetadata = options.blockMetadata;
    this.#lookEveryMs = options.lookEveryMs ?? LOOK_EVERY_MS;
  }

  async protect(): Promise<void> {
    if (this.#blockMetadata) await this.#install();
  }

  async enclose(uid: number, destinations: readonly Destination[]): Promise<void> {
    // First: a table that is made again meanwhile must have it.
    this.#lists.set(uid, destinations);
    try {
      await this.#install();
    } catch (error) {
      this.#lists.delete(uid);
      throw error;
    }
    await this.#change(listRules(this.#table, uid, destinations));
  }

  isEnclosed(uid: number): boolean {
    return this.#lists.has(uid);
  }

  async release(uid: number): Promise<void> {
    const list = this.#lists.get(uid) ?? [];
    this.#lists.delete(uid);
    try {
      // A table that is being made with the list in it must not come later.
      await this.#installed;
      await this.#change(dropListRules(this.#table, uid));
    } catch (error) {
      this.#lists.set(uid, list);
      throw error;
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#installed === undefined) return;
    this.#installed = undefined;
    this.#lists.clear();
    try {
      execFileSync(this.#path, ["delete", "table", "inet", this.#table], { stdio: "ignore", timeout: TIMEOUT_MS });
    } catch {
      // It is removed at the next start.
    }
  }

  #install(): Promise<void> {
    this.#installed ??= this.#apply(this.#allRules()).catch((error: unknown) => {
      this.#installed = undefined;
      throw error;
    });
    this.#timer ??= setInterval(() => void this.#look().catch(() => undefined), this.#lookEveryMs).unref();
    return this.#installed;
  }

  #allRules(): string {
    const lists = [...this.#lists].map(([uid, destinations]) => listRules(this.#table, uid, destinations));
    return [tableRules(this.#table, this.#blockMetadata, nameservers()), ...lists].join("");
  }

  /** What cannot be put back now is tried again by the next look. */
  async #look(): Promise<void> {
    if (await this.#isThere()) return;
    this.#installed = undefined;
    if (this.#timer !== undefined) await this.#install();
  }

  /** Changes the rules of one job; where the table is gone, makes it as it should be now. */
  async #change(rules: string): Promise<void> {
    try {
      await this.#apply(rules);
    } catch (error) {
      // Without a timer it was closed.
      if (this.#timer === undefined || (await this.#isThere())) throw error;
      this.#installed = undefined;
      await this.#install();
    }
  }

  #isThere(): Promise<boolean> {
    return run(this.#path, ["list", "chain", "inet", this.#table, "output"], "").then(
      () => true,
      () => false,
    );
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
