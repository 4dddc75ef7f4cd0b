import { messageOf } from "../../kernel/app-error.ts";

/** What a run has started and must end, whatever happens: processes, connections, folders. Closed in reverse order. */
export class Scope {
  #steps: (() => Promise<void> | void)[] = [];
  #closing: Promise<void> | undefined;

  defer(step: () => Promise<void> | void): void {
    this.#steps.push(step);
  }

  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** Never rejects; a second call waits for the first. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        process.stderr.write(`clean-up: ${messageOf(error)}\n`);
      }
    }
  }
}
