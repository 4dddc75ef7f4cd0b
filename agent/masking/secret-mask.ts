import { encodedPatterns, plainPatterns } from "./mask-patterns.ts";
import { PatternSearch } from "./pattern-search.ts";

export const MASK = "***";
const MASK_BYTES = Buffer.from(MASK);
const NOTHING = Buffer.alloc(0);
/** All that is looked for in the output of one attempt: a job may fetch any number of secrets. Encodings of later ones are given up first. */
const MAX_PATTERNS = 5000;
const MAX_WITH_ENCODED = 2500;

/** What of one stream was not passed on yet. */
interface Held {
  /** May be the beginning of a secret; shorter than the longest pattern. */
  readonly text: Buffer;
  /** So much of it is already said by a mask that was passed on; -1: no mask ends here. */
  readonly maskedTo: number;
}

const NONE: Held = { text: NOTHING, maskedTo: -1 };

/**
 * Replaces the secrets of one attempt in its output, however it is cut into pieces. Only what may be the beginning of a secret is held back, until
 * it is clear. Secrets that overlap or follow each other directly become one mask. Best effort by nature: what a script makes of a secret beyond
 * the usual encodings is not found.
 */
export class SecretMask {
  readonly #secrets = new Set<string>();
  /** By their bytes as text. */
  readonly #patterns = new Map<string, Buffer>();
  readonly #held = new Map<number, Held>();
  #search: PatternSearch | undefined;

  /** All that were added, as far as there was room for them. */
  get secrets(): ReadonlySet<string> {
    return this.#secrets;
  }

  /** From now on these are masked too. */
  add(secrets: readonly string[]): void {
    const before = this.#patterns.size;
    const added = secrets.filter((secret) => !this.#secrets.has(secret) && this.#patterns.size < MAX_PATTERNS);
    for (const secret of added) this.#secrets.add(secret);
    for (const secret of added) this.#lookFor(plainPatterns(secret), MAX_PATTERNS);
    for (const secret of added) this.#lookFor(encodedPatterns(secret), MAX_WITH_ENCODED);
    if (this.#patterns.size > before) this.#search = new PatternSearch([...this.#patterns.values()]);
  }

  #lookFor(patterns: readonly Buffer[], max: number): void {
    for (const pattern of patterns) if (this.#patterns.size < max) this.#patterns.set(pattern.toString("latin1"), pattern);
  }

  /** Takes a piece of a stream and returns what of it may be passed on. */
  write(stream: number, data: Buffer): Buffer {
    const search = this.#search;
    if (search === undefined) return data;
    const held = this.#held.get(stream) ?? NONE;
    const text = held.text.length === 0 ? data : Buffer.concat([held.text, data]);
    return this.#pass(stream, search, { text, maskedTo: held.maskedTo }, search.openFrom(text));
  }

  /** The stream is over: what was held back. */
  end(stream: number): Buffer {
    const held = this.#held.get(stream);
    if (held === undefined || this.#search === undefined) return NOTHING;
    return this.#pass(stream, this.#search, held, held.text.length);
  }

  /** A text that is whole. */
  text(text: string): string {
    const whole = -1;
    if (this.#search === undefined) return text;
    const masked = [this.write(whole, Buffer.from(text)), this.end(whole)];
    this.#held.delete(whole);
    return Buffer.concat(masked).toString("utf8");
  }

  /** Every text in JSON that is whole; JSON stays JSON. What is none is masked as a text. */
  json(json: string): string {
    if (this.#search === undefined) return json;
    try {
      return JSON.stringify(JSON.parse(json, (_name, value: unknown) => (typeof value === "string" ? this.text(value) : value)));
    } catch {
      return this.text(json);
    }
  }

  /** Passes on what is before `cut`, with masks, and holds the rest. */
  #pass(stream: number, search: PatternSearch, { text, maskedTo: maskedBefore }: Held, cut: number): Buffer {
    const matches = search.find(text);
    if (matches.length === 0 && maskedBefore < 0 && cut === text.length) {
      this.#held.delete(stream);
      return text;
    }
    let maskedTo = maskedBefore;
    let at = Math.max(0, Math.min(maskedTo, cut));
    const pieces: Buffer[] = [];
    for (const { from, to } of matches) {
      if (from >= cut) break;
      if (from > maskedTo) pieces.push(text.subarray(at, from), MASK_BYTES);
      maskedTo = Math.max(maskedTo, to);
      at = Math.min(maskedTo, cut);
    }
    pieces.push(text.subarray(at, cut));
    this.#held.set(stream, { text: Buffer.from(text.subarray(cut)), maskedTo: maskedTo >= cut ? maskedTo - cut : -1 });
    return Buffer.concat(pieces);
  }
}
