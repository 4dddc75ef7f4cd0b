import { expect, test } from "vitest";
import { asJobId } from "../../../kernel/ids.ts";
import { Values } from "./values.ts";

/** Everything is at hand here. */
const store = new Proxy(Object.create(null), {
  get: () => {
    throw new Error("nothing is read from the database");
  },
});

test("the inputs of a run are read once, however many expressions look at them, and again after they were pushed out", () => {
  const run = asJobId("00000000-0000-7000-8000-000000000001");
  const values = new Values(store, 10_000, 1000);
  const text = JSON.stringify({ list: [1, 2, 3] });
  const inputs = values.inputs(run, text);
  expect(inputs).toEqual({ list: [1, 2, 3] });
  expect(values.inputs(run, text)).toBe(inputs);
  values.keep(asJobId("00000000-0000-7000-8000-000000000002"), JSON.stringify("x".repeat(5000)));
  expect(values.inputs(run, text)).toEqual(inputs);
  expect(values.inputs(run, text)).not.toBe(inputs);
});
