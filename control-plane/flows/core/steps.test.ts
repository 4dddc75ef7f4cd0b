import { describe, expect, test } from "vitest";
import { asJobId } from "../../../kernel/ids.ts";
import { advance } from "./advance.ts";
import { jsonRef, type Place } from "./model.ts";
import { scopeOf } from "./scope.ts";
import { stepsOf } from "./step-views.ts";
import { branchone, expression, flow, forloop, identity, people, step, subflow } from "./testing/definitions.ts";
import { ModelEngine, type World } from "./testing/model-engine.ts";

/** Fails the attempts at a step that are listed. */
const failing =
  (fails: Record<Place, number>): NonNullable<World["job"]> =>
  (place, attempt) =>
    attempt <= (fails[place] ?? 0) ? "failed" : "succeeded";

const errorOf = (value: unknown): unknown =>
  typeof value === "object" && value !== null && "json" in value ? JSON.parse(String(value.json)).error : undefined;

const lastJob = (run: ModelEngine): unknown => run.events.flatMap((event) => (event.kind === "started" ? [event.job] : [])).at(-1);

describe("modules", () => {
  test("modules: run in order, and the result of the last is the flow's", () => {
    const run = new ModelEngine(flow([step("a"), step("b"), step("c")])).begin().play();
    expect(run.started).toEqual(["a", "b", "c"]);
    expect(run.finished).toEqual([{ kind: "finish", outcome: "succeeded", value: { kind: "job", job: asJobId("00000000-0000-7000-8000-000000000003") } }]);
  });

  test("a flow without modules succeeds with null", () => {
    expect(new ModelEngine(flow([])).begin().finished).toEqual([{ kind: "finish", outcome: "succeeded", value: jsonRef(null) }]);
  });

  test("rawscript, script, flow, aiagent: each is a job; identity: passes its inputs on without one", () => {
    const modules = [
      step("a"),
      { id: "raw", value: { kind: "rawscript", language: "bash", content: "", inputs: {} } } as const,
      subflow("sub"),
      { id: "ai", value: { kind: "aiagent" } } as const,
      identity("same"),
    ];
    const run = new ModelEngine(flow(modules)).begin().play();
    expect(run.started).toEqual(["a", "raw", "sub", "ai"]);
    expect(run.finished).toMatchObject([{ value: { json: '"passed same"' } }]);
  });

  test("mock: the module does not run, its value is what the definition says", () => {
    const run = new ModelEngine(flow([step("a", { mock: { returnValue: 7 } }), forloop("loop", [step("b")], {}, { mock: { returnValue: [] } })]))
      .begin()
      .play();
    expect(run.started).toEqual([]);
    expect(run.finished).toMatchObject([{ outcome: "succeeded", value: { kind: "mock", place: "loop" } }]);
  });

  test("cache_ttl of a step: a result that is known takes the place of a job", () => {
    const run = new ModelEngine(flow([step("a"), step("b")]), { inputs: (place) => (place === "a" ? "cached" : undefined) }).begin().play();
    expect(run.started).toEqual(["b"]);
    expect(scopeOf(run.definition, run.state, "b").results.size).toBe(0);
  });
});

