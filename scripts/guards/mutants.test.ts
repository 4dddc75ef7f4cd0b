import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "../gates.ts";
import { ACCEPTED } from "./accepted.ts";
import { type MutantKind, mutantsOf } from "./mutants.ts";
import { filesOf, testsOf, WALKS } from "./walks.ts";

const changes = (text: string, ...kinds: MutantKind[]): string[] => mutantsOf("a.ts", text, new Set(kinds)).map(({ change }) => change);

describe("guards in code", () => {
  test("a condition that leads away is never so, one that leads on always; of a larger one no part counts", () => {
    expect(changes("if (a) return;", "guard")).toEqual(["a → false"]);
    expect(changes("if (a) return;", "opposite")).toEqual(["a → true"]);
    expect(changes("if (a) { b(); }", "guard")).toEqual(["a → true"]);
    expect(changes("if (a && (b || c) && d) { e(); }", "guard")).toEqual([
      "a && (b || c) && d → true",
      "a → true",
      "(b || c) → true",
      "b → false",
      "c → false",
      "d → true",
    ]);
    expect(changes("if (!(a && b)) throw e;", "guard")).toEqual(["!(a && b) → false", "a → true", "b → true"]);
  });

  test("what is compared, chosen or returned is both; what comes twice has a number; conditions in a condition are their own", () => {
    expect(changes("const f = (x) => x.epoch === y;", "guard")).toEqual(["x.epoch === y → true", "x.epoch === y → false"]);
    expect(changes("function f() { g(a ? 1 : 2); g(a ? 3 : 4); }", "guard")).toEqual(["a → true", "a → false", "a → true (2)", "a → false (2)"]);
    expect(changes("if (rows.some((row) => row.token === token)) return;", "guard")).toEqual([
      "rows.some((row) => row.token === token) → false",
      "row.token === token → true",
      "row.token === token → false",
    ]);
  });

  test("what is absent is apart, and a loop is never without an end", () => {
    expect(changes("if (a === undefined || b) return;", "guard")).toEqual(["a === undefined || b → false", "b → false"]);
    expect(changes("if (a === undefined || b) return;", "absent")).toEqual(["a === undefined → false"]);
    expect(changes("if (known !== undefined) return known;", "guard")).toEqual(["known !== undefined → false"]);
    expect(changes("while (a) b();", "guard", "opposite")).toEqual(["a → false"]);
    expect(changes("for (;;) b();", "guard", "opposite")).toEqual([]);
  });

  test("bounds, filters, orders and effects", () => {
    expect(changes("f(Math.min(a, b)); g(...Math.max(c, ...d)); if (a <= b) return;", "bound")).toEqual([
      "Math.min(a, b) → (a)",
      "Math.min(a, b) → (b)",
      "<= → <",
    ]);
    expect(changes("const x = rows.filter((row) => row.ok);", "filter")).toEqual(["rows.filter((row) => row.ok) → rows"]);
    expect(changes("await idle();", "order")).toEqual(["await idle(); → void Promise.resolve(idle()).catch(() => undefined);"]);
    expect(changes("count += 1; log.info(1); this.log.warn(2);", "effect")).toEqual(["count += 1; → ;"]);
  });

  test("a mutant is the whole file, and says where it is", () => {
    const text = "class A {\n  f() {\n    if (b) return;\n  }\n}\n";
    const [mutant] = mutantsOf("a.ts", text, new Set(["guard"] as const));
    expect(mutant).toMatchObject({ file: "a.ts", line: 3, where: "A.f", text: text.replace("(b)", "(false)") });
  });
});

describe("guards in SQL", () => {
  const sql = (statement: string): string[] => changes(`q(\`${statement}\`);`, "sql");

  test("each condition has no effect, its parameters stay", () => {
    expect(sql("UPDATE t SET a = 1 WHERE id = $1 AND token = $2 RETURNING id")).toEqual(["id = $1 → (id = $1 OR true)", "token = $2 → (token = $2 OR true)"]);
    expect(sql("SELECT 1 FROM t WHERE a = 1 OR b = 2")).toEqual(["a = 1 → (a = 1 OR true)", "b = 2 → (b = 2 AND false)"]);
  });

  test("what is in brackets, templates, quotes and BETWEEN is not torn apart", () => {
    expect(sql("SELECT 1 FROM t WHERE a BETWEEN 1 AND 2 AND EXISTS (SELECT 1 FROM own) ORDER BY a")).toEqual([
      "a BETWEEN 1 AND 2 → (a BETWEEN 1 AND 2 OR true)",
      "EXISTS (SELECT 1 FROM own) → (EXISTS (SELECT 1 FROM own) OR true)",
    ]);
    expect(sql("SELECT 1 FROM t WHERE a = ANY(${x(b)}::uuid[]) AND c = ' AND '")).toEqual([
      "a = ANY(${x(b)}::uuid[]) → (a = ANY(${x(b)}::uuid[]) OR true)",
      "c = ' AND ' → (c = ' AND ' OR true)",
    ]);
    expect(sql("SELECT 1 FROM a JOIN b ON b.id = a.id WHERE x IN (SELECT y FROM z WHERE w) FOR SHARE")).toEqual([
      "x IN (SELECT y FROM z WHERE w) → (x IN (SELECT y FROM z WHERE w) OR true)",
      "w → (w OR true)",
      "FOR SHARE → nothing",
    ]);
  });

  test("parts of a statement count; other text is left alone", () => {
    expect(changes('const rest = " AND deleted";', "sql")).toEqual(["deleted → (deleted OR true)"]);
    expect(changes('say("here and there");', "sql")).toEqual([]);
  });
});

test("every walk has files and tests", () => {
  for (const walk of WALKS) {
    expect(filesOf(walk).length).toBeGreaterThan(0);
    for (const group of testsOf(walk)) expect(group.length).toBeGreaterThan(0);
  }
});

test("every mutant that is accepted is one of the code as it is, and has a reason", () => {
  for (const { file, where, change, why } of ACCEPTED) {
    const found = mutantsOf(file, readFileSync(join(ROOT, file), "utf8")).filter((mutant) => mutant.where === where && mutant.change === change);
    expect({ file, where, change, found: found.length }).toEqual({ file, where, change, found: 1 });
    expect(why.length).toBeGreaterThan(20);
  }
});
