export interface Match {
  readonly from: number;
  readonly to: number;
}

const BLOCKS = 65_536;
/** What a byte of the shift table can say. */
const MAX_SHIFT = 255;

/**
 * Finds many patterns at once (Wu and Manber, "A fast algorithm for multi-pattern searching", 1994, with blocks of two bytes): most places of a
 * text are never looked at, since the two bytes under the end of the window tell how far it may go on. All patterns have at least two bytes.
 */
export class PatternSearch {
  /** Of the longest pattern, bytes. */
  readonly longest: number;
  /** Of the shortest: that much of each pattern is in the window. */
  readonly #window: number;
  readonly #shifts: Uint8Array;
  /** Patterns by the last two bytes of their part in the window. */
  readonly #byBlock = new Map<number, Buffer[]>();
  /** Patterns by their first two bytes, and which bytes are the first of any. */
  readonly #byStart = new Map<number, Buffer[]>();
  readonly #starts = new Uint8Array(BLOCKS);
  readonly #firsts = new Set<number>();

  constructor(patterns: readonly Buffer[]) {
    const lengths = patterns.map((pattern) => pattern.length);
    this.longest = Math.max(...lengths);
    this.#window = Math.min(MAX_SHIFT, ...lengths);
    this.#shifts = new Uint8Array(BLOCKS).fill(this.#window - 1);
    for (const pattern of patterns) this.#add(pattern);
  }

  #add(pattern: Buffer): void {
    for (let end = 1; end < this.#window; end++) {
      const block = blockAt(pattern, end);
      this.#shifts[block] = Math.min(this.#shifts[block] ?? 0, this.#window - 1 - end);
    }
    put(this.#byBlock, blockAt(pattern, this.#window - 1), pattern);
    put(this.#byStart, blockAt(pattern, 1), pattern);
    this.#starts[blockAt(pattern, 1)] = 1;
    this.#firsts.add(pattern[0] ?? 0);
  }

  /** Every place where a pattern stands, in the order of their beginnings; of those that begin together the longest. */
  find(text: Buffer): Match[] {
    const matches: Match[] = [];
    const shifts = this.#shifts;
    for (let at = this.#window - 1; at < text.length; ) {
      const block = blockAt(text, at);
      const shift = shifts[block] ?? 0;
      if (shift > 0) {
        at += shift;
        continue;
      }
      const from = at - this.#window + 1;
      const to = this.#longestAt(text, from, block);
      if (to > from) matches.push({ from, to });
      at += 1;
    }
    return matches;
  }

  #longestAt(text: Buffer, from: number, block: number): number {
    let to = from;
    for (const pattern of this.#byBlock.get(block) ?? []) {
      const end = from + pattern.length;
      if (end <= to || end > text.length || text[from] !== pattern[0]) continue;
      if (text.compare(pattern, 0, pattern.length, from, end) === 0) to = end;
    }
    return to;
  }

  /** Where the text ends in something that may become a pattern: the place of the first such beginning, or the text's length. */
  openFrom(text: Buffer): number {
    const last = text.length - 1;
    for (let from = Math.max(0, text.length - this.longest + 1); from < last; from++) {
      const block = blockAt(text, from + 1);
      if (this.#starts[block] === 1 && this.#mayGoOn(text, from, block)) return from;
    }
    return last >= 0 && this.#firsts.has(text[last] ?? 0) ? last : text.length;
  }

  #mayGoOn(text: Buffer, from: number, block: number): boolean {
    const length = text.length - from;
    return (this.#byStart.get(block) ?? []).some((pattern) => pattern.length > length && text.compare(pattern, 0, length, from, text.length) === 0);
  }
}

/** Two bytes as a number. @param end where the second one is */
function blockAt(text: Buffer, end: number): number {
  return ((text[end - 1] ?? 0) << 8) | (text[end] ?? 0);
}

function put(lists: Map<number, Buffer[]>, block: number, pattern: Buffer): void {
  const list = lists.get(block);
  if (list === undefined) lists.set(block, [pattern]);
  else list.push(pattern);
}
