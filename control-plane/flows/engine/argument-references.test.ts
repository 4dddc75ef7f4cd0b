import { expect, test } from "vitest";
import { processorMs } from "../../../kernel/processor-time.fixture.ts";
import { eventPolicy, restartPolicy, stepPolicy } from "../../jobs/policy-codec.ts";
import { testJob } from "../../scheduler/testing/core-world.ts";
import type { Module, Transform } from "../model.ts";
import { namesThatMayRefer } from "./argument-references.ts";

const RUN = testJob("1");
const expr = (source: string): Transform => ({ kind: "expression", source });
const fixed = (value: Extract<Transform, { kind: "static" }>["value"]): Transform => ({ kind: "static", value });
const names = (inputs: Readonly<Record<string, Transform>>, flow = RUN, hasNewInputs = false): readonly string[] => {
  const module: Module = { id: "a", value: { kind: "rawscript", language: "bash", content: "", inputs } };
  return namesThatMayRefer({ flow, module, hasNewInputs });
};

test("static values that name a variable or a resource refer to it, deep inside too; other static values need no look", () => {
  expect(names({ a: fixed("$var:f/x/y"), b: fixed({ list: ["$res:f/x/y"] }), c: fixed("text"), d: fixed(1) })).toEqual(["a", "b"]);
});

test("inputs of the run that are handed on as they came may refer; what steps return, approvers send and expressions make is text", () => {
  const may = { a: expr("flow_input.db"), b: expr(" flow_input['db'] ;"), c: expr("flow_input.db.url"), d: expr('flow_input["a b"][0]?.x') };
  expect(names(may)).toEqual(["a", "b", "c", "d"]);
  const not = [
    "results.a",
    "previous_result",
    "resume.db",
    "flow_input.iter.value",
    "flow_input['iter'].value",
    "'$var:' + flow_input.x",
    "flow_input",
    "flow_input.a + ''",
    "flow_input[results.a]",
  ];
  for (const source of not) expect([source, names({ x: expr(source) })]).toEqual([source, []]);
  expect(names(may, RUN, true)).toEqual([]);
});

test("inputs of a sub-flow may refer only where its caller's argument might; so may those of a run that was made of one", () => {
  const policy = stepPolicy({ id: RUN.id, root: RUN.id, place: "sub", refs: ["db"] }, undefined);
  const inputs = { a: expr("flow_input.db"), b: expr("flow_input.other") };
  expect(names(inputs, { ...RUN, policy })).toEqual(["a"]);
  const origin = { id: RUN.id, step: "a", uses: [], refs: ["other"] };
  expect(names(inputs, { ...RUN, policy: restartPolicy(undefined, origin) })).toEqual(["b"]);
  // Of a release that did not say.
  expect(names(inputs, { ...RUN, policy: stepPolicy({ id: RUN.id, root: RUN.id, place: "sub" }, undefined) })).toEqual(["a", "b"]);
});

test("what a trigger was called with refers to nothing; constants of the trigger, which stand beside it, do", () => {
  const inputs = { call: expr("flow_input.event"), body: expr("flow_input.event.body.name"), key: expr("flow_input.key") };
  expect(names(inputs, { ...RUN, policy: eventPolicy(undefined) })).toEqual(["key"]);
  expect(names(inputs)).toEqual(["call", "body", "key"]);
});

test("an expression as long as it may be is looked through once", () => {
  const gap = " ".repeat(32_000);
  const sources = [`flow_input.a${gap}+ 1`, `${gap}flow_input.a${gap}`, `flow_input[${gap}"a"${gap}]${gap}!== 1`, `flow_input${".a".repeat(16_000)}${gap}()`];
  const tookMs = processorMs(() => {
    for (let at = 0; at < 100; at++) expect(names(Object.fromEntries(sources.map((source, index) => [`x${index}`, expr(source)])))).toEqual(["x1"]);
  });
  expect(tookMs).toBeLessThan(2_000);
});
