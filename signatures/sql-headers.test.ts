import { describe, expect, it } from "vitest";
import { readSqlHeaders } from "./sql-headers.ts";

describe("readSqlHeaders", () => {
  it("reads numbered parameters of PostgreSQL with types and defaults", () => {
    const code = "-- $2 who (varchar(20)) = 'it''s'\n-- just words\n\n-- $1 n (int) = 3\n-- $3 tags (text[])\nselect $1; -- $4 late (int)\n";
    const { parameters, problems } = readSqlHeaders("postgresql", code);
    expect(parameters).toEqual([
      { name: "n", type: "int", default: 3, position: 1 },
      { name: "who", type: "varchar(20)", default: "it's", position: 2 },
      { name: "tags", type: "text[]", position: 3 },
    ]);
    expect(problems).toEqual([]);
  });

  it("reads question marks by their order and names with their sign", () => {
    expect(readSqlHeaders("mysql", "-- ? a (int)\n-- :b (text) = 7\n-- ? c\n-- $d (int)\nselect 1").parameters).toEqual([
      { name: "a", type: "int", position: 1 },
      { name: "b", type: "text", default: "7", position: 0 },
      { name: "c", type: "", position: 2 },
    ]);
    expect(readSqlHeaders("sqlite", "-- :a (int) = null\n-- $b (real) = 1.5\n").parameters).toEqual([
      { name: "a", type: "int", default: null, position: 0 },
      { name: "b", type: "real", default: 1.5, position: 0 },
    ]);
    expect(readSqlHeaders("duckdb", '-- $a (json) = {"x": [1]}\n-- :b (int)\n').parameters).toEqual([
      { name: "a", type: "json", default: { x: [1] }, position: 0 },
    ]);
  });

  it("reads what to collect", () => {
    expect(readSqlHeaders("mysql", "-- result_collection=all_statements_first_row_scalar\nselect 1").collection).toEqual({
      statements: "all",
      rows: "first",
      scalar: true,
    });
    expect(readSqlHeaders("mysql", "select 1").collection).toEqual({ statements: "last", rows: "all", scalar: false });
  });

  it("names the line of a slip and leaves comments alone", () => {
    const code = "-- $ 5 a day\n-- :) fine\n-- $name\n-- $x (int = 3\n-- $name (int)\n-- result_collection=some\nselect 1";
    expect(readSqlHeaders("duckdb", code).problems.map(({ line }) => line)).toEqual([4, 5, 6]);
  });
});
