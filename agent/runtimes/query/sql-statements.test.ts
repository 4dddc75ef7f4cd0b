import { describe, expect, it } from "vitest";
import { processorMs } from "../../../kernel/processor-time.fixture.ts";
import type { SqlLanguage } from "../../../signatures/sql-tokens.ts";
import { splitStatements } from "./sql-statements.ts";

const texts = (language: SqlLanguage, code: string): string[] => splitStatements(language, code).map(({ text }) => text);
const names = (language: SqlLanguage, code: string): string[] =>
  splitStatements(language, code).flatMap(({ placeholders }) => placeholders.map(({ text }) => text));

describe("splitStatements", () => {
  it("splits between statements, with the line of each", () => {
    const statements = splitStatements("postgresql", "-- head\nselect 1 ;\n;;\n  select 2\n-- tail ;\n");
    expect(statements.map(({ text, line }) => ({ text, line }))).toEqual([
      { text: "select 1", line: 2 },
      { text: "select 2\n-- tail ;", line: 4 },
    ]);
  });

  it.each<[SqlLanguage, string]>([
    ["postgresql", "select ';' || 'it''s;' || e'\\';' || \"a;b\" || $$;$$ || $q$ ; $$ ; $q$ /* ; /* ; */ ; */ -- ;"],
    ["postgresql", "create function f() returns int begin atomic select 1; select case when true then 2 end; end"],
    ["postgresql", "select '\\'"],
    ["mysql", "select ';' || 'it\\';' || \"a\\\";b\" || `c;d` /* ; */ # ;\n || 1 -- ;"],
    ["mysql", "create procedure p() begin if 1 then select 1; end if; while 0 do select case 1 when 1 then 2 end; end while; end"],
    ["mysql", "create definer = root@localhost trigger t before insert on x for each row begin case when 1 then set @a = 1; end case; end"],
    ["sqlite", "select ';', \";\", `;`, [;] /* ; */ -- ;"],
    ["sqlite", "create temp trigger t after insert on x begin update x set a = case when 1 then 2 end; select 1; end"],
    ["duckdb", "select ';', $$;$$, $x$;$x$, e'\\';' /* ; */"],
  ])("leaves one statement of %s whole: %s", (language, code) => {
    expect(texts(language, `${code}\n; select 2`)).toEqual([code.replace(/\s*$/, ""), "select 2"]);
  });

  it("splits transactions, which begin with BEGIN too", () => {
    for (const language of ["postgresql", "mysql", "sqlite", "duckdb"] as const) {
      expect(texts(language, "begin; select 1; end; commit")).toEqual(["begin", "select 1", "end", "commit"]);
    }
  });

  it("finds parameters and nothing that looks like them", () => {
    expect(names("postgresql", "select $1, $12, '$2', a$3, $$ $4 $$, \"$5\", x::$6 -- $7")).toEqual(["$1", "$12", "$6"]);
    expect(names("mysql", "select ?, :a, ':b', a::b, `:c` /* ? */, \"?\"")).toEqual(["?", ":a"]);
    expect(names("sqlite", "select :a, $b, @c, ?, ?3, ':d', [:e], f::g")).toEqual([":a", "$b", "@c", "?", "?3"]);
    expect(names("duckdb", "select $a, $$ $b $$, '$c', d::int, $1")).toEqual(["$a", "$1"]);
  });

  it("refuses what has no end, with its line", () => {
    for (const open of ["'a", '"a', "/* a", "$$ a"]) {
      expect(() => splitStatements("postgresql", `select 1;\n\n${open}`)).toThrow(expect.objectContaining({ name: "SyntaxError", details: { line: 3 } }));
    }
  });

  it("takes a megabyte of anything in linear time", () => {
    const tookMs = processorMs(() => {
      for (const piece of ["$", "'x'", "/**/", "$a$ $a$", "e''", "(", "a "]) texts("postgresql", piece.repeat(1_000_000 / piece.length));
      texts("mysql", "`a`".repeat(300_000));
    });
    expect(tookMs).toBeLessThan(10_000);
  });
});
