import { expect, test } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { matchesPath } from "../identity/scope-core.ts";
import { globPattern, scopedTo } from "./scope-bounds-core.ts";

const part = fc.string({ unit: fc.constantFrom("a", "b", ".", "-", "_"), minLength: 1, maxLength: 3 });
const globPart = fc.oneof(part, fc.constant("*"), fc.constant("**"), fc.string({ unit: fc.constantFrom("a", ".", "*"), minLength: 1, maxLength: 3 }));
const joined = (one: fc.Arbitrary<string>) => fc.array(one, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("/"));

test("a glob means the same to the database as here", () => {
  fc.assert(
    fc.property(joined(globPart), joined(part), (glob, path) => {
      // What Postgres has of regular expressions, these patterns use alike.
      expect([glob, path, new RegExp(globPattern(glob)).test(path)]).toEqual([glob, path, matchesPath(glob, path)]);
    }),
    { numRuns: 2000 },
  );
});

test("scopes leave all of a permission, parts of it or nothing", () => {
  expect(scopedTo(undefined, "jobs:run")).toEqual({ kind: "whole" });
  expect(scopedTo([], "jobs:run")).toEqual({ kind: "nothing" });
  expect(scopedTo(["jobs:read", "scripts:run", "nonsense"], "jobs:run")).toEqual({ kind: "nothing" });
  expect(scopedTo(["jobs:run:f/etl/*", "*:run:f/x/**"], "jobs:run")).toEqual({ kind: "paths", globs: ["f/etl/*", "f/x/**"] });
  expect(scopedTo(["jobs:run:f/etl/*", "jobs:*"], "jobs:run")).toEqual({ kind: "whole" });
});
