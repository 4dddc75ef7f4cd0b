import { describe, expect, test } from "vitest";
import { processorMs } from "../../kernel/processor-time.fixture.ts";
import { decodeDocument } from "./document-codec.ts";
import { readYaml } from "./yaml-text.ts";

function readingOf(text: string): unknown {
  const reading = readYaml(text);
  return reading.kind === "value" ? reading.value : reading;
}

function problemsOf(text: string): string[] {
  const reading = readYaml(text);
  return reading.kind === "value" ? [] : reading.problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
}

describe("readYaml", () => {
  test("reads a document as it is written by hand", () => {
    const right = [
      "summary: A flow # a comment",
      "value:",
      "  code: |",
      "    first",
      "      second",
      "  yes: no",
      '  text: "1"',
      "  1: 1.5",
      "  empty:",
      "  list: [a, 2]",
      "",
    ];
    expect(readingOf(right.join("\n"))).toEqual({
      summary: "A flow",
      value: { code: "first\n  second\n", yes: "no", text: "1", "1": 1.5, empty: null, list: ["a", 2] },
    });
  });

  test("reads JSON, which is YAML too", () => {
    expect(readingOf('{"a": [1, true, null, "x"]}')).toEqual({ a: [1, true, null, "x"] });
  });

  test("takes anchors that are used with measure", () => {
    expect(readingOf("a: &retry {attempts: 2}\nb: *retry\n")).toEqual({ a: { attempts: 2 }, b: { attempts: 2 } });
  });

  test.each([
    ["a key that is there twice", "a: 1\nb:\n  c: 1\n  c: 2\n", '4:3 "c" is there twice'],
    ["a tag", "a: !secret x\n", "tags are not allowed: put text that begins with ! into quotes"],
    ["code in a file", "a: !inline x.py\n", "tags are not allowed: quote it, and use `millrace deploy`"],
    ["a tag of JavaScript", "a: !!js/function 'x'\n", "tags are not allowed"],
    ["a merge key", "a: &a {x: 1}\nb:\n  <<: *a\n", "3:3 merge keys (<<) are not supported"],
    ["a key that is no name", "? [a]\n: 1\n", "1:3"],
    ["two documents", "a: 1\n---\nb: 2\n", "2:1"],
    ["a wrong indent", "a:\n  b: 1\n c: 2\n", "3:1"],
    ["an unknown anchor", "a: *b\n", "1:4 there is no anchor &b before it"],
    ["a tag on a list", "a: !x [1]\n", "1:7 tags are not allowed"],
    ["a number whose digits would be lost", "a: 12345678901234567890\n", "1:4 the number 12345678901234567890 cannot be kept exactly"],
  ])("refuses %s, with line and column", (_name, text, message) => {
    const problems = problemsOf(text);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.join("\n")).toContain(message);
  });

  test("does not unfold aliases of aliases", () => {
    const bomb = [
      "a: &a [x, x, x, x, x, x, x, x, x]",
      ..."bcdefghi".split("").map((name, at) => `${name}: &${name} [${Array(9).fill(`*${"abcdefgh"[at]}`).join(", ")}]`),
    ];
    expect(processorMs(() => expect(problemsOf(bomb.join("\n")).length).toBeGreaterThan(0))).toBeLessThan(1000);
    const wide = `a: &a "${"x".repeat(100_000)}"\nb: [${Array(90).fill("*a").join(", ")}]\n`;
    expect(processorMs(() => readYaml(wide))).toBeLessThan(1000);
    const reading = readYaml(wide);
    expect(reading.kind === "value" && decodeDocument(reading.value, "")).toMatchObject({ problem: { message: "is larger than 1048576 bytes" } });
  });

  test("survives what is nested without end", () => {
    expect(problemsOf("[".repeat(20_000)).join()).toContain("it is nested too deeply");
  });
});
