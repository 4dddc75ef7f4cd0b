import { describe, expect, test } from "vitest";
import { asJobId } from "../../../kernel/ids.ts";
import type { FlowDefinition } from "../model.ts";
import type { Place } from "./model.ts";
import { restartFrom } from "./restart.ts";
import { scopeOf } from "./scope.ts";
import { branchall, branchone, expression, flow, forloop, people, step, subflow, whileloop } from "./testing/definitions.ts";
import { ModelEngine, type World } from "./testing/model-engine.ts";

const OLD = asJobId("00000000-0000-7000-8000-00000000abcd");

/** Runs a flow to its end, and then again from a place. */
function again(definition: FlowDefinition, place: Place, old: World, world: World = {}, pick: (count: number) => number = () => 0) {
  const first = new ModelEngine(definition, old).begin(definition.preprocessor !== undefined).play(pick);
  const plan = restartFrom(definition, { job: OLD, definition, events: first.events }, place, first.nowMs + 1000);
  if (plan.kind === "refused") return { first, refused: plan.message, run: new ModelEngine(definition) };
  const run = new ModelEngine(definition, { ...old, job: () => undefined, ...world });
  for (const { atMs, ...happening } of plan.events) {
    run.nowMs = atMs;
    run.tell(happening);
  }
  run.forget();
  return { first, plan, run };
}

const jobAt = (number: number) => ({ kind: "job", job: `00000000-0000-7000-8000-${number.toString(16).padStart(12, "0")}` });

