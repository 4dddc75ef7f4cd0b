import { describe, expect, test } from "vitest";
import { asJobId } from "../../../kernel/ids.ts";
import type { FlowDefinition } from "../model.ts";
import type { Place } from "./model.ts";
import { restartFrom } from "./restart.ts";
import { scopeOf } from "./scope.ts";
import { branchall, branchone, flow, forloop, step, whileloop } from "./testing/definitions.ts";
import { ModelEngine, type World } from "./testing/model-engine.ts";

const OLD = asJobId("00000000-0000-7000-8000-00000000abcd");

/** Ids that expressions of the steps at these places see when their jobs are made. */
function seenIn(definition: FlowDefinition, world: World = {}): { run: ModelEngine; seen: Record<Place, string[]> } {
  const seen: Record<Place, string[]> = {};
  const run = new ModelEngine(definition, world);
  run.onEvent = (event) => {
    if (event.kind === "started") seen[event.place] = [...scopeOf(definition, run.state, event.place).results.keys()].sort();
  };
  run.begin().play();
  return { run, seen };
}

/** How often loops run, by place; the first branch is taken. */
const world = (counts: Record<Place, number> = {}): World => ({
  ask: (place, question, branch) => (question === "iterator" ? (counts[place] ?? 0) : question === "branch" ? branch === 0 : undefined),
});

describe("behind a branch or a loop the steps within it are seen", () => {
  test("those of the branch that was taken, and of branches within it", () => {
    const inner = branchone("inner", [[step("deep")], []]);
    const { seen } = seenIn(flow([branchone("choice", [[step("a"), inner], [step("never")]]), step("z")]), world());
    expect(seen["z"]).toEqual(["a", "choice", "deep", "inner"]);
  });

  test("those of all branches of a branchall, side by side or not, also when one failed and that is no matter", () => {
    for (const parallel of [false, true]) {
      const all = branchall("all", [{ modules: [step("p"), step("not")], skipFailure: true }, [step("q")]], parallel);
      const { seen } = seenIn(flow([all, step("z")]), { job: (place) => (place === "all/0/p" ? "failed" : "succeeded") });
      expect(seen["z"]).toEqual(["all", "p", "q"]);
      expect(seen["all/1/q"]).toEqual([]);
    }
  });

  test("those of the last iteration of a loop, and none of a parallel one", () => {
    const modules = [
      forloop("loop", [step("a"), branchone("choice", [[step("b")], []])]),
      step("y"),
      forloop("wide", [step("c")], { parallel: true }),
      step("z"),
    ];
    const { run, seen } = seenIn(flow(modules), world({ loop: 3, wide: 2 }));
    expect([seen["y"], seen["z"]]).toEqual([
      ["a", "b", "choice", "loop"],
      ["a", "b", "choice", "loop", "wide", "y"],
    ]);
    const last = run.events.find((event) => event.kind === "started" && event.place === "loop/2/choice/0/b");
    expect(run.state.main.done[0]?.inner?.["b"]).toEqual({ kind: "job", job: last?.kind === "started" ? last.job : "" });
  });

  test("but not what a branch made in the round before, when this round has gone another way", () => {
    const definition = flow([
      whileloop("rounds", [branchone("choice", [[step("b")], [step("c")]]), step("z")], { stopAfterIf: { expr: "x", skipIfStopped: false } }),
    ]);
    let round = 0;
    const seen: string[][] = [];
    const run = new ModelEngine(definition, {
      ask: (_place, question) => (question === "branch" ? round === 0 : question === "stop" ? ++round >= 2 : undefined),
    });
    run.onEvent = (event) => {
      if (event.kind === "started" && event.place.endsWith("/z")) seen.push([...scopeOf(definition, run.state, event.place).results.keys()].sort());
    };
    run.begin().play();
    expect(seen).toEqual([
      ["b", "choice"],
      ["c", "choice", "z"],
    ]);
  });

  test("a run that is restarted behind them sees what the earlier one did", () => {
    const modules = [
      forloop("loop", [step("a")]),
      branchall("all", [[step("p")], [forloop("in", [step("deep")], { parallel: true })]], true),
      step("y"),
      step("z"),
    ];
    const definition = flow(modules);
    const { run: old, seen } = seenIn(definition, world({ loop: 2, "all/1/in": 1 }));
    const plan = restartFrom(definition, { job: OLD, definition, events: old.events }, "z", 5000);
    if (plan.kind === "refused") throw new Error(plan.message);
    const { results } = scopeOf(definition, plan.state, "z");
    expect([...results.keys()].sort()).toEqual(seen["z"]);
    // Lists stay with the run that made them.
    expect(results.get("in")).toEqual({ kind: "list", place: "all/1/in", count: 1, run: OLD });
    const within = restartFrom(definition, { job: OLD, definition, events: old.events }, "all/1/in/0/deep", 5000);
    if (within.kind === "refused") throw new Error(within.message);
    const again = new ModelEngine(definition, world());
    const then: string[][] = [];
    for (const { atMs: _, ...happening } of within.events) again.tell(happening);
    again.onEvent = (event) => {
      if (event.kind === "started" && event.place === "z") then.push([...scopeOf(definition, again.state, "z").results.keys()].sort());
    };
    again.forget();
    again.play();
    expect(then).toEqual([seen["z"]]);
  });
});
