import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { FLOW_LIMITS, FLOW_SHAPE, MODULE_SHAPE, VALUE_SHAPE, VALUE_SHAPES } from "./openflow.ts";

// docs/flows.md is what people write flows by: its lists are those of the code.

const page = readFileSync(new URL("../../docs/flows.md", import.meta.url), "utf8");

/** Cells of the rows of the table under a heading, without the head. */
function rowsOf(heading: string): string[][] {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("|"));
  return rows.slice(2).map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** Words in backticks that could be names of fields. */
function namesIn(cell: string): string[] {
  return [...cell.matchAll(/`([a-z0-9_]+)`/g)].map(([, name]) => name ?? "");
}

test("every field of a flow and of a step has its line", () => {
  expect(rowsOf("Fields of a flow").flatMap(([name = ""]) => namesIn(name))).toEqual([...FLOW_SHAPE.known, ...VALUE_SHAPE.known]);
  expect(rowsOf("Fields of a step").flatMap(([name = ""]) => namesIn(name))).toEqual(MODULE_SHAPE.known);
});

test("every kind of step has its line with all of its fields", () => {
  const rows = new Map(rowsOf("Kinds of steps").map(([type = "", fields = ""]) => [namesIn(type)[0], fields]));
  expect([...rows.keys()]).toEqual(Object.keys(VALUE_SHAPES));
  for (const [type, { known }] of Object.entries(VALUE_SHAPES)) {
    for (const name of known) if (name !== "type") expect([type, namesIn(rows.get(type) ?? "")]).toEqual([type, expect.arrayContaining([name])]);
  }
});

test("every row of the tables has a test named after it in openflow.test.ts", () => {
  const tests = readFileSync(new URL("openflow.test.ts", import.meta.url), "utf8");
  const named = (part: string): Set<string> => new Set([...part.matchAll(/\btest\("([^"]+)"/g)].flatMap(([, title = ""]) => title.split(/[^a-z0-9_]+/)));
  const [flows = "", modules = ""] = tests.split('describe("a module"');
  const [ofFlow, ofModule] = [named(flows), named(modules)];
  expect([...FLOW_SHAPE.known, ...VALUE_SHAPE.known].filter((name) => !ofFlow.has(name))).toEqual([]);
  // What every test of a step has.
  const general = new Set(["id", "summary"]);
  expect([...MODULE_SHAPE.known, ...Object.keys(VALUE_SHAPES)].filter((name) => !ofModule.has(name) && !general.has(name))).toEqual([]);
});

test("what is not supported is listed", () => {
  const shapes = { "the document": FLOW_SHAPE, "its `value`": VALUE_SHAPE, "a step": MODULE_SHAPE };
  const kinds = Object.entries(VALUE_SHAPES).flatMap(([type, { unsupported }]) =>
    Object.keys(unsupported).length === 0 ? [] : [[`\`${type}\``, Object.keys(unsupported)]],
  );
  const expected = [...Object.entries(shapes).map(([where, { unsupported }]) => [where, Object.keys(unsupported)]), ...kinds];
  expect(rowsOf("What is not supported").map(([where, fields = ""]) => [where, namesIn(fields)])).toEqual(expected);
});

test("limits are those of the code", () => {
  const listed = rowsOf("Limits").map(([, value, constant = ""]) => [constant.replace(/`FLOW_LIMITS\.(\w+)`/, "$1"), Number(value)]);
  expect(Object.fromEntries(listed)).toEqual(FLOW_LIMITS);
});
