import { describe, expect, test } from "vitest";
import { jsonRef } from "./model.ts";
import { scopeOf } from "./scope.ts";
import { MOST_OPEN, MOST_WHILE_ITERATIONS } from "./state.ts";
import { stepsOf } from "./step-views.ts";
import { branchall, branchone, expression, flow, forloop, identity, step, whileloop } from "./testing/definitions.ts";
import { ModelEngine } from "./testing/model-engine.ts";

const stopRule = { expr: "x", skipIfStopped: false };

/** The indexes of a list's items, in order, and how many there are. */
const indexes = (run: ModelEngine, place: string): number[] =>
  [...run.items.keys()]
    .filter((key) => key.startsWith(`${place}/`))
    .map((key) => Number(key.slice(place.length + 1)))
    .sort((a, b) => a - b);

describe("forloopflow", () => {
  test("forloopflow: one iteration after the other, the result is the list in order", () => {
    const run = new ModelEngine(flow([forloop("loop", [step("a"), step("b")])]), { ask: () => 2 }).begin().play();
    expect(run.started).toEqual(["loop/0/a", "loop/0/b", "loop/1/a", "loop/1/b"]);
    expect(run.finished).toMatchObject([{ outcome: "succeeded", value: { kind: "list", place: "loop", count: 2 } }]);
    expect(run.items.get("loop/1")).toMatchObject({ kind: "job", job: "00000000-0000-7000-8000-000000000004" });
  });

  test("forloopflow over an empty list, and one without modules: succeed at once", () => {
    expect(new ModelEngine(flow([forloop("loop", [step("a")])]), { ask: () => 0 }).begin().play().finished).toMatchObject([
      { value: { kind: "list", count: 0 } },
    ]);
    const run = new ModelEngine(flow([forloop("loop", [])]), { ask: () => 10_000 }).begin().play();
    expect(run.finished).toMatchObject([{ value: { kind: "list", count: 10_000 } }]);
    expect(run.items.get("loop/9999")).toEqual(jsonRef(null));
  });

  test("forloopflow, iter: expressions see the iteration that they are in, and outer ones", () => {
    const run = new ModelEngine(flow([forloop("outer", [forloop("inner", [step("a")])])]), { ask: () => 2 }).begin();
    for (let i = 0; run.started.length < 4; i++) if (i > 50 || !run.playOne(() => 0)) throw new Error("it does not go on");
    expect(scopeOf(run.definition, run.state, "outer/1/inner/1/a").iterations).toEqual([
      { place: "outer", index: 1, hasList: true },
      { place: "outer/1/inner", index: 1, hasList: true },
    ]);
  });

  test("results, previous_result: of the own level and of enclosing ones, with those of the branch that was taken", () => {
    const definition = flow([step("a"), branchone("choice", [[step("x")], []]), forloop("loop", [step("b"), step("c")])]);
    const run = new ModelEngine(definition, { ask: (_, question) => (question === "iterator" ? 3 : true) }).begin();
    for (let i = 0; run.started.at(-1) !== "loop/2/c"; i++) if (i > 50 || !run.playOne(() => 0)) throw new Error("it does not go on");
    const { results, previous } = scopeOf(definition, run.state, "loop/2/c");
    expect([...results.keys()]).toEqual(["a", "x", "choice", "b", "c"]);
    expect(previous).toEqual(results.get("b"));
  });

  test("a sequential loop hands results on: a step sees what the iteration before made of it", () => {
    const run = new ModelEngine(flow([whileloop("loop", [step("a", { stopAfterIf: stopRule })])]), { ask: (place) => place === "loop/2/a" }).begin();
    for (let i = 0; run.started.length < 3; i++) if (i > 50 || !run.playOne(() => 0)) throw new Error("it does not go on");
    const { results, previous, iterations } = scopeOf(run.definition, run.state, "loop/2/a");
    expect(results.get("a")).toEqual({ kind: "job", job: "00000000-0000-7000-8000-000000000002" });
    expect(previous).toEqual(results.get("a"));
    expect(iterations).toEqual([{ place: "loop", index: 2, hasList: false }]);
  });

  test("without skip_failures: the first failure ends the loop and the flow", () => {
    const run = new ModelEngine(flow([forloop("loop", [step("a")]), step("b")]), {
      ask: () => 5,
      job: (place) => (place === "loop/2/a" ? "failed" : undefined),
    });
    expect(run.begin().play().started).toEqual(["loop/0/a", "loop/1/a", "loop/2/a"]);
    expect(run.finished).toMatchObject([{ outcome: "failed", stepId: "a", value: { kind: "job" } }]);
  });

  test("skip_failures: a failed iteration's item is its error, and the loop goes on", () => {
    const definition = flow([forloop("loop", [step("a"), step("b")], { skipFailures: true })]);
    const run = new ModelEngine(definition, { ask: () => 3, job: (place) => (place === "loop/1/a" ? "failed" : undefined) }).begin().play();
    expect(run.started).toEqual(["loop/0/a", "loop/0/b", "loop/1/a", "loop/2/a", "loop/2/b"]);
    expect(run.finished).toMatchObject([{ outcome: "succeeded", value: { count: 3 } }]);
    expect(run.items.get("loop/1")).toEqual({ kind: "job", job: "00000000-0000-7000-8000-000000000003" });
  });

  test("an iterator that cannot be evaluated fails the loop", () => {
    const run = new ModelEngine(flow([forloop("loop", [step("a")])]), { ask: () => "is no list" }).begin().play();
    expect(run.finished).toMatchObject([{ outcome: "failed", stepId: "loop" }]);
  });

  test("stop_after_if within a loop breaks it: the list ends with that iteration, the flow goes on", () => {
    const run = new ModelEngine(flow([forloop("loop", [step("a", { stopAfterIf: stopRule }), step("b")]), step("c")]), {
      ask: (place, question) => (question === "iterator" ? 9 : place === "loop/1/a"),
    });
    expect(run.begin().play().started).toEqual(["loop/0/a", "loop/0/b", "loop/1/a", "c"]);
    expect(run.state.main.done[0]?.value).toEqual({ kind: "list", place: "loop", count: 2 });
  });

  test("stop_after_if with error_message within a loop fails the loop; with skip_failures it only breaks it", () => {
    for (const skipFailures of [false, true]) {
      const definition = flow([forloop("loop", [step("a", { stopAfterIf: { ...stopRule, errorMessage: "no" } })], { skipFailures })]);
      const run = new ModelEngine(definition, { ask: (_, question) => (question === "iterator" ? 9 : true) }).begin().play();
      expect(run.started).toEqual(["loop/0/a"]);
      expect(run.finished).toMatchObject([{ outcome: skipFailures ? "succeeded" : "failed" }]);
      expect(run.items.get("loop/0")).toMatchObject({ kind: "json", json: expect.stringContaining("EarlyStopError") });
    }
  });

  test("stop_after_if of a loop is asked after each iteration, about its result", () => {
    const asked: string[] = [];
    const run: ModelEngine = new ModelEngine(flow([forloop("loop", [step("a")], {}, { stopAfterIf: stopRule })]), {
      ask: (place, question) => {
        if (question === "iterator") return 9;
        expect(scopeOf(run.definition, run.state, place)).toMatchObject({ own: { kind: "job" }, iterations: [{ place: "loop", index: asked.length }] });
        asked.push(place);
        return place === "loop/2";
      },
    });
    run.begin().play();
    expect(asked).toEqual(["loop/0", "loop/1", "loop/2"]);
    expect(run.finished).toMatchObject([{ outcome: "succeeded", value: { count: 3 } }]);
  });

  test("stop_after_all_iters_if: asked once, after the whole loop, about its list; stops the flow", () => {
    const run: ModelEngine = new ModelEngine(flow([forloop("loop", [step("a")], {}, { stopAfterAllItersIf: { expr: "x", skipIfStopped: true } }), step("b")]), {
      ask: (place, question) => {
        if (question === "iterator") return 2;
        expect(question).toBe("stop_all");
        expect(scopeOf(run.definition, run.state, place).own).toEqual({ kind: "list", place: "loop", count: 2 });
        return true;
      },
    });
    expect(run.begin().play().started).toEqual(["loop/0/a", "loop/1/a"]);
    expect(run.finished).toMatchObject([{ outcome: "skipped", value: { kind: "list" } }]);
  });

  test("stop_after_all_iters_if: of a loop within a loop breaks the outer one", () => {
    const definition = flow([forloop("outer", [forloop("inner", [step("a")], {}, { stopAfterAllItersIf: stopRule })]), step("b")]);
    const run = new ModelEngine(definition, { ask: (_, question) => (question === "iterator" ? 2 : true) }).begin().play();
    expect(run.started).toEqual(["outer/0/inner/0/a", "outer/0/inner/1/a", "b"]);
  });
});

