import type { Command } from "../core/model.ts";
import type { RunInput } from "./run-inputs.ts";

/** Commands of a run that take longer, while they are being worked on. */
export class WorkUnderWay {
  /** By their text. */
  readonly #keys = new Set<string>();
  /** What was begun under an earlier one is void: the run's state was thrown away since. */
  #generation = 0;

  get size(): number {
    return this.#keys.size;
  }

  has(command: Command): boolean {
    return this.#keys.has(keyOf(command));
  }

  /** Its outcome has been taken in. */
  over(command: Command): void {
    this.#keys.delete(keyOf(command));
  }

  /** Nobody waits for any of it any more. */
  clear(): void {
    this.#keys.clear();
    this.#generation += 1;
  }

  /** Begins a command, unless it has begun. @param came its outcome, of which `over` has to be told @param failed it is not under way any more */
  begin(command: Command, work: () => Promise<RunInput>, came: (input: RunInput) => void, failed: (error: unknown) => void): void {
    if (this.has(command)) return;
    const generation = this.#generation;
    this.#keys.add(keyOf(command));
    work().then(
      (input) => {
        if (this.#generation === generation) came(input);
      },
      (error: unknown) => {
        if (this.#generation !== generation) return;
        this.over(command);
        failed(error);
      },
    );
  }
}

const keyOf = (command: Command): string => JSON.stringify(command);
