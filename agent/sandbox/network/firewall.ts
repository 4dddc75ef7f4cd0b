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
 * as a whole, with all lists, when that is noticed: by a look now and then, and when rules of one job cannot be changed. One change at a time:
 * otherwise a table that one job makes again could lack the rules that another one has just failed to add.
 */
class NftFirewall implements Firewall {
  readonly missing = undefined;
  readonly #path: string;
  readonly #table: string;
  readonly #blockMetadata: boolean;
  readonly #lookEveryMs: number;
  #installed = false;
  #closed = false;
  /** Ends with the last change that was begun; never rejects. */
  #changes: Promise<void> = Promise.resolve();
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
    if (this.#blockMetadata && !this.#installed) await this.#inTurn(() => (this.#installed ? Promise.resolve() : this.#makeTable()));
  }

  enclose(uid: number, destinations: readonly Destination[]): Promise<void> {
    // At once: who asks whether the user has rules must not hear that it has none while they are on their way.
    this.#lists.set(uid, destinations);
    return this.#inTurn(async () => {
      try {
        await this.#change(listRules(this.#table, uid, destinations));
      } catch (error) {
        this.#lists.delete(uid);
        throw error;
      }
    });
  }

  isEnclosed(uid: number): boolean {
    return this.#lists.has(uid);
  }

  release(uid: number): Promise<void> {
    return this.#inTurn(async () => {
      const list = this.#lists.get(uid);
      this.#lists.delete(uid);
      try {
        await this.#change(dropListRules(this.#table, uid));
      } catch (error) {
        if (list !== undefined) this.#lists.set(uid, list);
        throw error;
      }
    });
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    if (!this.#installed) return;
    this.#installed = false;
    this.#lists.clear();
    try {
      execFileSync(this.#path, ["delete", "table", "inet", this.#table], { stdio: "ignore", timeout: TIMEOUT_MS });
    } catch {
      // It is removed at the next start.
    }
  }

  #inTurn(change: () => Promise<void>): Promise<void> {
    const done = this.#changes.then(change);
    this.#changes = done.catch(() => undefined);
    return done;
  }

  /** Makes the whole table as it should be now, in the place of what may be there. */
  async #makeTable(): Promise<void> {
    if (this.#closed) throw new AppError("unavailable", "the network rules cannot be changed: they were taken away when the agent ended");
    const lists = [...this.#lists].map(([uid, destinations]) => listRules(this.#table, uid, destinations));
    await this.#apply([tableRules(this.#table, this.#blockMetadata, nameservers()), ...lists].join(""));
    this.#installed = true;
    this.#timer ??= setInterval(() => void this.#inTurn(() => this.#look()).catch(() => undefined), this.#lookEveryMs).unref();
  }

  /** What cannot be put back now is tried again by the next look. */
  async #look(): Promise<void> {
    if (!(await this.#isThere())) await this.#makeTable();
  }

  /** Changes the rules of one job; where that fails, since the table is not there for example, makes it as it should be now. */
  async #change(rules: string): Promise<void> {
    if (this.#installed) {
      const isChanged = await this.#apply(rules).then(
        () => true,
        () => false,
      );
      if (isChanged) return;
    }
    await this.#makeTable();
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