describe("restart", () => {
  test("from a step: the steps before it keep their results, it and those after run", () => {
    const definition = flow([step("a"), step("b"), step("c")]);
    const { run } = again(definition, "b", { job: (place) => (place === "b" ? "failed" : undefined) });
    expect(scopeOf(definition, run.state, "b").results.get("a")).toEqual(jobAt(1));
    expect(run.play().started).toEqual(["b", "c"]);
    expect(run.finished).toMatchObject([{ outcome: "succeeded" }]);
  });

  test("nothing is asked or waited for after a step that is not run again; what was approved is still seen", () => {
    const suspend = people(1);
    const early = step("a", { suspend, sleep: expression("60"), stopAfterIf: { expr: "x", skipIfStopped: false }, skipIf: "y" });
    const definition = flow([early, step("b")], { preprocessor: step("pre"), skipExpr: "z" });
    const world: World = {
      approvals: () => [{ approver: "ann", approved: true, payload: "7" }],
      ask: (_, question) => (question === "sleep" ? 60 : false),
    };
    const { run } = again(definition, "b", world, { approvals: () => [], ask: () => "is not to be asked" });
    expect(scopeOf(definition, run.state, "b")).toMatchObject({ approvals: [{ approver: "ann" }], inputs: jobAt(1) });
    expect(run.play().started).toEqual(["b"]);
  });

  test("within a branch: the branch is taken as it was", () => {
    const definition = flow([branchone("choice", [[step("x")], [step("a"), step("b")], [step("d")]]), step("c")]);
    const world: World = { ask: (_, __, branch) => branch === 1, job: (place) => (place === "choice/1/b" ? "failed" : undefined) };
    expect(again(definition, "choice/1/b", world, { ask: () => "not again" }).run.play().started).toEqual(["choice/1/b", "c"]);
    expect(again(definition, "choice/0/x", world).refused).toBe("that run did not go into branch 0 of choice");
    const none = flow([branchone("choice", [[step("x")], [step("d"), step("e")]])]);
    expect(again(none, "choice/default/e", { ask: () => false }, { ask: () => "not again" }).run.play().started).toEqual(["choice/default/e"]);
  });

  test("within an iteration: items before it keep their values, the list is not evaluated again", () => {
    const definition = flow([step("z"), forloop("loop", [step("a"), step("b")])]);
    const world: World = { ask: () => 4, job: (place) => (place === "loop/2/b" ? "failed" : undefined) };
    const { run } = again(definition, "loop/2/b", world, { ask: () => "not again" });
    expect(run.items.get("loop/0")).toEqual(jobAt(3));
    expect(scopeOf(definition, run.state, "loop/2/b")).toMatchObject({ own: undefined, iterations: [{ place: "loop", index: 2, hasList: true, run: OLD }] });
    expect(run.play().started).toEqual(["loop/2/b", "loop/3/a", "loop/3/b"]);
    expect(run.finished).toMatchObject([{ outcome: "succeeded", value: { kind: "list", count: 4 } }]);
    expect(run.items.size).toBe(4);
  });

  test("an iteration by its number: from its first step on", () => {
    const definition = flow([forloop("loop", [step("a"), step("b")])]);
    expect(again(definition, "loop/1", { ask: () => 3 }).run.play().started).toEqual(["loop/1/a", "loop/1/b", "loop/2/a", "loop/2/b"]);
  });

  test("state that goes from one iteration to the next is still seen", () => {
    const rule = { expr: "x", skipIfStopped: false };
    const definition = flow([whileloop("loop", [step("a"), step("b")], { stopAfterIf: rule })]);
    const world: World = { ask: (place) => place === "loop/5" };
    const { run } = again(definition, "loop/3/b", world);
    const { results, previous } = scopeOf(definition, run.state, "loop/3/b");
    expect([results.get("a"), results.get("b"), previous]).toEqual([jobAt(7), jobAt(6), jobAt(7)]);
    expect(run.play().started[0]).toBe("loop/3/b");
    expect(run.finished).toMatchObject([{ outcome: "succeeded", value: { count: 6 } }]);
  });

  test("side by side: iterations and branches that succeeded are not run again, all that failed are", () => {
    const definition = flow([forloop("loop", [step("a")], { parallel: true, skipFailures: true })]);
    const world: World = { ask: () => 600, job: (place) => (/^loop\/(17|400|599)\/a$/.test(place) ? "failed" : undefined) };
    const { run } = again(definition, "loop/17/a", world, {}, (count) => count - 1);
    expect(run.play().started).toEqual(["loop/17/a", "loop/400/a", "loop/599/a"]);
    expect(run.items.size).toBe(600);
    const all = flow([branchall("all", [[step("x")], [step("y")], [step("z"), step("w")]], true)]);
    expect(again(all, "all/2/w", { job: (place) => (place === "all/2/w" ? "failed" : undefined) }).run.play().started).toEqual(["all/2/w"]);
  });

  test("branches one after the other: those before keep their values, those after run", () => {
    const definition = flow([branchall("all", [[step("x")], [step("y")], [step("z")]])]);
    expect(again(definition, "all/1/y", {}).run.play().started).toEqual(["all/1/y", "all/2/z"]);
  });

  test("from a loop as a whole: its iterations all run; lists before it stay with the run that made them", () => {
    const definition = flow([forloop("one", [step("a")]), forloop("two", [step("b")])]);
    const { run } = again(definition, "two", { ask: () => 2 });
    expect(scopeOf(definition, run.state, "two").results.get("one")).toEqual({ kind: "list", place: "one", count: 2, run: OLD });
    expect(run.play().started).toEqual(["two/0/b", "two/1/b"]);
  });

  test("a restart of a restart refers to the run that made the values", () => {
    const definition = flow([forloop("one", [step("a")]), step("b"), step("c")]);
    const { plan } = again(definition, "b", { ask: () => 2, job: (place) => (place === "b" ? "failed" : undefined) });
    const second = asJobId("00000000-0000-7000-8000-00000000beef");
    const run = new ModelEngine(definition);
    for (const { atMs: _, ...happening } of plan?.events ?? []) run.tell(happening);
    run.forget();
    run.play();
    const third = restartFrom(definition, { job: second, definition, events: run.events }, "c", 0);
    const reused = third.kind === "planned" ? third.events.flatMap((event) => (event.kind === "reused" ? [event.value] : [])) : [];
    expect(reused).toEqual([{ kind: "list", place: "one", count: 2, run: OLD }, jobAt(1)]);
  });

  test("within a sub-flow: its step runs, and hands on where", () => {
    const definition = flow([step("a"), subflow("sub"), step("b")]);
    const { plan, run } = again(definition, "sub/loop/3/x", {});
    expect(plan).toMatchObject({ from: "sub", within: { place: "loop/3/x", job: jobAt(2).job } });
    expect(run.play().started).toEqual(["sub", "b"]);
  });

  test("a run that did not come so far, a place that is not there, the failure module: are refused with a reason", () => {
    const definition = flow([step("a"), step("b"), forloop("loop", [step("c")])], { failureModule: step("fix") });
    const world: World = { ask: () => 2, job: (place) => (place === "a" ? "failed" : undefined) };
    expect(again(definition, "loop/0/c", world).refused).toBe("b has no result in that run: restart there, or before");
    expect(again(definition, "nowhere", world).refused).toBe("the flow has no step nowhere");
    expect(again(definition, "failure", world).refused).toContain("failure module");
    expect(again(definition, "loop/7/c", { ask: () => 2 }).refused).toBe("that run did not come to loop/7/c");
    // A step that failed without matter has a result.
    expect(again(definition, "b", world).run.play().started).toEqual(["b", "loop/0/c", "loop/1/c"]);
  });
});
