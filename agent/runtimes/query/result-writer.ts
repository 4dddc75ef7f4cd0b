import { QueryError } from "./query-error.ts";
import type { ResultCollection } from "./result-collection.ts";

/** Thrown as soon as more than the cap has been written: whoever reads rows stops there, so that memory is bounded by the cap. */
export function resultTooLarge(): QueryError {
  return new QueryError("ResultTooLarge", "the result is too large");
}

/** Puts the rows of a script together, as JSON text, up to a cap. */
export class ResultWriter {
  readonly #collection: ResultCollection;
  readonly #statements: number;
  #room: number;
  /** Of each kept statement the JSON text. */
  readonly #done: string[] = [];
  #rows: string[] = [];
  /** `"name":` of each column; undefined for those that a later column of the same name hides. */
  #keys: readonly (string | undefined)[] = [];
  #keeps = false;

  constructor(collection: ResultCollection, statements: number, maxBytes: number) {
    this.#collection = collection;
    this.#statements = statements;
    this.#room = maxBytes;
  }

  /** Whether one row is all that is wanted of this statement. */
  wantsOneRow(index: number): boolean {
    return this.#collection.rows === "first" && this.#isKept(index);
  }

  begin(index: number): void {
    this.#keeps = this.#isKept(index);
    this.#rows = [];
    this.#keys = [];
  }

  columns(names: readonly string[]): void {
    const last = new Map(names.map((name, at) => [name, at]));
    this.#keys = names.map((name, at) => (last.get(name) === at ? `${JSON.stringify(name.toWellFormed())}:` : undefined));
  }

  /** Whether the next row is kept: if not, nobody needs to write it. */
  get keeps(): boolean {
    return this.#keeps && (this.#collection.rows === "all" || this.#rows.length === 0);
  }

  /** @param values JSON text, one for each column. @throws QueryError when the result grows too large */
  row(values: readonly string[]): void {
    if (!this.keeps) return;
    const text = this.#collection.scalar ? (values[0] ?? "null") : `{${this.#members(values)}}`;
    this.#room -= Buffer.byteLength(text) + 1;
    if (this.#room < 0) throw resultTooLarge();
    this.#rows.push(text);
  }

  /** Ends the statement that `begin` began. */
  end(): void {
    if (!this.#keeps) return;
    const [first = "null"] = this.#rows;
    this.#done.push(this.#collection.rows === "first" ? first : `[${this.#rows.join(",")}]`);
    this.#room -= 3;
    this.#rows = [];
  }

  finish(): string {
    if (this.#collection.statements === "all") return `[${this.#done.join(",")}]`;
    return this.#done.at(-1) ?? "null";
  }

  #isKept(index: number): boolean {
    return this.#collection.statements === "all" || index === this.#statements - 1;
  }

  #members(values: readonly string[]): string {
    let text = "";
    for (const [at, key] of this.#keys.entries()) {
      if (key === undefined) continue;
      text += `${text === "" ? "" : ","}${key}${values[at] ?? "null"}`;
    }
    return text;
  }
}
