import { expect, test } from "vitest";
import { moduleAt } from "../core/place.ts";
import { branchone, flow, forloop, step } from "../core/testing/definitions.ts";
import { priorityAt } from "./step-priority.ts";

test("priority: a step's own, else that of the loop or branch around it, else the flow's", () => {
  const choice = branchone("choice", [[step("own", { priority: 9 }), step("around")]]);
  const definition = flow([forloop("loop", [choice, step("beside")], {}, { priority: 7 }), step("plain")], { priority: 3, failureModule: step("fix") });
  const priorityOf = (place: string): number | undefined => priorityAt(definition, place, moduleAt(definition, place) ?? step("none"));
  const places = ["loop/0/choice/default/own", "loop/0/choice/default/around", "loop/4/beside", "plain", "failure"];
  expect(places.map((place) => [place, priorityOf(place)])).toEqual([
    ["loop/0/choice/default/own", 9],
    ["loop/0/choice/default/around", 7],
    ["loop/4/beside", 7],
    ["plain", 3],
    ["failure", 3],
  ]);
});
