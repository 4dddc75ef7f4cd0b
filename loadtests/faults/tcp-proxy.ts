import { connect, createServer, type Server, type Socket } from "node:net";

/**
 * A TCP proxy that fails on command: it can refuse, cut what is open, or go silent while everything stays open (a half-open
 * connection, a dropped network). Loopback only.
 */
export class TcpProxy {
  #target: { readonly host: string; readonly port: number };
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #server: Server | undefined;
  #port = 0;
  #frozen = false;

  constructor(target: { host: string; port: number }) {
    this.#target = target;
  }

  get port(): number {
    return this.#port;
  }

  /** Listens, on the same port as before when it was cut. */
  async open(): Promise<void> {
    this.#frozen = false;
    for (const pair of this.#pairs) for (const socket of pair) socket.resume();
    if (this.#server !== undefined) return;
    const server = createServer((inner) => this.#join(inner));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, "127.0.0.1", resolve);
    });
    const address = server.address();
    if (typeof address === "object" && address !== null) this.#port = address.port;
  }

  /** Connections lead to another port of the same host from now on; those that are open stay where they are. */
  aim(port: number): void {
    this.#target = { host: this.#target.host, port };
  }

  /** Resets every connection and refuses new ones. */
  async cut(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  /** Passes nothing on any more, in neither direction; connections stay open and new ones are accepted. */
  freeze(): void {
    this.#frozen = true;
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  #join(inner: Socket): void {
    const outer = connect(this.#target.port, this.#target.host);
    const pair = [inner, outer] as const;
    this.#pairs.add(pair);
    const end = (): void => {
      this.#pairs.delete(pair);
      inner.destroy();
      outer.destroy();
    };
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      from.on("data", (data) => {
        if (!to.write(data)) from.pause();
      });
      to.on("drain", () => {
        if (!this.#frozen) from.resume();
      });
      from.on("error", end);
      from.on("close", end);
      from.on("end", end);
    }
    if (this.#frozen) for (const socket of pair) socket.pause();
  }
}
