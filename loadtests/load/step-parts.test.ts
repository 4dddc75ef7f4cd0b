import { expect, test } from "vitest";
import { partsInARow, partsOfFunctions } from "./step-parts.ts";

test("assignment, execution and transition are all the time between the first step's making and the last one's end", () => {
  const steps = [
    { madeMs: 1000, startedMs: 1004.5, runMs: 2 },
    { madeMs: 1008, startedMs: 1010, runMs: 3.5 },
    { madeMs: 1020, startedMs: 1021, runMs: 1 },
  ];
  const parts = partsInARow(steps);
  expect(parts).toEqual({ assignment: 7.5, execution: 6.5, transition: 1.5 + 6.5 });
  expect(parts.assignment + parts.execution + parts.transition).toBe(1022 - 1000);
  expect(partsInARow([])).toEqual({ assignment: 0, execution: 0, transition: 0 });
});

test("steps that are functions of one process have no assignment: what is not their own time is between them", () => {
  expect(
    partsOfFunctions([
      [10, 12],
      [15, 15.5],
      [20, 24],
    ]),
  ).toEqual({ execution: 6.5, transition: 3 + 4.5 });
  expect(partsOfFunctions([])).toEqual({ execution: 0, transition: 0 });
});
