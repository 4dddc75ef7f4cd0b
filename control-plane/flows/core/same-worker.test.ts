import { expect, test } from "vitest";
import { asAgentKey } from "../../../kernel/ids.ts";
import type { Place } from "./model.ts";
import { branchall, expression, flow, forloop, people, step } from "./testing/definitions.ts";
import { ModelEngine, type World } from "./testing/model-engine.ts";

const AGENT = asAgentKey("7");
const ran = { agent: AGENT };

/** Which agent has the folder when the jobs at these places are made. */
function foldersAt(run: ModelEngine): Map<Place, string | undefined> {
  const found = new Map<Place, string | undefined>();
  run.onEvent = (event) => {
    if (event.kind === "started") found.set(event.place, run.state.folder);
  };
  return found;
}

const sharing = (modules: Parameters<typeof flow>[0], world: World = {}, more: Parameters<typeof flow>[1] = {}): ModelEngine =>
  new ModelEngine(flow(modules, { sameWorker: true, ...more }), { where: () => ran, ...world });

test("same_worker: the agent of the first step that began is that of all after it", () => {
  const run = sharing([step("a", { retry: { constant: { attempts: 1, seconds: 0 } } }), step("b"), step("c")], {
    job: (place, attempt) => (place === "a" && attempt === 1 ? "failed" : "succeeded"),
    // The first attempt never began: nobody has a folder then.
    where: (place, attempt) => (place === "a" && attempt === 1 ? {} : place === "c" ? { agent: asAgentKey("8") } : ran),
  });
  const at = foldersAt(run);
  run.begin().play();
  expect(Object.fromEntries(at)).toEqual({ a: undefined, b: AGENT, c: AGENT });
  expect(run.state.folder).toBe(AGENT);
});

test("same_worker: what is parallel runs one after the other, and all of it runs", () => {
  const modules = [forloop("loop", [step("x")], { parallel: true }), branchall("all", [[step("p")], [step("q")]], true), step("z")];
  const run = sharing(modules, {
    ask: (_place, question) => (question === "iterator" ? 3 : undefined),
    job: (place) => (place === "loop/0/x" ? "failed" : "succeeded"),
  });
  let most = 0;
  run.onEvent = () => {
    most = Math.max(most, run.jobs.size);
  };
  run.begin().play();
  expect(run.started).toEqual(["loop/0/x", "loop/1/x", "loop/2/x"]);
  expect(run.finished).toMatchObject([{ outcome: "failed", stepId: "x" }]);
  const whole = sharing(modules, { ask: (_place, question) => (question === "iterator" ? 2 : undefined) });
  whole.onEvent = () => {
    most = Math.max(most, whole.jobs.size);
  };
  whole.begin().play();
  expect(whole.started).toEqual(["loop/0/x", "loop/1/x", "all/0/p", "all/1/q", "z"]);
  expect(most).toBe(1);
});

test("same_worker: no folder is kept while people or a moment are waited for", () => {
  const run = sharing([step("a", { suspend: people(1) }), step("b"), step("c", { sleep: expression("60") }), step("d")], {
    ask: (_place, question) => (question === "sleep" ? 60 : undefined),
  });
  const at = foldersAt(run);
  run.begin().play();
  expect(run.state.folder).toBeUndefined();
  run.tell({ kind: "approval", place: "a", approval: { approver: "ada", approved: true, payload: "null" } });
  run.play();
  expect(Object.fromEntries(at)).toEqual({ a: undefined, b: undefined, c: AGENT, d: undefined });
});

test("same_worker: a folder that is lost fails the step without another attempt, and what runs then has a new one", () => {
  const lost: World = {
    job: (place) => (place === "b" ? "failed" : "succeeded"),
    where: (place) => (place === "b" ? { folderLost: true } : ran),
  };
  const failing = sharing([step("a"), step("b", { retry: { constant: { attempts: 5, seconds: 0 } } }), step("c")], lost, { failureModule: step("failure") });
  const at = foldersAt(failing);
  failing.begin().play();
  expect(failing.started).toEqual(["a", "b", "failure"]);
  expect(Object.fromEntries(at)).toEqual({ a: undefined, b: AGENT, failure: undefined });
  const goingOn = sharing([step("a"), step("b", { continueOnError: true }), step("c")], lost);
  const then = foldersAt(goingOn);
  goingOn.begin().play();
  expect(then.get("c")).toBeUndefined();
});
