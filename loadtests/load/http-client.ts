import { type Dispatcher, Pool } from "undici";

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/**
 * A client that adds as little as possible to what is measured: kept-alive connections, the ones that were used last first, no redirects, no decoding. The
 * text of an answer is kept only where it is wanted, or when the status is not 2xx. A request that is answered late is waited for.
 */
export class HttpClient {
  readonly #connections: number;
  readonly #headers: Record<string, string>;
  readonly #bodyHeaders: Record<string, string>;
  /** By origin. */
  readonly #pools = new Map<string, Pool>();

  constructor(token: string, connections: number) {
    this.#connections = connections;
    this.#headers = { authorization: `Bearer ${token}` };
    this.#bodyHeaders = { ...this.#headers, "content-type": "application/json" };
  }

  /** Errors: those of the connection, when there is no answer. */
  send(method: Dispatcher.HttpMethod, base: string, path: string, body?: string, wantsText = true): Promise<Answer> {
    const pool = this.#poolOf(base);
    const headers = body === undefined ? this.#headers : this.#bodyHeaders;
    return new Promise((resolve, reject) => {
      pool.dispatch({ method, path, headers, body: body ?? null }, new AnswerReader(wantsText, resolve, reject));
    });
  }

  close(): void {
    for (const pool of this.#pools.values()) void pool.destroy();
    this.#pools.clear();
  }

  #poolOf(base: string): Pool {
    const known = this.#pools.get(base);
    if (known !== undefined) return known;
    const pool = new Pool(base, { connections: this.#connections, headersTimeout: 0, bodyTimeout: 0 });
    this.#pools.set(base, pool);
    return pool;
  }
}

class AnswerReader implements Dispatcher.DispatchHandler {
  readonly #wantsText: boolean;
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: Error) => void;
  readonly #parts: Buffer[] = [];
  #status = 0;

  constructor(wantsText: boolean, resolve: (answer: Answer) => void, reject: (error: Error) => void) {
    this.#wantsText = wantsText;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** It is there for undici to know a handler of today by it. */
  onRequestStart(): void {}

  onResponseStart(_: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
  }

  onResponseData(_: Dispatcher.DispatchController, part: Buffer): void {
    if (this.#wantsText || this.#status >= 300) this.#parts.push(part);
  }

  onResponseEnd(): void {
    this.#resolve({ status: this.#status, text: Buffer.concat(this.#parts).toString() });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#reject(error);
  }
}
