import { describe, expect, test } from "vitest";
import type { Approval } from "./model.ts";
import { outstanding } from "./outstanding.ts";
import { scopeOf } from "./scope.ts";
import { stepsOf } from "./step-views.ts";
import { branchall, expression, flow, forloop, people, step } from "./testing/definitions.ts";
import { ModelEngine } from "./testing/model-engine.ts";

const yes = (approver: string, payload = "null"): Approval => ({ approver, approved: true, payload });
const no = (approver: string, payload = "null"): Approval => ({ approver, approved: false, payload });

/** Plays until somebody has to answer. */
function untilSuspended(run: ModelEngine): ModelEngine {
  for (let i = 0; run.state.main.step?.phase.kind !== "suspended"; i++) if (i > 50 || !run.playOne(() => 0)) throw new Error("it waits for nobody");
  return run;
}

describe("suspend", () => {
  test("suspend: waits after the step for an approval, for months if need be, without a timer or a job", () => {
    const run = untilSuspended(new ModelEngine(flow([step("a", { suspend: people(1) }), step("b")])).begin());
    expect(run.jobs.size).toBe(0);
    expect(outstanding(run.definition, run.state)).toEqual([{ kind: "invite", place: "a" }]);
    run.nowMs += 90 * 86_400_000;
    run.tell({ kind: "approval", place: "a", approval: yes("ann", '{"ok":1}') });
    expect(scopeOf(run.definition, run.state, "b").approvals).toEqual([yes("ann", '{"ok":1}')]);
    expect(run.play().started).toEqual(["a", "b"]);
    expect(run.finished).toMatchObject([{ outcome: "succeeded" }]);
  });

  test("suspend, required_events: so many different people; the same one counts once, later ones change nothing", () => {
    const run = untilSuspended(new ModelEngine(flow([step("a", { suspend: people(2) }), step("b")])).begin());
    run.tell({ kind: "approval", place: "a", approval: yes("ann") });
    run.tell({ kind: "approval", place: "a", approval: yes("ann") });
    expect(stepsOf(run.definition, run.state)[0]).toMatchObject({ status: "suspended", done: 1, count: 2 });
    run.tell({ kind: "approval", place: "a", approval: yes("bob") });
    const after = JSON.stringify(run.state);
    run.tell({ kind: "approval", place: "a", approval: yes("eve") });
    expect(JSON.stringify(run.state)).toBe(after);
    expect(scopeOf(run.definition, run.state, "b").approvals.map(({ approver }) => approver)).toEqual(["ann", "bob"]);
  });

  test("suspend: a refusal cancels the flow, and the failure module does not run", () => {
    const run = untilSuspended(new ModelEngine(flow([step("a", { suspend: people(2) })], { failureModule: step("f") })).begin());
    run.tell({ kind: "approval", place: "a", approval: yes("ann") });
    run.tell({ kind: "approval", place: "a", approval: no("ann") });
    run.play();
    expect(run.finished).toMatchObject([
      { outcome: "cancelled", reason: "approval request disapproved", value: { json: expect.stringContaining('"canceler":"ann"') } },
    ]);
    expect(run.started).toEqual(["a"]);
  });

  test("suspend, continue_on_disapprove_timeout: after a refusal the flow goes on; resume says what happened", () => {
    const suspend = people(1, { continueOnDisapproveTimeout: true });
    const run = untilSuspended(new ModelEngine(flow([step("a", { suspend }), step("b")])).begin());
    run.tell({ kind: "approval", place: "a", approval: no("ann", '{"why":"late"}') });
    const [last] = scopeOf(run.definition, run.state, "b").approvals;
    expect(JSON.parse(last?.payload ?? "")).toEqual({ error: { name: "SuspendedDisapproved", message: "Disapproved by ann", payload: { why: "late" } } });
    expect(run.play().started).toEqual(["a", "b"]);
  });

  test("suspend, timeout: nobody in time fails the step; with continue_on_disapprove_timeout the flow goes on", () => {
    for (const continueOnDisapproveTimeout of [false, true]) {
      const suspend = people(1, { timeoutS: 3600, continueOnDisapproveTimeout });
      const run = untilSuspended(new ModelEngine(flow([step("a", { suspend, continueOnError: true }), step("b")])).begin());
      const fromMs = run.nowMs;
      run.pending = [];
      run.playOne(() => 0);
      expect(run.nowMs - fromMs).toBe(3_600_000);
      if (continueOnDisapproveTimeout) expect(scopeOf(run.definition, run.state, "b").approvals[0]?.payload).toContain("SuspendedTimedOut");
      run.play();
      expect(run.started).toEqual(continueOnDisapproveTimeout ? ["a", "b"] : ["a"]);
      expect(run.finished).toMatchObject([{ outcome: continueOnDisapproveTimeout ? "succeeded" : "failed" }]);
    }
  });

  test("suspend, then sleep: both are waited for", () => {
    const run = untilSuspended(new ModelEngine(flow([step("a", { suspend: people(1), sleep: expression("5") })]), { ask: () => 5 }).begin());
    const fromMs = run.nowMs;
    run.tell({ kind: "approval", place: "a", approval: yes("ann") });
    expect(run.play().nowMs - fromMs).toBe(5000);
  });
});

