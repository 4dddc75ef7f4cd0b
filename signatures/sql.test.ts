import { describe, expect, it } from "vitest";
import { showSignature } from "./show-signature.ts";
import { readSql, readSqlScript } from "./sql.ts";
import type { SqlLanguage } from "./sql-tokens.ts";

const PG = "database: $postgresql | string";
const MY = "database: $mysql | string";
const LITE = 'database?: string = ":memory:"';
const DUCK = LITE;

const SCRIPTS: readonly (readonly [language: SqlLanguage, code: string, expected: string])[] = [
  ["postgresql", "SELECT 1", PG],
  ["postgresql", "-- $1 name (text)\n-- $2 count (int) = 3\nSELECT $1, $2", `${PG}, name: string, count?: integer = 3`],
  ["postgresql", "-- database f/db/main\n-- $1 id (uuid)\nSELECT $1", "database?: $postgresql | string, id: uuid"],
  ["postgresql", "SELECT $2, $1::bigint, $1", `${PG}, arg1: integer, arg2: any`],
  ["postgresql", '-- $1 tags (text[]) = ["a"]\n-- $2 at (timestamptz) = null\nSELECT $1', `${PG}, tags?: string[] = ["a"], at?: date-time | null = null`],
  ["postgresql", "-- $1 name (varchar(20)) = it's\n-- $2 n (double precision)\n-- $3 j (jsonb)\nSELECT 1", `${PG}, name?: string = "it's", n: number, j: any`],
  ["postgresql", "-- $1 is used below, see there\nSELECT '$2', \"$3\", $$ $4 $$, $a$ $5 $a$, E'\\'$6', 'a''$7' /* $8 /* */ $9 */ -- $10\n", PG],
  ["postgresql", "SELECT a::text, b ?| array['x'], $1::text[] FROM t", `${PG}, arg1: string[]`],
  ["mysql", "-- :name (text)\n-- :n (int) = 5\nSELECT * FROM t WHERE a = :name LIMIT :n", `${MY}, name: string, n?: integer = 5`],
  ["mysql", "-- ? name (text)\n-- ? n (int)\nSELECT ?, ?, ?", `${MY}, name: string, n: integer, arg3: any`],
  ["mysql", "# comment ?\nSELECT 'it\\'s ?', `a?`, \":x\", :y", `${MY}, y: any`],
  ["sqlite", "-- :name (text) = 'x'\nSELECT :name, $n, @m, [a$b]", `${LITE}, name?: string = "x", n: any, m: any`],
  ["duckdb", "-- $name (text)\nSELECT $name, $limit, x::int", `${DUCK}, name: string, limit: any`],
  ["duckdb", "-- database f/lake\nFROM 'a.parquet' WHERE b = $1", "database?: string, arg1: any"],
];

describe("the arguments of a SQL script", () => {
  it.each(SCRIPTS)("%s: %j", (language, code, expected) => {
    const { signature, problems } = readSql(language, code);
    expect(problems).toEqual([]);
    expect(showSignature(signature)).toBe(expected);
  });

  it.each<[SqlLanguage, string, number, number, string]>([
    ["postgresql", "SELECT 1,\n  'abc", 2, 3, "this string is never closed"],
    ["postgresql", "SELECT $a$ x", 1, 8, "this string is never closed"],
    ["mysql", "SELECT `abc", 1, 8, "this quoted name is never closed"],
    ["duckdb", "/* a /* b */ SELECT 1", 1, 1, "this comment is never closed"],
  ])("%s: says where %j is broken", (language, code, line, column, message) => {
    const { problems } = readSql(language, code);
    expect(problems.map((problem) => [problem.line, problem.column, problem.message])).toEqual([[line, column, message]]);
  });

  it("tells the runtime which argument fills which placeholder", () => {
    expect(readSqlScript("postgresql", "-- database f/db\n-- $1 a (int) = 3\nSELECT $2, $1")).toEqual({
      database: "f/db",
      bindings: [
        { placeholder: "$1", name: "a", type: "int", default: 3 },
        { placeholder: "$2", name: "arg2", type: "" },
      ],
    });
    expect(readSqlScript("mysql", "-- ? a (int)\nSELECT ?, ?").bindings).toEqual([
      { placeholder: "?", name: "a", type: "int" },
      { placeholder: "?", name: "arg2", type: "" },
    ]);
  });
});
