import { expect, test } from "vitest";
import { FLOW_LIMITS } from "./openflow.ts";
import { createYamlReader } from "./yaml-reader.ts";

test("a text is read in a worker, and comes back as JSON", async () => {
  const read = createYamlReader();
  expect(await read("a: [1, x]\n")).toBe('{"a":[1,"x"]}');
});

test("what is wrong comes back with line and column", async () => {
  const read = createYamlReader();
  await expect(read("a: 1\na: 2\n")).rejects.toMatchObject({
    code: "invalid_argument",
    message: 'the YAML cannot be read: line 2, column 1: "a" is there twice',
    fields: [{ pointer: "/yaml", message: 'line 2, column 1: "a" is there twice' }],
  });
  await expect(read("x".repeat(FLOW_LIMITS.documentBytes + 1))).rejects.toMatchObject({ code: "out_of_range" });
});

test("a text that takes too long is given up, and the next one is read", async () => {
  const impatient = createYamlReader({ timeoutMs: 1, maxAtOnce: 1 });
  await expect(impatient("a: 1")).rejects.toThrow("it is too complex to be read");
  await expect(impatient("a: 1")).rejects.toThrow("it is too complex to be read");
});

test("texts beyond those that are read and those that wait are refused", async () => {
  const read = createYamlReader({ maxAtOnce: 1, maxWaiting: 1 });
  const [first, second, third] = [read("a: 1"), read("a: 2"), read("a: 3")];
  await expect(third).rejects.toMatchObject({ code: "resource_exhausted" });
  expect(await Promise.all([first, second])).toEqual(['{"a":1}', '{"a":2}']);
  expect(await read("a: 4")).toBe('{"a":4}');
});