describe("failure_module", () => {
  test("failure_module: runs once, sees the error and which step it was; its result is the flow's, which has failed", () => {
    const definition = flow([step("a"), forloop("loop", [step("b")], { parallel: true })], { failureModule: step("fix") });
    const run = new ModelEngine(definition, { ask: () => 3, job: (place) => (place.startsWith("loop") ? "failed" : undefined) }).begin();
    for (let i = 0; run.started.at(-1) !== "failure"; i++) if (i > 50 || !run.playOne(() => 0)) throw new Error("it does not fail");
    const { error, results } = scopeOf(definition, run.state, "failure");
    expect(error).toEqual({ value: { kind: "job", job: "00000000-0000-7000-8000-000000000002" }, stepId: "b" });
    expect([...results.keys()]).toEqual(["a", "loop"]);
    run.play();
    expect(run.started.filter((place) => place === "failure")).toHaveLength(1);
    expect(run.finished).toEqual([{ kind: "finish", outcome: "failed", value: { kind: "job", job: "00000000-0000-7000-8000-000000000005" }, handled: "b" }]);
  });

  test("failure_module that fails: its own error is the flow's", () => {
    const run = new ModelEngine(flow([step("a")], { failureModule: step("fix") }), { job: () => "failed" }).begin().play();
    expect(run.started).toEqual(["a", "failure"]);
    expect(run.finished).toMatchObject([{ outcome: "failed", stepId: "fix" }]);
  });

  test("failure_module: may have retries and steps within it like any other", () => {
    const fix = branchall("fix", [[step("x")], [step("y", { retry: { constant: { attempts: 1, seconds: 1 } } })]], true);
    const run = new ModelEngine(flow([step("a")], { failureModule: fix }), {
      job: (place, attempt) => (place === "failure/0/x" || attempt > 1 ? "succeeded" : "failed"),
    });
    expect(run.begin().play().started).toEqual(["a", "failure/0/x", "failure/1/y", "failure/1/y"]);
    expect(run.finished).toMatchObject([{ outcome: "failed", value: { kind: "list", place: "failure", count: 2 } }]);
  });

  test("an error without a failure module: the step's error object is the flow's result", () => {
    const run = new ModelEngine(flow([step("a"), step("b")]), { job: () => "failed" }).begin().play();
    expect(run.finished).toEqual([{ kind: "finish", outcome: "failed", stepId: "a", value: { kind: "job", job: "00000000-0000-7000-8000-000000000001" } }]);
    expect(stepsOf(run.definition, run.state)).toMatchObject([{ place: "a", status: "failed" }]);
  });
});

describe("begin", () => {
  test("preprocessor_module: runs first when a trigger started the flow; its result becomes the inputs", () => {
    const definition = flow([step("a")], { preprocessor: step("pre") });
    const run = new ModelEngine(definition).begin(true);
    run.playOne(() => 0);
    expect(stepsOf(definition, run.state)).toMatchObject([
      { place: "preprocessor", status: "running" },
      { place: "a", status: "waiting" },
    ]);
    expect(run.play().started).toEqual(["preprocessor", "a"]);
    expect(run.state.inputs).toEqual({ kind: "job", job: "00000000-0000-7000-8000-000000000001" });
    expect(new ModelEngine(definition).begin().play().started).toEqual(["a"]);
  });

  test("preprocessor_module that fails: the flow fails", () => {
    const run = new ModelEngine(flow([step("a")], { preprocessor: step("pre"), failureModule: step("fix") }), {
      job: (place) => (place === "preprocessor" ? "failed" : undefined),
    });
    expect(run.begin(true).play().started).toEqual(["preprocessor", "failure"]);
    expect(run.finished).toMatchObject([{ outcome: "failed" }]);
  });

  test("skip_expr: true ends the run at once as skipped; one that cannot be evaluated fails it", () => {
    const definition = flow([step("a")], { skipExpr: "x" });
    expect(new ModelEngine(definition, { ask: () => true }).begin().play().finished).toMatchObject([{ outcome: "skipped", value: { json: "null" } }]);
    expect(new ModelEngine(definition, { ask: () => false }).begin().play().started).toEqual(["a"]);
    const run = new ModelEngine(definition, { ask: () => "broken" }).begin().play();
    expect(run.finished).toMatchObject([{ outcome: "failed", value: { json: expect.stringContaining("skip_expr") } }]);
  });
});