describe("side by side", () => {
  test("parallel: many iterations are open at a time, the rest follow as these end", () => {
    const run = new ModelEngine(flow([forloop("loop", [step("a")], { parallel: true })]), { ask: () => 1000 }).begin();
    run.playOne(() => 0);
    expect(run.pending).toHaveLength(MOST_OPEN);
    run.play((count) => ((count * 7) % 13) % count);
    expect(run.finished).toMatchObject([{ outcome: "succeeded", value: { count: 1000 } }]);
    expect(indexes(run, "loop")).toEqual(Array.from({ length: 1000 }, (_, index) => index));
  });

  test("parallelism: so many at a time", () => {
    const definition = flow([forloop("loop", [step("a")], { parallel: true, parallelism: expression("3") })]);
    const run = new ModelEngine(definition, { ask: (_, question) => (question === "parallelism" ? 3 : 10) }).begin();
    let most = 0;
    run.onEvent = () => {
      most = Math.max(most, run.jobs.size + run.pending.length);
    };
    run.playOne(() => 0);
    most = 0;
    run.play((count) => count - 1);
    expect(most).toBe(3);
    expect(run.started).toHaveLength(10);
  });

  test("parallel: what runs beside a failure runs to its end, and so do those that follow; then the loop fails with the first error", () => {
    const definition = flow([forloop("loop", [step("a")], { parallel: true, parallelism: expression("2") })]);
    const run = new ModelEngine(definition, {
      ask: (_, question) => (question === "parallelism" ? 2 : 4),
      job: (place) => (place === "loop/0/a" || place === "loop/3/a" ? "failed" : undefined),
    });
    run.begin().play();
    expect(run.started).toHaveLength(4);
    expect(run.finished).toMatchObject([{ outcome: "failed", value: { job: "00000000-0000-7000-8000-000000000001" } }]);
  });

  test("a break of a parallel loop lets what is open end, and begins no more", () => {
    const definition = flow([forloop("loop", [step("a", { stopAfterIf: stopRule })], { parallel: true, parallelism: expression("3") })]);
    const run = new ModelEngine(definition, {
      ask: (place, question) => (question === "parallelism" ? 3 : question === "iterator" ? 9 : place === "loop/0/a"),
    });
    run.begin().play();
    expect(run.started).toHaveLength(3);
    expect(run.finished).toMatchObject([{ outcome: "succeeded", value: { count: 3 } }]);
  });

  test("parallel loops within each other share the window", () => {
    const definition = flow([forloop("outer", [forloop("inner", [step("a")], { parallel: true })], { parallel: true })]);
    const run = new ModelEngine(definition, { ask: (place) => (place === "outer" ? 16 : 100) }).begin();
    let most = 0;
    run.onEvent = () => {
      most = Math.max(most, run.jobs.size + run.pending.filter(({ kind }) => kind === "run").length);
    };
    run.play();
    expect(run.started).toHaveLength(1600);
    expect(most).toBeLessThanOrEqual(MOST_OPEN);
    expect(most).toBeGreaterThan(MOST_OPEN / 2);
  });

  test("branches side by side all begin, also where many iterations are open around them", () => {
    const branches = branchall("all", [[step("a")], [step("b")], [forloop("inner", [step("c")], { parallel: true })]], true);
    const run = new ModelEngine(flow([forloop("loop", [branches], { parallel: true })]), { ask: () => MOST_OPEN }).begin();
    run.playOne(() => 0);
    expect(run.pending).toHaveLength(3 * MOST_OPEN);
    for (const command of [...run.pending]) run.carryOut(command);
    expect(run.pending).toHaveLength(MOST_OPEN);
  });

  test("a loop of 10,000 items: the state stays small", () => {
    const run = new ModelEngine(flow([forloop("loop", [step("a")], { parallel: true })]), { ask: () => 10_000 }).begin();
    let largest = 0;
    let events = 0;
    run.onEvent = () => {
      events += 1;
      if (events % 1000 === 0) largest = Math.max(largest, JSON.stringify(run.state).length);
    };
    run.play((count) => (events * 31) % count);
    expect(run.started).toHaveLength(10_000);
    expect(largest).toBeGreaterThan(10_000);
    expect(largest).toBeLessThan(40_000);
    expect(run.items.size).toBe(10_000);
    expect(JSON.stringify(run.state).length).toBeLessThan(500);
  });
});

