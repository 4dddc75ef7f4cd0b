import { Agent, request } from "node:http";

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/**
 * A client that adds as little as possible to what is measured: kept-alive connections, no redirects, no decoding. The text of an answer
 * is kept only where it is wanted, or when the status is not 2xx.
 */
export class HttpClient {
  readonly #agent: Agent;
  readonly #headers: Record<string, string>;

  constructor(token: string, connections: number) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections, scheduling: "lifo" });
    this.#headers = { authorization: `Bearer ${token}` };
  }

  /** Errors: those of the socket, when there is no answer. */
  send(method: string, base: string, path: string, body?: string, wantsText = true): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? this.#headers : { ...this.#headers, "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const outgoing = request(base + path, { method, agent: this.#agent, headers }, (response) => {
        const status = response.statusCode ?? 0;
        const parts: Buffer[] = [];
        if (wantsText || status >= 300) response.on("data", (part: Buffer) => parts.push(part));
        else response.resume();
        response.once("end", () => resolve({ status, text: Buffer.concat(parts).toString() }));
        response.once("error", reject);
      });
      outgoing.once("error", reject);
      outgoing.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