describe("cancel", () => {
  test("cancel: running jobs are cancelled, nothing else is waited for, then the flow ends with reason and canceler", () => {
    const all = branchall("all", [[step("a")], [step("b", { sleep: expression("999") })], [step("c", { suspend: people(1) })], [step("d")]], true);
    const run = new ModelEngine(flow([all, step("e")], { failureModule: step("fix") }), { ask: () => 999 }).begin();
    for (let i = 0; i < 4; i++) run.playOne(() => 0);
    const jobs = [...run.jobs.keys()];
    for (const job of jobs.slice(1, 3)) run.endJob(job);
    run.playOne(() => 0);
    run.tell({ kind: "cancel_asked", by: "ann", reason: "wrong day" });
    expect(outstanding(run.definition, run.state)).toEqual([
      { kind: "cancel_job", place: "all/0/a", job: jobs[0], reason: "wrong day" },
      { kind: "cancel_job", place: "all/3/d", job: jobs[3], reason: "wrong day" },
    ]);
    expect(run.finished).toEqual([]);
    run.forget();
    run.play();
    expect(run.finished).toMatchObject([{ outcome: "cancelled", reason: "wrong day" }]);
    const value = run.finished[0]?.value;
    expect(value?.kind === "json" && JSON.parse(value.json)).toEqual({
      error: { name: "Canceled", message: "wrong day", reason: "wrong day", canceler: "ann" },
    });
    expect(stepsOf(run.definition, run.state).map(({ status }) => status)).toEqual(["cancelled", "cancelled", "cancelled", "cancelled", "cancelled"]);
  });

  test("cancel while the failure module runs ends it as well; a second cancel changes nothing", () => {
    const run = new ModelEngine(flow([step("a")], { failureModule: step("fix") }), { job: () => "failed" }).begin();
    for (let i = 0; run.started.at(-1) !== "failure"; i++) if (i > 50 || !run.playOne(() => 0)) throw new Error("it does not fail");
    run.tell({ kind: "cancel_asked", by: "ann", reason: "enough" });
    run.tell({ kind: "cancel_asked", by: "bob", reason: "me too" });
    run.play();
    expect(run.finished).toMatchObject([{ outcome: "cancelled", reason: "enough" }]);
  });

  test("cancel before anything has begun ends the flow at once", () => {
    const run = new ModelEngine(flow([step("a")]));
    run.tell({ kind: "cancel_asked", by: "ann", reason: "no" });
    expect(run.finished).toMatchObject([{ outcome: "cancelled" }]);
    run.begin();
    expect(run.pending).toEqual([]);
  });
});

describe("cache_ttl of a flow", () => {
  const cached = flow([step("a")], { cacheTtlS: 60, skipExpr: "x", preprocessor: step("pre") });

  test("a result that is kept is looked for once the inputs are known, and is the end of the run: nothing else is asked or run", () => {
    const run = new ModelEngine(cached, { recalled: { kind: "json", json: "7" }, ask: () => "is not to be asked" }).begin(true).play();
    expect(run.started).toEqual(["preprocessor"]);
    expect(run.finished).toEqual([{ kind: "finish", outcome: "succeeded", value: { kind: "json", json: "7" } }]);
    expect(run.state.recalled).toBe(true);
  });

  test("without one the run runs; a crash before the answer asks again", () => {
    const run = new ModelEngine(cached).begin();
    expect(run.pending).toEqual([{ kind: "recall" }]);
    run.forget();
    expect(run.pending).toEqual([{ kind: "recall" }]);
    expect(run.play().started).toEqual(["a"]);
    expect(run.finished).toMatchObject([{ outcome: "succeeded" }]);
  });
});
