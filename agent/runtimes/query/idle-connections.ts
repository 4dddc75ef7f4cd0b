import { createHash } from "node:crypto";

interface Idle<C> {
  readonly key: string;
  readonly connection: C;
  /** Whether it could be made as new. */
  readonly ready: Promise<boolean>;
  readonly timer: NodeJS.Timeout;
}

const MAX_IDLE = 16;
const IDLE_MS = 30_000;

/** Open connections of one workspace that wait for the next job with the same address and the same user. */
export class IdleConnections<C> {
  readonly #close: (connection: C) => void;
  #idle: Idle<C>[] = [];

  constructor(close: (connection: C) => void) {
    this.#close = close;
  }

  /** The one that was used last, when it is as new. */
  async take(key: string): Promise<C | undefined> {
    for (;;) {
      const found = this.#idle.findLast((idle) => idle.key === key);
      if (found === undefined) return undefined;
      this.#drop(found);
      if (await found.ready) return found.connection;
      this.#close(found.connection);
    }
  }

  /** Keeps a connection, and makes it as new: the job that used it need not wait for that. */
  keep(key: string, connection: C, reset: Promise<void>): void {
    const ready = reset.then(
      () => true,
      () => false,
    );
    const timer = setTimeout(() => this.remove(connection), IDLE_MS).unref();
    this.#idle.push({ key, connection, ready, timer });
    const [oldest] = this.#idle;
    if (this.#idle.length > MAX_IDLE && oldest !== undefined) this.remove(oldest.connection);
  }

  /** Closes it, if it waits here. */
  remove(connection: C): void {
    const found = this.#idle.find((idle) => idle.connection === connection);
    if (found === undefined) return;
    this.#drop(found);
    this.#close(connection);
  }

  #drop(idle: Idle<C>): void {
    clearTimeout(idle.timer);
    this.#idle = this.#idle.filter((other) => other !== idle);
  }
}

/** The same only for the same server, user, password and way to connect. */
export function connectionKey(address: object): string {
  return createHash("sha256").update(JSON.stringify(address)).digest("hex");
}