describe("before a step", () => {
  test("skip_if: a skipped step is not run, its result is null, and it is not the flow's result", () => {
    const definition = flow([
      step("a"),
      step("b", { skipIf: "true", suspend: people(1), sleep: expression("9"), stopAfterIf: { expr: "true", skipIfStopped: false } }),
    ]);
    const run = new ModelEngine(definition, { ask: () => true }).begin().play();
    expect(run.started).toEqual(["a"]);
    expect(run.state.main.done[1]).toEqual({ status: "skipped", value: jsonRef(null), attempt: 0 });
    expect(run.finished).toMatchObject([{ outcome: "succeeded", value: { kind: "job" } }]);
  });

  test("skip_if that is false: the step runs; one that cannot be evaluated fails it with the question, the message and the step", () => {
    const definition = flow([step("a", { skipIf: "x" })]);
    expect(new ModelEngine(definition, { ask: () => false }).begin().play().started).toEqual(["a"]);
    const run = new ModelEngine(definition, { ask: () => "x is not defined" }).begin().play();
    expect(run.started).toEqual([]);
    expect(run.finished).toMatchObject([{ outcome: "failed", stepId: "a" }]);
    expect(errorOf(run.finished[0]?.value)).toEqual({ name: "ExpressionError", message: "skip_if: x is not defined", step_id: "a" });
  });

  test("input_transforms that cannot be evaluated fail the step, and are not tried again", () => {
    const definition = flow([step("a", { retry: { constant: { attempts: 3, seconds: 1 } } })]);
    const run = new ModelEngine(definition, { inputs: () => ({ failed: "no such field" }) }).begin().play();
    expect(errorOf(run.finished[0]?.value)).toMatchObject({ message: "inputs: no such field" });
    expect(run.events.filter(({ kind }) => kind === "evaluation_failed")).toHaveLength(1);
  });

  test("long messages are cut: an error that the core writes is a small value", () => {
    const run = new ModelEngine(flow([step("a")]), { inputs: () => ({ failed: "ü\u0000".repeat(5000) }) }).begin().play();
    expect(JSON.stringify(run.finished[0]).length).toBeLessThan(2048);
  });
});

describe("after a step", () => {
  test("stop_after_if: stops the flow after the step, which then has succeeded with the step's result", () => {
    const run = new ModelEngine(flow([step("a", { stopAfterIf: { expr: "x", skipIfStopped: false } }), step("b")]), { ask: () => true }).begin().play();
    expect(run.started).toEqual(["a"]);
    expect(run.finished).toMatchObject([{ outcome: "succeeded", value: { kind: "job" } }]);
  });

  test("stop_after_if that is false: the flow goes on", () => {
    const run = new ModelEngine(flow([step("a", { stopAfterIf: { expr: "x", skipIfStopped: true } }), step("b")]), { ask: () => false }).begin().play();
    expect(run.started).toEqual(["a", "b"]);
  });

  test("stop_after_if, skip_if_stopped: the flow ends as skipped", () => {
    const run = new ModelEngine(flow([step("a", { stopAfterIf: { expr: "x", skipIfStopped: true } })]), { ask: () => true }).begin().play();
    expect(run.finished).toMatchObject([{ outcome: "skipped" }]);
  });

  test("stop_after_if, error_message: the flow fails with it, and no retry and no continue_on_error stand in its way", () => {
    const rule = { expr: "x", skipIfStopped: false, errorMessage: "too many" };
    const definition = flow([step("a", { stopAfterIf: rule, continueOnError: true, retry: { constant: { attempts: 2, seconds: 0 } } }), step("b")]);
    const run = new ModelEngine(definition, { ask: () => true }).begin().play();
    expect(run.started).toEqual(["a"]);
    expect(errorOf(run.finished[0]?.value)).toEqual({ name: "EarlyStopError", message: "too many", step_id: "a" });
    expect(run.finished).toMatchObject([{ outcome: "failed", stepId: "a" }]);
  });

  test("stop_after_if in a branch stops the flow", () => {
    const definition = flow([branchone("choice", [[step("a", { stopAfterIf: { expr: "x", skipIfStopped: false } }), step("b")], []]), step("c")]);
    expect(new ModelEngine(definition, { ask: () => true }).begin().play().started).toEqual(["choice/0/a"]);
  });

  test("a stop rule that cannot be evaluated fails the step: its work is not done again", () => {
    const definition = flow([
      step("a", { stopAfterIf: { expr: "x", skipIfStopped: false }, retry: { constant: { attempts: 5, seconds: 0 } }, continueOnError: true }),
    ]);
    const run = new ModelEngine(definition, { ask: () => "broken" }).begin().play();
    expect(run.started).toEqual(["a"]);
    expect(run.finished).toMatchObject([{ outcome: "failed", stepId: "a" }]);
  });

  test("sleep: the next step begins when the time is over", () => {
    const run = new ModelEngine(flow([step("a", { sleep: expression("5") }), step("b")]), { ask: () => 5 }).begin();
    const beganMs = run.nowMs;
    for (let i = 0; run.state.main.step?.phase.kind !== "sleeping"; i++) if (i > 9 || !run.playOne(() => 0)) throw new Error("it does not sleep");
    expect(stepsOf(run.definition, run.state)).toMatchObject([
      { place: "a", status: "sleeping", untilMs: beganMs + 5000 },
      { place: "b", status: "waiting" },
    ]);
    run.tell({ kind: "woke", place: "a" });
    expect(run.state.main.step?.phase.kind).toBe("sleeping");
    run.play();
    expect(run.started).toEqual(["a", "b"]);
    expect(run.nowMs).toBe(beganMs + 5000);
  });

  test("early_return: a caller is answered with the step's result while the rest goes on, once", () => {
    const run = new ModelEngine(flow([forloop("loop", [step("a")]), step("b")], { earlyReturn: "a" }), { ask: () => 3 }).begin();
    const answers: unknown[] = [];
    run.onEvent = () => {
      if (run.early !== undefined) answers.push(run.early, run.finished.length);
      run.early = undefined;
    };
    run.play();
    expect(answers).toEqual([{ kind: "job", job: "00000000-0000-7000-8000-000000000001" }, 0]);
  });
});

