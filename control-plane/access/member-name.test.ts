import { expect, test } from "vitest";
import { freeName, nameFor } from "./member-name-core.ts";

test("a name is made of what stands before the @, with what paths can hold", () => {
  expect(["alice@example.com", "a.b+c@x", "José María@x", "@x", "…@x", `${"a".repeat(80)}@x`].map(nameFor)).toEqual([
    "alice",
    "a_b_c",
    "Jos_Mar_a",
    "member",
    "member",
    "a".repeat(50),
  ]);
});

test("the second of a name gets a number", () => {
  expect(freeName("alice", new Set())).toBe("alice");
  expect(freeName("alice", new Set(["alice", "alice3"]))).toBe("alice2");
  expect(freeName("alice", new Set(["alice", "alice2"]))).toBe("alice3");
});
