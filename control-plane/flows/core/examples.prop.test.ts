import { expect, test } from "vitest";
import { fc } from "../../../kernel/fast-check.fixture.ts";
import type { FlowEvent } from "./model.ts";
import { moduleAt } from "./place.ts";
import { ModelEngine } from "./testing/model-engine.ts";
import { chooser, example, playToEnd, worldOf } from "./testing/random-flows.fixture.ts";
import { currentBlock, visitBlock } from "./under-way.ts";

// What the properties of core.prop.test.ts and restart.prop.test.ts say is worth as much as the flows that they say it of.

const QUESTIONS = ["skip", "branch", "iterator", "parallelism", "stop", "stop_all", "sleep", "retry_if", "inputs"] as const;
const EVERYTHING = [
  ...["script", "flow", "identity", "forloop", "whileloop", "branchone", "branchall"].map((kind) => `a step of the kind ${kind}`),
  ...["forloop", "branchall"].flatMap((kind) => [`${kind} side by side`, `${kind} one after the other`]),
  ...["new", "preprocessing", "recalling", "running", "failing", "over"].map((stage) => `stage ${stage}`),
  ...["asking", "passing", "starting", "running", "list", "choice", "retrying", "suspended", "sleeping"].map((phase) => `phase ${phase}`),
  ...["succeeded", "failed", "cancelled"].flatMap((outcome) => [`a job that ${outcome}`, `a run that ${outcome}`]),
  ...["a run that skipped", "same_worker", "a folder that was lost", "mock", "cached", "recalled", "not recalled", "answered early"],
  ...[
    "the default branch",
    "a branch that is taken",
    "no items",
    "some items",
    "a step that is skipped",
    "another attempt",
    "an attempt by retry_if",
    "no attempt by retry_if",
  ],
  ...["stop", "stop_all"].flatMap((question) => [`${question} holds`, `${question} does not hold`]),
  ...["stops as skipped", "stops with a message", "a failure that is no matter"],
  ...["an approval", "a refusal", "a refusal that is gone on after", "nobody in time", "nobody in time, and it goes on"],
  ...QUESTIONS.map((question) => `${question} that cannot be evaluated`),
];

test("random flows have every kind of step, every rule and every way to end in them", () => {
  const reached = new Set<string>();
  fc.assert(
    fc.property(fc.record(example), ({ definition, seed, order }) => {
      const run = new ModelEngine(definition, worldOf(seed));
      run.onEvent = (event) => {
        for (const mark of [...marksOf(run, event), ...marksOfState(run)]) reached.add(mark);
      };
      reached.add("stage new");
      run.begin(true);
      playToEnd(run, chooser(order), () => undefined);
      reached.add(`a run that ${run.finished[0]?.outcome}`);
      if (definition.sameWorker) reached.add("same_worker");
      if (run.early !== undefined) reached.add("answered early");
    }),
    { numRuns: 400 },
  );
  expect(EVERYTHING.filter((mark) => !reached.has(mark))).toEqual([]);
});

function marksOf(run: ModelEngine, event: FlowEvent): string[] {
  const module = "place" in event ? moduleAt(run.definition, event.place) : undefined;
  switch (event.kind) {
    case "recalled":
      return [event.value === undefined ? "not recalled" : "recalled"];
    case "cached":
      return ["cached"];
    case "skip_decided":
      return event.skip ? ["a step that is skipped"] : [];
    case "branch_decided": {
      const branches = module?.value.kind === "branchone" ? module.value.branches.length : 0;
      if (event.taken) return ["a branch that is taken"];
      return event.branch === branches - 1 ? ["the default branch"] : [];
    }
    case "iterator_opened":
      return [event.count === 0 ? "no items" : "some items"];
    case "evaluation_failed":
      return [`${event.question} that cannot be evaluated`];
    case "started":
      return event.attempt > 1 ? ["another attempt"] : [];
    case "ended":
      return [`a job that ${event.outcome}`, ...(event.folderLost === true ? ["a folder that was lost"] : [])];
    case "retry_decided":
      return [`${event.retry ? "an" : "no"} attempt by retry_if`];
    case "stop_decided": {
      const rule = event.question === "stop" ? module?.stopAfterIf : module?.stopAfterAllItersIf;
      if (!event.stop) return [`${event.question} does not hold`];
      const how = rule?.errorMessage === undefined ? (rule?.skipIfStopped === true ? ["stops as skipped"] : []) : ["stops with a message"];
      return [`${event.question} holds`, ...how];
    }
    case "approval": {
      const goesOn = module?.suspend?.continueOnDisapproveTimeout === true;
      if (event.approval.approved) return ["an approval"];
      return ["a refusal", ...(goesOn ? ["a refusal that is gone on after"] : [])];
    }
    default:
      return [];
  }
}

function marksOfState({ definition, state }: ModelEngine): string[] {
  const marks = [`stage ${state.stage}`];
  const text = JSON.stringify(state);
  if (text.includes('"kind":"mock"')) marks.push("mock");
  if (text.includes("SuspendedTimedOut")) marks.push(state.failure === undefined ? "nobody in time, and it goes on" : "nobody in time");
  const current = currentBlock(definition, state);
  if (current === undefined) return marks;
  visitBlock(current.level, current.block, {
    step: (_place, step, module) => {
      marks.push(`phase ${step.phase.kind}`, `a step of the kind ${module.value.kind}`);
      if (step.failure !== undefined && (step.phase.kind === "suspended" || step.phase.kind === "sleeping")) marks.push("a failure that is no matter");
      if ("parallel" in module.value) marks.push(`${module.value.kind} ${module.value.parallel ? "side by side" : "one after the other"}`);
    },
  });
  return marks;
}
