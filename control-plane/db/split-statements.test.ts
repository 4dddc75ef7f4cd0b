import { expect, test } from "vitest";
import { splitStatements } from "./split-statements.ts";

test("splits at the semicolons between statements and drops empty ones", () => {
  expect(splitStatements("select 1; select 2;\n;; -- nothing\n")).toEqual(["select 1;", "select 2;"]);
  expect(splitStatements("select 1")).toEqual(["select 1"]);
  expect(splitStatements("-- only a comment; here\n/* and ; here */")).toEqual([]);
});

test("keeps semicolons inside strings, names, dollar quotes and comments", () => {
  const whole = [
    "select 'a;b', 'it''s;' ;",
    `select "odd;name" ;`,
    "select E'quote \\'; inside' ;",
    "create function f() returns void language plpgsql as $body$ begin perform 1; end; $body$;",
    "do $$ begin perform 'x;'; end $$;",
    "select 1 -- a comment; goes on\n + 2;",
    "select /* outer /* inner; */ still; */ 3;",
    "select $1;",
  ];
  for (const statement of whole) expect(splitStatements(`${statement} select 9;`)).toEqual([statement.trim(), "select 9;"]);
});

test("an ordinary string that ends in a backslash ends there", () => {
  expect(splitStatements("select 'C:\\'; select 2;")).toEqual(["select 'C:\\';", "select 2;"]);
});
