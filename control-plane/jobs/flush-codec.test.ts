import { expect, test } from "vitest";
import { asAgentKey, asToken } from "../../kernel/ids.ts";
import { testJob } from "../scheduler/testing/core-world.ts";
import { encodeFlush } from "./flush-codec.ts";
import type { FlushOperation, WindowRecord } from "./model.ts";

const claim = (windows: readonly WindowRecord[] = []): FlushOperation => ({
  kind: "claim",
  job: testJob("1"),
  token: asToken("7"),
  agent: asAgentKey("1"),
  windows,
});
const requeue = (): FlushOperation => ({ kind: "requeue", job: testJob("1"), token: asToken("8") });
const window = { workspace: testJob("1").workspace, starts: 1, windowMs: 1000, agesMs: [1], tatInMs: undefined, token: asToken("7"), keepMs: 60_000 };
const note = { workspace: window.workspace, kind: "ended", id: testJob("1").id, data: null } as const;

test("a flush that has one row of each of its families brings their values; with two of any it brings arrays", () => {
  const formOf = (...given: Parameters<typeof encodeFlush>): string => encodeFlush(...given).form;
  expect([formOf([claim()]), formOf([claim(), requeue()]), formOf([claim()], [note]), formOf([claim([{ ...window, id: "5" }])])]).toEqual(Array(4).fill("one"));
  expect([formOf([claim(), claim()]), formOf([claim(), requeue(), requeue()]), formOf([claim()], [note, note])]).toEqual(Array(3).fill("many"));
  expect(
    formOf([
      claim([
        { ...window, id: "5" },
        { ...window, id: "6" },
      ]),
    ]),
  ).toBe("many");
  expect([formOf([claim()], [], "many"), formOf([claim(), requeue()], [], "many")]).toEqual(["many", "many"]);
});

test("the values are the elements of the arrays, in the same order", () => {
  const operations = [claim(), requeue()];
  const [one, many] = [encodeFlush(operations), encodeFlush(operations, [], "many")];
  expect(one.families).toEqual(many.families);
  expect(one.values).toContain(null);
  expect(one.values.map((value) => `{${value ?? "NULL"}}`)).toEqual(many.values);
});
