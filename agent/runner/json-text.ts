/**
 * Checks JSON text without building values: results go to the database as the script wrote them, so that numbers keep
 * their digits, and JSON.parse on hostile text (2 MB of `{}` or of brackets) would hold up the whole agent.
 */

/** Nesting that is accepted: far more than people write, far less than breaks readers. */
export const MAX_JSON_DEPTH = 128;

export type JsonMembers =
  /** Name → text of the value. Of equal names the last one counts, as in JSON.parse. */
  { readonly kind: "members"; readonly values: ReadonlyMap<string, string> } | { readonly kind: "problem"; readonly message: string };

/** What is wrong with a JSON text; undefined when it is valid and nested at most `maxDepth` deep. */
export function findJsonProblem(text: string, maxDepth = MAX_JSON_DEPTH): string | undefined {
  return new Scanner(text, maxDepth).run();
}

/** The members of a JSON object with the text of each value untouched. */
export function readJsonMembers(text: string): JsonMembers {
  const scanner = new Scanner(text, MAX_JSON_DEPTH);
  const problem = scanner.run();
  if (problem !== undefined) return { kind: "problem", message: problem };
  if (scanner.members === undefined) return { kind: "problem", message: "not an object" };
  return { kind: "members", values: scanner.members };
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const LITERALS = ["true", "false", "null"];

type Expect = "value" | "value_or_end" | "key" | "key_or_end" | "after";

class Scanner {
  /** Members of the outermost object; undefined when the document is no object. */
  members: Map<string, string> | undefined;
  readonly #text: string;
  readonly #maxDepth: number;
  /** `{` or `[` of each open level. */
  readonly #open: string[] = [];
  #at = 0;
  #key = "";
  #valueStart = 0;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  run(): string | undefined {
    let expect: Expect | undefined = "value";
    for (;;) {
      this.#skipBlanks();
      if (this.#at >= this.#text.length) return expect === "after" && this.#open.length === 0 ? undefined : "it ends too early";
      const from: number = this.#at;
      expect = this.#step(expect);
      if (this.#open.length > this.#maxDepth) return `nested deeper than ${this.#maxDepth} levels`;
      if (expect === undefined) return `unexpected text at position ${from}`;
    }
  }

  #step(expect: Expect): Expect | undefined {
    const char = this.#text[this.#at] ?? "";
    switch (expect) {
      case "key_or_end":
        return char === "}" ? this.#close("{") : this.#readKey(char);
      case "key":
        return this.#readKey(char);
      case "value_or_end":
        return char === "]" ? this.#close("[") : this.#readValue(char);
      case "value":
        return this.#readValue(char);
      case "after":
        return this.#readAfter(char);
    }
  }

  #readAfter(char: string): Expect | undefined {
    const level = this.#open.at(-1);
    if (level === undefined) return undefined;
    if (char === ",") {
      this.#endMember();
      this.#at += 1;
      return level === "{" ? "key" : "value";
    }
    return char === "}" ? this.#close("{") : char === "]" ? this.#close("[") : undefined;
  }

  #readValue(char: string): Expect | undefined {
    if (this.#open.length === 1) this.#valueStart = this.#at;
    if (char === "{" || char === "[") {
      if (char === "{" && this.#open.length === 0) this.members = new Map();
      this.#open.push(char);
      this.#at += 1;
      return char === "{" ? "key_or_end" : "value_or_end";
    }
    if (char === '"') return this.#skipString() ? "after" : undefined;
    const literal = LITERALS.find((word) => this.#text.startsWith(word, this.#at));
    if (literal !== undefined) {
      this.#at += literal.length;
      return "after";
    }
    return this.#skip(NUMBER) ? "after" : undefined;
  }

  #readKey(char: string): Expect | undefined {
    const start = this.#at;
    if (char !== '"' || !this.#skipString()) return undefined;
    if (this.#open.length === 1) this.#key = String(JSON.parse(this.#text.slice(start, this.#at)));
    this.#skipBlanks();
    if (this.#text[this.#at] !== ":") return undefined;
    this.#at += 1;
    return "value";
  }

  #close(level: "{" | "["): Expect | undefined {
    if (this.#open.at(-1) !== level) return undefined;
    this.#endMember();
    this.#open.pop();
    this.#at += 1;
    return "after";
  }

  #endMember(): void {
    if (this.#open.length !== 1 || this.members === undefined || this.#valueStart === 0) return;
    this.members.set(this.#key, this.#text.slice(this.#valueStart, this.#at).trimEnd());
    this.#valueStart = 0;
  }

  #skipString(): boolean {
    for (this.#at += 1; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x22) {
        this.#at += 1;
        return true;
      }
      if (code < 0x20) return false;
      if (code === 0x5c) {
        if (!this.#skip(ESCAPE)) return false;
        this.#at -= 1;
      }
    }
    return false;
  }

  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) return false;
    this.#at = pattern.lastIndex;
    return true;
  }

  #skipBlanks(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
    }
  }
}
