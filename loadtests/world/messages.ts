import type { ChildProcess } from "node:child_process";

/** Talks to a child process in typed messages; a child that ends or says `failed` fails whoever waits. */
export class Conversation<Out extends { kind: string }, In extends { kind: string }> {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #waiting = new Set<{ kind: string; resolve: (message: In) => void; reject: (error: Error) => void }>();
  #failure: Error | undefined;

  constructor(child: ChildProcess, name: string, onMessage: (message: In) => void = () => undefined) {
    this.#child = child;
    this.#name = name;
    child.on("message", (message: In) => {
      onMessage(message);
      if (message.kind === "failed") this.#fail(new Error(`${name}: ${"message" in message ? String(message.message) : "failed"}`));
      for (const waiter of [...this.#waiting]) {
        if (waiter.kind !== message.kind) continue;
        this.#waiting.delete(waiter);
        waiter.resolve(message);
      }
    });
    child.once("exit", (code, signal) => this.#fail(new Error(`${name} ended (${signal ?? `exit code ${code}`})`)));
  }

  say(message: Out): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  /** The next message of a kind. Errors: when the child fails or ends before. */
  hear<Kind extends In["kind"]>(kind: Kind, withinMs: number): Promise<Extract<In, { kind: Kind }>> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      const timer = setTimeout(() => {
        this.#waiting.delete(waiter);
        reject(new Error(`${this.#name}: no "${kind}" within ${Math.round(withinMs / 1000)} s`));
      }, withinMs);
      const settle =
        <Value>(then: (value: Value) => void) =>
        (value: Value): void => {
          clearTimeout(timer);
          then(value);
        };
      const waiter = { kind, resolve: settle((message: In) => resolve(message as Extract<In, { kind: Kind }>)), reject: settle(reject) };
      this.#waiting.add(waiter);
    });
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const waiter of this.#waiting) waiter.reject(error);
    this.#waiting.clear();
  }
}
