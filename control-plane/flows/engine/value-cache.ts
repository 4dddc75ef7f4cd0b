import type { Json } from "../../../kernel/json.ts";
import { parseJson } from "./flow-codec.ts";

interface Entry {
  readonly text: string;
  /** Read when an expression first asks for it. */
  json?: Json;
}

/** JSON is read into about so many bytes for each of its letters, beside the text. */
const BYTES_PER_LETTER = 4;

/** Values by name, those that were used last: texts as their jobs wrote them, and what was read from them. They never change. */
export class ValueCache {
  readonly #maxBytes: number;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  text(name: string): string | undefined {
    return this.#use(name)?.text;
  }

  /** The value as an expression sees it; undefined when it is not at hand. */
  json(name: string): { readonly value: Json } | undefined {
    const entry = this.#use(name);
    if (entry === undefined) return undefined;
    entry.json ??= parseJson(entry.text);
    return { value: entry.json };
  }

  /** The value that is kept last is always there, however large it is. */
  keep(name: string, text: string): void {
    this.drop(name);
    this.#entries.set(name, { text });
    this.#bytes += text.length * BYTES_PER_LETTER;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes || oldest === name) break;
      this.drop(oldest);
    }
  }

  #use(name: string): Entry | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    // A Map iterates in the order of insertion: the last is the newest.
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    return entry;
  }

  drop(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    this.#entries.delete(name);
    this.#bytes -= entry.text.length * BYTES_PER_LETTER;
  }
}
