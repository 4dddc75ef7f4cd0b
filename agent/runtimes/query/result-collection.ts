import { QueryError } from "./query-error.ts";

/** Which of the rows become the result: a comment line of its own says it, such as `-- result_collection=last_statement_first_row`. */
export interface ResultCollection {
  readonly statements: "last" | "all";
  readonly rows: "all" | "first";
  /** Of each row the first column only, without its name. */
  readonly scalar: boolean;
}

const HEADER = /^[ \t]*--[ \t]*result_collection[ \t]*=[ \t]*(\S*)[ \t]*\r?$/m;
const VALUE = /^(last_statement|all_statements)_(all_rows|first_row)(_scalar)?$/;

/** @throws QueryError for a word that is none of those */
export function readCollection(code: string): ResultCollection {
  const header = HEADER.exec(code);
  if (header === null) return { statements: "last", rows: "all", scalar: false };
  const value = VALUE.exec(header[1] ?? "");
  if (value === null) {
    const line = code.slice(0, header.index).split("\n").length;
    throw new QueryError("SyntaxError", "result_collection is last_statement or all_statements, _all_rows or _first_row, perhaps with _scalar", { line });
  }
  return { statements: value[1] === "last_statement" ? "last" : "all", rows: value[2] === "all_rows" ? "all" : "first", scalar: value[3] !== undefined };
}
