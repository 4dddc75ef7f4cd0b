const DEEPEST = 6;

/**
 * JSON text of an array as PostgreSQL writes it, such as `{1,NULL,"a,b",{2}}`; bounds in front (`[0:1]=`) are left out.
 * @param item writes one item
 * @returns undefined for what is no such text
 */
export function readPgArray(text: string, item: (text: string) => string): string | undefined {
  const from = text.startsWith("[") ? text.indexOf("=") + 1 : 0;
  const reader = new ArrayReader(text, from, item);
  return reader.read(0) && reader.at === text.length ? reader.json : undefined;
}

class ArrayReader {
  json = "";
  at: number;
  readonly #text: string;
  readonly #item: (text: string) => string;

  constructor(text: string, at: number, item: (text: string) => string) {
    this.#text = text;
    this.at = at;
    this.#item = item;
  }

  read(depth: number): boolean {
    if (this.#text[this.at] !== "{" || depth === DEEPEST) return false;
    this.at += 1;
    const items: string[] = [];
    while (this.#text[this.at] !== "}") {
      const value = this.#value(depth);
      if (value === undefined) return false;
      items.push(value);
      if (this.#text[this.at] === ",") this.at += 1;
      else if (this.#text[this.at] !== "}") return false;
    }
    this.at += 1;
    this.json = `[${items.join(",")}]`;
    return true;
  }

  #value(depth: number): string | undefined {
    const char = this.#text[this.at];
    if (char === "{") return this.read(depth + 1) ? this.json : undefined;
    if (char === '"') return this.#quoted();
    const end = /[,}]/g;
    end.lastIndex = this.at;
    const found = end.exec(this.#text);
    if (found === null) return undefined;
    const bare = this.#text.slice(this.at, found.index);
    this.at = found.index;
    return bare === "NULL" ? "null" : this.#item(bare);
  }

  #quoted(): string | undefined {
    let value = "";
    for (this.at += 1; this.at < this.#text.length; this.at++) {
      const char = this.#text[this.at] ?? "";
      if (char === '"') {
        this.at += 1;
        return this.#item(value);
      }
      if (char === "\\") this.at += 1;
      value += this.#text[this.at] ?? "";
    }
    return undefined;
  }
}
