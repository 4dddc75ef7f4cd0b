import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { open, seal } from "./envelope.ts";

const key = randomBytes(32);
const place = ["value", "7", "f/a/b", "1"];

test("what was sealed opens again, and is sealed differently each time", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const text = Buffer.from(bytes);
      const [once, twice] = [seal(key, place, text), seal(key, place, text)];
      expect(open(key, place, once)).toEqual(text);
      expect(once.equals(twice)).toBe(false);
    }),
  );
});

test("it opens with no other key, at no other place, and not when any byte was changed", () => {
  const sealed = seal(key, place, Buffer.from("hunter2"));
  expect(() => open(randomBytes(32), place, sealed)).toThrow("cannot be opened");
  for (const other of [
    ["value", "8", "f/a/b", "1"],
    ["value", "7", "f/a/c", "1"],
    ["value", "7", "f/a/b", "2"],
    ["value", "7", "f/a", "b", "1"],
    ["key", "7", "f/a/b", "1"],
  ])
    expect(() => open(key, other, sealed)).toThrow("cannot be opened");
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(() => open(key, place, changed)).toThrow("cannot be opened");
  }
  expect(() => open(key, place, sealed.subarray(0, 20))).toThrow("cannot be opened");
});
