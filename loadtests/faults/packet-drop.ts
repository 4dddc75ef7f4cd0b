import { execFileSync } from "node:child_process";

/**
 * Drops all packets to and from one TCP port of loopback, as a network does that is gone: nobody is told. For root with nftables; in a table of
 * its own, which goes with `stop`.
 */
export class PacketDrop {
  readonly #table: string;
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
    this.#table = `millrace_drop_${port}`;
  }

  /** Errors: that of `nft`, where it is missing or not allowed. */
  start(): void {
    const rules = ["dport", "sport"].map((side) => `tcp ${side} ${this.#port} drop`);
    nft([`table inet ${this.#table} {`, "chain drops {", "type filter hook input priority 0;", ...rules, "}", "}", ""].join("\n"));
  }

  /** Idempotent. */
  stop(): void {
    try {
      nft(`delete table inet ${this.#table}`);
    } catch {
      // It was not there.
    }
  }
}

function nft(text: string): void {
  execFileSync("nft", ["-f", "-"], { input: text, stdio: ["pipe", "pipe", "pipe"] });
}