describe("retry", () => {
  test("retry, constant: so many more attempts, each after the delay", () => {
    const run = new ModelEngine(flow([step("a", { retry: { constant: { attempts: 2, seconds: 30 } } })]), { job: failing({ a: 2 }) }).begin();
    const beganMs = run.nowMs;
    run.play();
    expect(run.started).toEqual(["a", "a", "a"]);
    expect(run.nowMs - beganMs).toBe(60_000);
    expect(run.finished).toMatchObject([{ outcome: "succeeded" }]);
    expect(run.state.main.done[0]).toMatchObject({ status: "succeeded", attempt: 3 });
  });

  test("retry: when no attempt is left the flow fails with the last error", () => {
    const run = new ModelEngine(flow([step("a", { retry: { constant: { attempts: 2, seconds: 0 } } })]), { job: () => "failed" }).begin().play();
    expect(run.started).toHaveLength(3);
    expect(run.finished).toMatchObject([{ outcome: "failed", stepId: "a", value: { kind: "job", job: "00000000-0000-7000-8000-000000000003" } }]);
  });

  test("retry, exponential: multiplier × seconds ^ attempt", () => {
    const retry = { exponential: { attempts: 5, multiplier: 2, seconds: 3, randomFactorPercent: 0 } };
    const run = new ModelEngine(flow([step("a", { retry })]), { job: () => "failed" }).begin();
    const beganMs = run.nowMs;
    run.play();
    expect(run.started).toHaveLength(6);
    expect(run.nowMs - beganMs).toBe((6 + 18 + 54 + 162 + 486) * 1000);
  });

  test("retry, constant, then exponential: the power counts all attempts", () => {
    const retry = { constant: { attempts: 1, seconds: 10 }, exponential: { attempts: 1, multiplier: 1, seconds: 3, randomFactorPercent: 0 } };
    const run = new ModelEngine(flow([step("a", { retry })]), { job: () => "failed" }).begin();
    const beganMs = run.nowMs;
    run.play();
    expect(run.started).toHaveLength(3);
    expect(run.nowMs - beganMs).toBe(10_000 + 9000);
  });

  test.each([
    [0, 5000],
    [0.5, 10_000],
    [0.75, 12_500],
  ])("retry, random_factor: at %d of the range of 50 %% the delay of 10 s is %d ms", (jitter, delayMs) => {
    const run = new ModelEngine(flow([step("a", { retry: { exponential: { attempts: 1, multiplier: 1, seconds: 10, randomFactorPercent: 50 } } })]), {
      job: () => "failed",
    });
    run.jitter = jitter;
    run.begin();
    const beganMs = run.nowMs;
    expect(run.play().nowMs - beganMs).toBe(delayMs);
  });

  test("retry: no delay is longer than six hours", () => {
    const run = new ModelEngine(flow([step("a", { retry: { exponential: { attempts: 1, multiplier: 1e9, seconds: 1e9, randomFactorPercent: 0 } } })]), {
      job: () => "failed",
    });
    const beganMs = run.begin().nowMs;
    expect(run.play().nowMs - beganMs).toBe(6 * 3_600_000);
  });

  test("retry_if: decides about each failure; it sees the error, and the whole object as result", () => {
    const definition = flow([step("a", { retry: { constant: { attempts: 9, seconds: 0 }, retryIf: "result.error.name === 'x'" } })]);
    let asked = 0;
    const run: ModelEngine = new ModelEngine(definition, {
      job: () => "failed",
      ask: (place, question) => {
        expect(question).toBe("retry_if");
        const failed = { kind: "job", job: lastJob(run) };
        expect(scopeOf(run.definition, run.state, place)).toMatchObject({ own: failed, error: { value: failed, stepId: "a" } });
        asked += 1;
        return asked < 3;
      },
    });
    run.begin().play();
    expect(run.started).toHaveLength(3);
    expect(run.finished).toMatchObject([{ outcome: "failed" }]);
  });

  test("retry_if that cannot be evaluated: no other attempt, the error of the step stands", () => {
    const run = new ModelEngine(flow([step("a", { retry: { constant: { attempts: 9, seconds: 0 }, retryIf: "x" } })]), {
      job: () => "failed",
      ask: () => "broken",
    });
    expect(run.begin().play().started).toHaveLength(1);
    expect(run.finished).toMatchObject([{ outcome: "failed", value: { kind: "job" } }]);
  });

  test("retry of a loop: the whole loop runs again", () => {
    let fails = 1;
    const definition = flow([forloop("loop", [step("a")], {}, { retry: { constant: { attempts: 1, seconds: 0 } } })]);
    const run = new ModelEngine(definition, { ask: () => 2, job: (place) => (place === "loop/1/a" && fails-- > 0 ? "failed" : "succeeded") }).begin().play();
    expect(run.started).toEqual(["loop/0/a", "loop/1/a", "loop/0/a", "loop/1/a"]);
    expect(run.finished).toMatchObject([{ outcome: "succeeded", value: { kind: "list", place: "loop", count: 2 } }]);
  });

  test("a step whose job somebody cancels fails, and is not tried again", () => {
    const run = new ModelEngine(flow([step("a", { retry: { constant: { attempts: 3, seconds: 0 } } })]), { job: () => "cancelled" }).begin().play();
    expect(run.started).toEqual(["a"]);
    expect(run.finished).toMatchObject([{ outcome: "failed", stepId: "a" }]);
  });

  test("continue_on_error: after the retries the error is the result", () => {
    const definition = flow([step("a", { continueOnError: true, retry: { constant: { attempts: 1, seconds: 0 } } }), step("b")]);
    const run = new ModelEngine(definition, { job: failing({ a: 9 }) }).begin().play();
    expect(run.started).toEqual(["a", "a", "b"]);
    expect(run.state.main.done[0]).toEqual({ status: "failed", value: { kind: "job", job: "00000000-0000-7000-8000-000000000002" }, attempt: 2 });
    expect(run.finished).toMatchObject([{ outcome: "succeeded" }]);
  });
});