describe("whileloopflow", () => {
  test("whileloopflow: runs until a step's stop_after_if holds", () => {
    const run = new ModelEngine(flow([whileloop("loop", [step("a", { stopAfterIf: stopRule }), step("b")])]), { ask: (place) => place === "loop/2/a" });
    expect(run.begin().play().started).toEqual(["loop/0/a", "loop/0/b", "loop/1/a", "loop/1/b", "loop/2/a"]);
    expect(run.finished).toMatchObject([{ outcome: "succeeded", value: { kind: "list", count: 3 } }]);
  });

  test("whileloopflow: or until the loop's own stop_after_if holds, also where iterations fail", () => {
    const definition = flow([whileloop("loop", [step("a")], { stopAfterIf: stopRule }, true)]);
    const run = new ModelEngine(definition, { ask: (place) => place === "loop/3", job: () => "failed" }).begin().play();
    expect(run.finished).toMatchObject([{ outcome: "succeeded", value: { count: 4 } }]);
  });

  test("whileloopflow: one that never stops fails after many iterations, also when nothing in it waits", () => {
    const run = new ModelEngine(flow([whileloop("loop", [step("a", { mock: { returnValue: 1 } })])])).begin().play();
    expect(run.finished).toMatchObject([{ outcome: "failed", stepId: "loop", value: { json: expect.stringContaining("LoopLimitError") } }]);
    expect(run.items.size).toBe(MOST_WHILE_ITERATIONS);
  });
});

