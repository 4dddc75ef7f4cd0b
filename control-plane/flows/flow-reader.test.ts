import { afterAll, expect, test } from "vitest";
import { ExpressionTiers } from "./expressions/tiers.ts";
import { createFlowReader, type FlowReaderOptions } from "./flow-reader.ts";
import type { FlowReading } from "./flow-reading.ts";

const expressions = new ExpressionTiers();
afterAll(() => expressions.stop());

function reader(options: Partial<FlowReaderOptions> = {}): (format: "json" | "yaml", text: string) => Promise<FlowReading> {
  const read = createFlowReader({ expressions, ...options });
  return (format, text) => read({ format, text, path: "f/x/y", root: "/document" });
}

/** A step that is wrong, after so many characters of text. */
const wrong = (chars: number): string =>
  JSON.stringify({ summary: "x".repeat(chars), value: { modules: [{ id: "a", value: { type: "flow", path: "f/x/z" }, skip_if: { expr: "1 +" } }] } });

test("a flow is read the same in a worker and at once", async () => {
  const read = reader();
  const [small, large] = [await read("json", wrong(10)), await read("json", wrong(20_000))];
  expect(small).toMatchObject({
    kind: "flow",
    json: wrong(10),
    steps: [{ kind: "flow", step: "a", path: "f/x/z", pointer: "/document/value/modules/0/value" }],
    problems: [{ pointer: "/document/value/modules/0/skip_if/expr" }],
  });
  expect(large).toEqual({
    ...small,
    json: wrong(20_000),
    hash: expect.any(String),
    summary: "",
    problems: [{ pointer: "/document/summary", message: expect.any(String) }, expect.anything()],
  });
});

test("YAML and the JSON of it are the same document, and different versions", async () => {
  const [yaml, json] = [await reader()("yaml", wrong(1)), await reader()("json", wrong(1))];
  expect(yaml).toEqual({ ...json, hash: expect.any(String) });
  expect(yaml.kind === "flow" && json.kind === "flow" && yaml.hash !== json.hash).toBe(true);
});

test("what cannot be read is told with line and column, or with what is too much", async () => {
  const read = reader();
  expect(await read("yaml", "a: 1\na: 2\n")).toEqual({
    kind: "unreadable",
    isTooLarge: false,
    problems: [{ pointer: "/yaml", message: 'line 2, column 1: "a" is there twice' }],
  });
  expect(await read("yaml", "a: &a [*a]\n")).toMatchObject({ kind: "unreadable", isTooLarge: false });
  expect(await read("yaml", "a: .inf\n")).toMatchObject({ problems: [{ pointer: "/document", message: "has a number that JSON cannot say" }] });
  expect(await read("json", '{"n": 12345678901234567890}')).toMatchObject({ problems: [{ message: expect.stringContaining("cannot be kept exactly") }] });
  const wide = `a: &a "${"x".repeat(100_000)}"\nb: [${Array(90).fill("*a").join(", ")}]\n`;
  expect(await read("yaml", wide)).toMatchObject({ kind: "unreadable", isTooLarge: true });
});

test("a text that takes too long is given up, and the next one is read", async () => {
  const impatient = reader({ timeoutMs: 1, maxAtOnce: 1 });
  for (const text of ["a: 1", "a: 2"])
    expect(await impatient("yaml", text)).toMatchObject({ kind: "unreadable", problems: [{ message: "is too complex to be read" }] });
});

test("texts beyond those that are read and those that wait are refused", async () => {
  const read = reader({ maxAtOnce: 1, maxWaiting: 1 });
  const [first, second, third] = [read("yaml", "a: 1"), read("yaml", "a: 2"), read("yaml", "a: 3")];
  await expect(third).rejects.toMatchObject({ code: "resource_exhausted" });
  expect((await Promise.all([first, second])).map((reading) => reading.kind === "flow" && reading.json)).toEqual(['{"a":1}', '{"a":2}']);
  expect(await read("yaml", "a: 4")).toMatchObject({ json: '{"a":4}' });
});