describe("late and repeated events", () => {
  test("an end of an earlier attempt, a second end, a second start: change nothing", () => {
    const run = new ModelEngine(flow([step("a", { retry: { constant: { attempts: 1, seconds: 0 } } }), step("b")]), { job: failing({ a: 1 }) }).begin();
    for (let i = 0; i < 3; i++) run.playOne(() => 0);
    const before = JSON.stringify(run.state);
    for (const event of [...run.events]) {
      if (event.kind === "started" && event.attempt === 1) continue;
      expect(advance(run.definition, run.state, event).commands).toEqual([]);
      expect(JSON.stringify(run.state)).toBe(before);
    }
  });

  test("a job that is made for a step that does not want it is cancelled, and the flow ends after it", () => {
    const run = new ModelEngine(flow([step("a")])).begin();
    run.tell({ kind: "cancel_asked", by: "ann", reason: "wrong day" });
    expect(run.finished).toHaveLength(1);
    run.finished.length = 0;
    run.tell({ kind: "started", place: "a", job: run.newJob(), attempt: 1 });
    expect(run.pending.filter(({ kind }) => kind === "cancel_job")).toMatchObject([{ kind: "cancel_job", place: "a", reason: "wrong day" }]);
    run.play();
    expect(run.finished).toMatchObject([{ kind: "finish", outcome: "cancelled" }]);
  });
});