describe("branches", () => {
  test("branchone: the first branch whose expression is true; its last result is the step's", () => {
    const run = new ModelEngine(flow([branchone("choice", [[step("a")], [step("b")], [step("c")], [step("d")]])]), { ask: (_, __, branch) => branch === 1 });
    expect(run.begin().play().started).toEqual(["choice/1/b"]);
    expect(run.finished).toMatchObject([{ outcome: "succeeded", value: { kind: "job" } }]);
  });

  test("branchone: an answer about another branch than the one that is asked changes nothing", () => {
    const run = new ModelEngine(flow([branchone("choice", [[step("a")], [step("b")], []])])).begin();
    run.tell({ kind: "branch_decided", place: "choice", branch: 0, taken: false });
    run.tell({ kind: "branch_decided", place: "choice", branch: 0, taken: true });
    run.tell({ kind: "branch_decided", place: "choice", branch: 1, taken: true });
    expect(run.pending.at(-1)).toEqual({ kind: "run", place: "choice/1/b", attempt: 1 });
  });

  test("branchone: the default when none is true", () => {
    const run = new ModelEngine(flow([branchone("choice", [[step("a")], [step("d")]])]), { ask: () => false }).begin().play();
    expect(run.started).toEqual(["choice/default/d"]);
    expect(new ModelEngine(flow([branchone("choice", [[]])])).begin().finished).toMatchObject([{ value: jsonRef(null) }]);
  });

  test.each([false, true])("branchall, parallel %s: all branches, the result is the list in order", (parallel) => {
    const run = new ModelEngine(flow([branchall("all", [[step("a"), step("b")], [], [identity("c")]], parallel)])).begin().play((count) => count - 1);
    expect(run.finished).toMatchObject([{ outcome: "succeeded", value: { kind: "list", place: "all", count: 3 } }]);
    expect(indexes(run, "all")).toEqual([0, 1, 2]);
    expect(run.items.get("all/1")).toEqual(jsonRef(null));
  });

  test("branchall, sequential: a failure ends it; with skip_failure of the branch it goes on", () => {
    for (const skipFailure of [false, true]) {
      const run = new ModelEngine(flow([branchall("all", [{ modules: [step("a")], skipFailure }, [step("b")]])]), {
        job: (place) => (place === "all/0/a" ? "failed" : undefined),
      });
      expect(run.begin().play().started).toEqual(skipFailure ? ["all/0/a", "all/1/b"] : ["all/0/a"]);
      expect(run.finished).toMatchObject([{ outcome: skipFailure ? "succeeded" : "failed" }]);
    }
  });

  test("branchall, parallel: a failure lets the others end", () => {
    const run = new ModelEngine(flow([branchall("all", [[step("a")], [step("b"), step("c")]], true)]), {
      job: (place) => (place === "all/0/a" ? "failed" : undefined),
    });
    expect(run.begin().play().started).toEqual(["all/0/a", "all/1/b", "all/1/c"]);
    expect(run.finished).toMatchObject([{ outcome: "failed", stepId: "a" }]);
  });

  test("stop_after_if in one of several branches stops the flow when the others have ended", () => {
    const run = new ModelEngine(flow([branchall("all", [[step("a", { stopAfterIf: stopRule })], [step("b"), step("c")]], true), step("d")]), {
      ask: () => true,
    });
    expect(run.begin().play().started).toEqual(["all/0/a", "all/1/b", "all/1/c"]);
    expect(run.finished).toMatchObject([{ outcome: "succeeded", value: { job: "00000000-0000-7000-8000-000000000001" } }]);
  });

  test("what people see: steps of the branches that are open, and of a loop how much is done", () => {
    const run = new ModelEngine(flow([forloop("loop", [step("a")], { parallel: true }), step("b")]), { ask: () => 1000 }).begin();
    for (let i = 0; i < 300; i++) run.playOne(() => 0);
    for (const job of [...run.jobs.keys()].slice(0, 30)) run.endJob(job);
    const views = stepsOf(run.definition, run.state);
    expect(views[0]).toEqual({ place: "loop", status: "running", job: undefined, attempt: 1, done: run.items.size, count: 1000 });
    expect(run.items.size).toBeGreaterThanOrEqual(30);
    expect(views.filter(({ place }) => place.startsWith("loop/"))).toHaveLength(20);
    expect(views.at(-1)).toEqual({ place: "b", status: "waiting", job: undefined, attempt: 0 });
  });
});
