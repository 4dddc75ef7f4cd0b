import { afterAll, expect, test } from "vitest";
import { createSchemaJudge } from "../resources/schema-compiler.ts";
import { ExpressionTiers } from "./expressions/tiers.ts";
import { type FlowReading, readFlow } from "./flow-reading.ts";

const expressions = new ExpressionTiers();
afterAll(() => expressions.stop());

const read = (format: "json" | "yaml", text: string): FlowReading => readFlow({ format, text, path: "f/x/y", root: "/document" }, expressions);

test("of a flow come its document, its hash, what it runs, and what is wrong", () => {
  const document = { summary: "s", value: { modules: [{ id: "a", value: { type: "flow", path: "f/x/z" }, skip_if: { expr: "1 +" } }] } };
  const json = JSON.stringify(document);
  const reading = read("json", json);
  expect(reading).toEqual({
    kind: "flow",
    json,
    hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    steps: [{ kind: "flow", step: "a", path: "f/x/z", hash: undefined, inputs: [], pointer: "/document/value/modules/0/value" }],
    problems: [{ pointer: "/document/value/modules/0/skip_if/expr", message: expect.stringContaining("is no JavaScript expression") }],
    leavesForms: false,
  });
  const yaml = read("yaml", json);
  expect(yaml).toEqual({ ...reading, hash: expect.any(String) });
  expect(yaml.kind === "flow" && reading.kind === "flow" && yaml.hash !== reading.hash).toBe(true);
});

test("the step of a loop can be tried alone, with `iter` among its inputs, but not be deployed alone", () => {
  const value = { type: "rawscript", language: "bash", content: "x", input_transforms: { n: { type: "javascript", expr: "iter.value" } } };
  const text = JSON.stringify({ summary: "s", value: { modules: [{ id: "a", value }] } });
  expect(readFlow({ format: "json", text, path: undefined, root: "" }, expressions)).toMatchObject({ problems: [] });
  expect(readFlow({ format: "json", text, path: "f/x/y", root: "" }, expressions)).toMatchObject({
    problems: [{ message: expect.stringContaining("uses iter, which is not there") }],
  });
});

test("forms are left to others, unless somebody is there who may look at them", () => {
  const suspend = { required_events: 1, resume_form: { schema: { type: "text" } } };
  const text = JSON.stringify({ summary: "s", value: { modules: [{ id: "a", value: { type: "identity" }, suspend }] } });
  expect(read("json", text)).toMatchObject({ leavesForms: true, problems: [] });
  expect(readFlow({ format: "json", text, path: "f/x/y", root: "" }, expressions, createSchemaJudge())).toMatchObject({
    leavesForms: false,
    problems: [{ pointer: "/value/modules/0/suspend/resume_form/schema", message: expect.stringContaining("step a: suspend.resume_form.schema") }],
  });
});

test("what cannot be read is told with line and column, or with what is too much", () => {
  expect(read("yaml", "a: 1\na: 2\n")).toEqual({
    kind: "unreadable",
    isTooLarge: false,
    problems: [{ pointer: "/yaml", message: 'line 2, column 1: "a" is there twice' }],
  });
  expect(read("yaml", "a: &a [*a]\n")).toMatchObject({ kind: "unreadable", isTooLarge: false });
  expect(read("yaml", "a: .inf\n")).toMatchObject({ problems: [{ pointer: "/document", message: "has a number that JSON cannot say" }] });
  expect(read("json", '{"n": 12345678901234567890}')).toMatchObject({ problems: [{ message: expect.stringContaining("cannot be kept exactly") }] });
  const wide = `a: &a "${"x".repeat(100_000)}"\nb: [${Array(90).fill("*a").join(", ")}]\n`;
  expect(read("yaml", wide)).toMatchObject({ kind: "unreadable", isTooLarge: true });
});
