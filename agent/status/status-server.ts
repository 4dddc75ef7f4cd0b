import { chmodSync, rmSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { Registry } from "prom-client";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import type { PackingStatus } from "../packing/packer.ts";

export interface StatusServerOptions {
  /** host:port, or the path of a socket. */
  readonly address: string;
  /** Empty when the agent is connected and takes jobs; otherwise why not. */
  readonly notReady: () => readonly string[];
  readonly registry: Registry;
  /** What runs and waits, of an agent that packs its jobs. */
  readonly packing: () => PackingStatus | undefined;
}

const STOP_WITHIN_MS = 500;

/** Health and metrics of an agent for those who run it: four pages, no secrets, no names of jobs. */
export class StatusServer {
  readonly #options: StatusServerOptions;
  readonly #server: Server;

  constructor(options: StatusServerOptions) {
    this.#options = options;
    this.#server = createServer({ maxHeaderSize: 8192, requestTimeout: 5_000 }, (request, response) => {
      this.#page(request.method ?? "", request.url ?? "").then(
        ({ status, type, body }) => response.writeHead(status, { "content-type": type, connection: "close" }).end(body),
        () => response.writeHead(500).end(),
      );
    });
    this.#server.maxConnections = 32;
    // One that could not be accepted, for want of descriptors say, is the trouble of whoever made it.
    this.#server.on("error", () => undefined);
  }

  /** host:port, with the port that was taken; or the path of the socket. */
  get address(): string {
    const at = this.#server.address();
    return at === null ? "" : typeof at === "string" ? at : `${at.family === "IPv6" ? `[${at.address}]` : at.address}:${at.port}`;
  }

  /** Errors: failed_precondition when the address cannot be opened. */
  async start(): Promise<void> {
    const { address } = this.#options;
    const isPath = address.startsWith("/");
    if (isPath) removeStaleSocket(address);
    const colon = address.lastIndexOf(":");
    const where = isPath ? { path: address } : { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) };
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (error) =>
        reject(new AppError("failed_precondition", `MILLRACE_AGENT_STATUS_ADDRESS ${address} cannot be opened: ${messageOf(error)}`)),
      );
      this.#server.listen(where, resolve);
    });
    // Job users must not talk to it.
    if (isPath) chmodSync(address, 0o600);
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      const force = setTimeout(() => this.#server.closeAllConnections(), STOP_WITHIN_MS);
      this.#server.close(() => {
        clearTimeout(force);
        resolve();
      });
    });
  }

  async #page(method: string, url: string): Promise<{ status: number; type: string; body: string }> {
    const plain = (status: number, body: string) => ({ status, type: "text/plain; charset=utf-8", body: `${body}\n` });
    if (method !== "GET" && method !== "HEAD") return plain(405, "only GET");
    switch (url.split("?", 1)[0]) {
      case "/health":
        return plain(200, "alive");
      case "/ready": {
        const reasons = this.#options.notReady();
        return reasons.length === 0 ? plain(200, "ready") : plain(503, reasons.join("\n"));
      }
      case "/metrics":
        return { status: 200, type: this.#options.registry.contentType, body: await this.#options.registry.metrics() };
      case "/packing": {
        const packing = this.#options.packing();
        if (packing === undefined) return plain(404, "jobs are not packed here: MILLRACE_AGENT_SLOTS is a number");
        return { status: 200, type: "application/json", body: `${JSON.stringify(packingPage(packing))}\n` };
      }
      default:
        return plain(404, "there are /health, /ready, /metrics and /packing");
    }
  }
}

function packingPage({ capacity, used, heldBytes, running, slots, waiting }: PackingStatus): object {
  return {
    slots,
    running,
    memory_bytes: { of: Math.round(capacity.memoryBytes), taken: used.memoryBytes, held_by_helpers: heldBytes },
    cpu_millis: { of: capacity.cpuMillis, taken: used.cpuMillis },
    waiting: waiting.map(({ needs, waitsMs }) => ({ memory_bytes: needs.memoryBytes, cpu_millis: needs.cpuMillis, waits_ms: waitsMs })),
  };
}

/** A socket that an earlier process left; anything else is not ours to remove. */
function removeStaleSocket(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(path);
}
