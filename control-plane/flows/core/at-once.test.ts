/** Steps and iterations that are over as soon as they begin: one event begins no more than so many of them. */
import { expect, test } from "vitest";
import { advance } from "./advance.ts";
import type { FlowEvent } from "./model.ts";
import { outstanding } from "./outstanding.ts";
import { beginRestart, restartFrom } from "./restart.ts";
import { MOST_AT_ONCE, MOST_WHILE_ITERATIONS, newFlowState } from "./state.ts";
import { branchall, flow, forloop, step, whileloop } from "./testing/definitions.ts";
import { ModelEngine } from "./testing/model-engine.ts";

const mocked = step("m", { mock: { returnValue: 1 } });

/** The most items that an event has made. */
function watched(run: ModelEngine): { most: number } {
  const seen = { most: 0 };
  let before = 0;
  run.onEvent = () => {
    seen.most = Math.max(seen.most, run.items.size - before);
    before = run.items.size;
  };
  return seen;
}

test("a loop of loops that need nothing is gone through a part at a time, and can be cancelled between them", () => {
  // A hundred million iterations.
  const run = new ModelEngine(flow([whileloop("outer", [whileloop("inner", [mocked], {}, true)], {}, true)]));
  const seen = watched(run);
  run.begin();
  for (let event = 0; event < 20; event++) run.playOne(() => 0);
  expect(seen.most).toBeLessThanOrEqual(MOST_AT_ONCE);
  expect(run.items.size).toBeGreaterThan(MOST_WHILE_ITERATIONS);
  expect(run.finished).toEqual([]);
  run.tell({ kind: "cancel_asked", by: "ann", reason: "enough" });
  expect(run.finished).toMatchObject([{ outcome: "cancelled" }]);
});

test.each([
  ["one after the other", false],
  ["side by side", true],
])("iterations %s have the same results, whatever is begun at once", (_words, parallel) => {
  const branches = branchall("all", [[], [mocked], []], true);
  const run = new ModelEngine(flow([forloop("loop", [branches, step("job")], { parallel }), step("last")]), { ask: () => 1000 });
  const seen = watched(run);
  run.begin().play();
  expect(seen.most).toBeLessThanOrEqual(MOST_AT_ONCE);
  expect(run.items.size).toBe(1000 + 3000);
  expect(run.started).toHaveLength(1001);
  expect(run.finished).toMatchObject([{ outcome: "succeeded", value: { kind: "job" } }]);
});

test("after a crash it goes on where it was left", () => {
  const run = new ModelEngine(flow([forloop("loop", [mocked])]), { ask: () => 5000 }).begin();
  while (run.items.size === 0) run.playOne(() => 0);
  expect(outstanding(run.definition, run.state)).toEqual([{ kind: "go_on", place: "loop" }]);
  run.forget();
  run.play();
  expect(run.items.size).toBe(5000);
  expect(run.finished).toMatchObject([{ outcome: "succeeded", value: { kind: "list", count: 5000 } }]);
  // Nothing is left to go on with.
  run.tell({ kind: "went_on", place: "loop" });
  expect(run.finished).toHaveLength(1);
});

test("a log of a release that began all at once leads to the state that it led to then", () => {
  const definition = flow([forloop("loop", [mocked]), step("last")]);
  const events: FlowEvent[] = [
    { kind: "flow_started", preprocess: false, atMs: 1, format: 1 },
    { kind: "iterator_opened", place: "loop", count: 5000, atMs: 1 },
  ];
  const state = newFlowState();
  let items = 0;
  for (const event of events) items += advance(definition, state, event).items.length;
  expect(items).toBe(5000);
  expect(outstanding(definition, state)).toEqual([{ kind: "run", place: "last", attempt: 1 }]);
});

test("a run begins anew within a loop of which not all begins at once", () => {
  const empty = branchall(
    "all",
    Array.from({ length: 20 }, () => []),
    true,
  );
  const definition = flow([forloop("loop", [empty, step("job")], { parallel: true }), step("last")]);
  const run = new ModelEngine(definition, { ask: () => 600, job: (place) => (place === "loop/599/job" ? "failed" : "succeeded") }).begin().play();
  const again = restartFrom(definition, { job: run.newJob(), definition, events: run.events }, "loop/599/job", 1);
  expect(again.kind === "planned" ? again.events.filter(({ kind }) => kind === "went_on").length : 0).toBeGreaterThan(0);
  if (again.kind !== "planned") return;
  const state = newFlowState();
  for (const event of again.events) advance(definition, state, event);
  expect(state).toEqual(again.state);
  expect(outstanding(definition, state)).toEqual([{ kind: "run", place: "loop/599/job", attempt: 1 }]);
});

test("a loop without an end is no reason for a restart to go on for ever", () => {
  const endless = whileloop("outer", [whileloop("inner", [mocked], {}, true)], {}, true);
  const run = new ModelEngine(flow([step("last")]), { job: () => "failed" }).begin().play();
  const past = { job: run.newJob(), definition: run.definition, events: run.events };
  expect(restartFrom(flow([endless, step("last")]), past, "last", 1)).toMatchObject({ kind: "refused" });
});

test("a restart that takes thousands of results over is planned a part at a time", () => {
  const definition = flow([forloop("loop", [step("job")], { parallel: true }), step("last")]);
  const run = new ModelEngine(definition, { ask: () => 3000 }).begin().play();
  const begun = beginRestart(definition, { job: run.newJob(), definition }, "loop/2999/job");
  if (begun.kind === "refused") throw new Error(begun.message);
  begun.take(run.events);
  const planning = begun.plan(1);
  let stops = 0;
  while (planning.next().done !== true) stops += 1;
  expect(stops).toBe(6);
});
