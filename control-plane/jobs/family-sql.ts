/** Whether each family of a flush has one row, as on a system that has little to do, or any number of them. */
export const FORMS = ["one", "many"] as const;
export type Form = (typeof FORMS)[number];

/** One part of the hot statement; see statements.ts. */
export interface FamilySql {
  /** Types of a row, in order. Its first value is never NULL. */
  readonly types: readonly string[];
  /** Common table expressions. @param lane number of the child tables */
  readonly sql: (lane: number, rows: RowsSql) => string;
  /** Expression that gives `family/id` of those that did not move; undefined when they always do. */
  readonly unmoved?: (rows: RowsSql) => string;
}

/** How the rows of a family come into its part of the statement: its parameters are arrays, one for each column, or the values of one row. */
export interface RowsSql {
  /** The rows as a table without a name. */
  readonly table: string;
  /** Of an expression that has the rows in it and is used more than once. */
  readonly kept: "MATERIALIZED" | "NOT MATERIALIZED";
  /** Right side of a comparison with the values of a column. */
  equal(at: number): string;
  /** The first column, an id, of rows that are not in the table. */
  missingIn(table: string): string;
}

/** @param $ parameter at a position */
export function rowsSql(form: Form, types: readonly string[], $: (at: number) => string): RowsSql {
  return form === "one" ? oneRow(types, $) : manyRows(types, $);
}

function manyRows(types: readonly string[], $: (at: number) => string): RowsSql {
  const column = (at: number): string => `${$(at)}::${types[at]}[]`;
  return {
    table: `unnest(${types.map((_, at) => column(at)).join(", ")})`,
    kept: "MATERIALIZED",
    equal: (at) => `= ANY(${column(at)})`,
    missingIn: (table) => `SELECT unnest(${column(0)}) EXCEPT SELECT id FROM ${table}`,
  };
}

/**
 * Postgres makes an array of each parameter, a table of each array and one of all of them: for a single row that takes longer than to write it
 * (docs/decisions/0206). A statement that is run to be made ready has a row of NULLs, which is none.
 */
function oneRow(types: readonly string[], $: (at: number) => string): RowsSql {
  const value = (at: number): string => `${$(at)}::${types[at]}`;
  return {
    table: `(SELECT ${types.map((_, at) => value(at)).join(", ")} WHERE ${value(0)} IS NOT NULL)`,
    kept: "NOT MATERIALIZED",
    equal: (at) => `= ${value(at)}`,
    missingIn: (table) => `SELECT ${value(0)} WHERE ${value(0)} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ${table})`,
  };
}
