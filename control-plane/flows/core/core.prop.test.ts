import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FlowDefinition, Module } from "../model.ts";
import { advance } from "./advance.ts";
import type { Command, FlowEvent, Place } from "./model.ts";
import { isWanted, outstanding } from "./outstanding.ts";
import { isLoop, isParallel } from "./place.ts";
import { scopeOf } from "./scope.ts";
import { type FlowState, MOST_OPEN, newFlowState } from "./state.ts";
import { stepsOf } from "./step-views.ts";
import { branchall, branchone, expression, flow, forloop, identity, people, step, whileloop } from "./testing/definitions.ts";
import { ModelEngine, type World } from "./testing/model-engine.ts";
import { currentBlock, visitBlock } from "./under-way.ts";

/** FNV-1a: the same question has the same answer in every run of an example. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return (value ^ (value >>> 15)) >>> 0;
}

const rule = fc.record({ expr: fc.constant("x"), skipIfStopped: fc.boolean() });
const stopRule = fc.oneof(rule, fc.record({ expr: fc.constant("x"), skipIfStopped: fc.boolean(), errorMessage: fc.constant("stopped") }));
const retryRule = fc.oneof(
  fc.record({ constant: fc.record({ attempts: fc.integer({ min: 1, max: 2 }), seconds: fc.constantFrom(0, 5) }) }),
  fc.record({
    exponential: fc.record({ attempts: fc.constant(2), multiplier: fc.constant(1), seconds: fc.constant(2), randomFactorPercent: fc.constant(50) }),
    retryIf: fc.constant("x"),
  }),
);
const suspendRule = fc.record({ needed: fc.integer({ min: 1, max: 2 }), timeout: fc.boolean(), goOn: fc.boolean() }).map(({ needed, timeout, goOn }) =>
  people(needed, { continueOnDisapproveTimeout: goOn, ...(timeout ? { timeoutS: 60 } : {}) }),
);

/** Fields that every kind of module may have; each is rare, so that flows get on. */
const extras = fc
  .record({
    skipIf: rarely(fc.constant("x"), 6),
    stopAfterIf: rarely(stopRule, 8),
    stopAfterAllItersIf: rarely(stopRule, 8),
    sleep: rarely(fc.constant(expression("x")), 8),
    suspend: rarely(suspendRule, 10),
    mock: rarely(fc.constant({ returnValue: 1 }), 12),
    retry: rarely(retryRule, 4),
    continueOnError: rarely(fc.constant(true), 4),
  })
  .map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)));

function rarely<T>(arbitrary: fc.Arbitrary<T>, oneIn: number): fc.Arbitrary<T | undefined> {
  return fc.option(arbitrary, { nil: undefined, freq: oneIn });
}

const { modules } = fc.letrec<{ module: Module; modules: Module[] }>((tie) => ({
  modules: fc.array(tie("module"), { maxLength: 3, depthIdentifier: "flow" }),
  module: fc.oneof(
    { maxDepth: 3, depthIdentifier: "flow" },
    { weight: 5, arbitrary: extras.map((extra) => step("s", extra)) },
    { weight: 1, arbitrary: extras.map((extra) => identity("i", extra)) },
    { weight: 2, arbitrary: fc.tuple(tie("modules"), extras, fc.boolean(), fc.boolean(), fc.boolean()).map(([inner, extra, parallel, bounded, skipFailures]) =>
      forloop("f", inner, { parallel, skipFailures, ...(bounded ? { parallelism: expression("x") } : {}) }, extra)) },
    { weight: 1, arbitrary: fc.tuple(tie("modules"), extras, stopRule, fc.boolean()).map(([inner, extra, stopAfterIf, skipFailures]) => whileloop("w", inner, { ...extra, stopAfterIf }, skipFailures)) },
    { weight: 1, arbitrary: fc.tuple(fc.array(tie("modules"), { minLength: 1, maxLength: 3 }), extras).map(([branches, extra]) => branchone("o", branches, extra)) },
    { weight: 1, arbitrary: fc.tuple(fc.array(fc.record({ modules: tie("modules"), skipFailure: fc.boolean() }), { maxLength: 3 }), fc.boolean(), extras).map(([branches, parallel, extra]) => branchall("b", branches, parallel, extra)) },
  ),
}));

const flows = fc
  .record({ modules, failure: fc.option(extras, { nil: undefined }), preprocessor: fc.option(extras, { nil: undefined, freq: 4 }), skip: fc.option(fc.constant("x"), { nil: undefined, freq: 5 }) })
  .map(({ modules: written, failure, preprocessor, skip }) =>
    flow(numbered(written, { count: 0 }), {
      earlyReturn: "s2",
      ...(failure === undefined ? {} : { failureModule: step("fail", failure) }),
      ...(preprocessor === undefined ? {} : { preprocessor: step("pre", preprocessor) }),
      ...(skip === undefined ? {} : { skipExpr: skip }),
    }),
  );

/** Gives all modules ids of their own. */
function numbered(list: readonly Module[], counter: { count: number }): Module[] {
  return list.map((module) => {
    counter.count += 1;
    const id = module.id + counter.count;
    const { value } = module;
    if (value.kind === "forloop" || value.kind === "whileloop") return { ...module, id, value: { ...value, modules: numbered(value.modules, counter) } };
    if (value.kind === "branchone") {
      const branches = value.branches.map((branch) => ({ ...branch, modules: numbered(branch.modules, counter) }));
      return { ...module, id, value: { ...value, branches, default: numbered(value.default, counter) } };
    }
    if (value.kind === "branchall") return { ...module, id, value: { ...value, branches: value.branches.map((branch) => ({ ...branch, modules: numbered(branch.modules, counter) })) } };
    return { ...module, id };
  });
}

/** A world whose answers follow from a number. */
function worldOf(seed: number): World {
  const dice = (text: string): number => hash(`${seed} ${text}`) % 100;
  return {
    job: (place, attempt) => {
      const thrown = dice(`job ${place} ${attempt}`);
      return thrown < 18 ? "failed" : thrown < 20 ? "cancelled" : "succeeded";
    },
    ask: (place, question, branch) => {
      const thrown = dice(`ask ${place} ${question} ${branch}`);
      if (thrown >= 97) return "cannot be evaluated";
      if (question === "iterator") return thrown % 5;
      if (question === "parallelism") return 1 + (thrown % 3);
      if (question === "sleep") return thrown % 3;
      return thrown < 35;
    },
    inputs: (place) => {
      const thrown = dice(`inputs ${place}`);
      return thrown >= 97 ? { failed: "no such field" } : thrown >= 92 ? "cached" : undefined;
    },
    approvals: (place) => ["ann", "ann", "bob"].map((approver) => ({ approver, approved: dice(`approval ${place} ${approver}`) < 90, payload: '"fine"' })).slice(0, 1 + (dice(`approvals ${place}`) % 3)),
  };
}

function chooser(seed: number): (count: number) => number {
  let state = seed;
  return (count) => {
    state = hash(`${state} ${count}`);
    return state % count;
  };
}

const copy = (state: FlowState): FlowState => JSON.parse(JSON.stringify(state));
const replay = (definition: FlowDefinition, from: FlowState, events: readonly FlowEvent[]): FlowState => {
  const state = copy(from);
  for (const event of events) advance(definition, state, event);
  return state;
};

/** After people have had their say, the rest of the approvals come, so that no flow waits for ever. */
function playToEnd(run: ModelEngine, pick: (count: number) => number, perStep: () => void): void {
  for (let i = 0; run.finished.length === 0; i++) {
    if (i > 20_000) throw new Error("it does not end");
    if (!run.playOne(pick)) approveAll(run, i);
    perStep();
  }
}

function approveAll(run: ModelEngine, i: number): void {
  const waiting = outstanding(run.definition, run.state).filter(({ kind }) => kind === "invite");
  if (waiting.length === 0) throw new Error(`stuck: ${JSON.stringify(run.state)}`);
  for (const command of waiting) if (command.kind === "invite") run.tell({ kind: "approval", place: command.place, approval: { approver: `someone ${i}`, approved: true, payload: "1" } });
}

/** Whether what runs at a place may run again although it has succeeded: something around it, or it, is tried again as a whole. */
function containersRetry(definition: FlowDefinition): boolean {
  const within = (list: readonly Module[]): boolean =>
    list.some((module) => {
      const { value } = module;
      if (value.kind === "forloop" || value.kind === "whileloop") return module.retry !== undefined || within(value.modules);
      if (value.kind === "branchone") return module.retry !== undefined || within(value.default) || value.branches.some((branch) => within(branch.modules));
      if (value.kind === "branchall") return module.retry !== undefined || value.branches.some((branch) => within(branch.modules));
      return false;
    });
  return within(definition.modules);
}

const text = (commands: readonly Command[]): string[] => commands.map((command) => JSON.stringify(command)).sort();
const ofWork = (commands: readonly Command[]): Command[] => commands.filter(({ kind }) => kind !== "invite" && kind !== "answer_early" && kind !== "finish");

const example = { definition: flows, seed: fc.nat(), order: fc.nat() };
const runs = { numRuns: 300 };

describe("any flow, with any answers, in any order", () => {
  test("ends; what is outstanding is what was commanded and not answered; no success is run twice", () => {
    let events = 0;
    const outcomes = new Map<string, number>();
    fc.assert(
      fc.property(fc.record(example), ({ definition, seed, order }) => {
        const run = new ModelEngine(definition, worldOf(seed));
        const succeeded = new Set<Place>();
        run.onEvent = (event) => {
          events += 1;
          if (event.kind === "started" && !containersRetry(definition)) expect(succeeded.has(event.place)).toBe(false);
          if (event.kind === "ended" && event.outcome === "succeeded") succeeded.add(event.place);
        };
        run.begin(true);
        playToEnd(run, chooser(order), () => {
          const wanted = ofWork(outstanding(definition, run.state));
          const commanded = new Set(text(run.pending));
          for (const one of text(wanted)) expect(commanded.has(one)).toBe(true);
          // Only timers may stand for steps that are over, until the flow itself is: of people who have answered.
          const rest = run.state.stage === "over" ? [] : ofWork(run.pending).filter(({ kind }) => kind !== "timer");
          for (const command of rest) expect(isWanted(definition, run.state, command)).toBe(true);
          if (run.finished.length === 0) expect(wanted.length + run.jobs.size + outstanding(definition, run.state).length).toBeGreaterThan(0);
        });
        expect(run.finished).toHaveLength(1);
        expect(run.jobs.size).toBe(0);
        const outcome = run.finished[0]?.outcome ?? "";
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }),
      runs,
    );
    // The examples are worth something: they come to all ends.
    expect([...outcomes.keys()].sort()).toEqual(["cancelled", "failed", "skipped", "succeeded"]);
    expect(events).toBeGreaterThan(2000);
  });

  test("the state follows from the log: from its beginning, and from a snapshot of any moment", () => {
    fc.assert(
      fc.property(fc.record({ ...example, cut: fc.nat() }), ({ definition, seed, order, cut }) => {
        const run = new ModelEngine(definition, worldOf(seed));
        const snapshots: FlowState[] = [copy(run.state)];
        run.onEvent = () => {
          const snapshot = copy(run.state);
          expect(snapshot).toStrictEqual(run.state);
          snapshots.push(snapshot);
        };
        run.begin(true);
        playToEnd(run, chooser(order), () => undefined);
        expect(replay(definition, newFlowState(), run.events)).toStrictEqual(run.state);
        const at = cut % snapshots.length;
        expect(replay(definition, snapshots[at] ?? newFlowState(), run.events.slice(at))).toStrictEqual(run.state);
        // A log that is read twice, or an event that comes again at the end, changes nothing.
        expect(replay(definition, run.state, run.events.filter(({ kind }) => kind !== "started"))).toStrictEqual(run.state);
      }),
      runs,
    );
  });

  test("crashes at any moments change nothing: all that was to be done is known from the state", () => {
    fc.assert(
      fc.property(fc.record({ ...example, crashes: fc.nat() }), ({ definition, seed, order, crashes }) => {
        const sequential = chooser(order);
        const calm = new ModelEngine(definition, worldOf(seed)).begin(true);
        playToEnd(calm, () => 0, () => undefined);
        const rough = new ModelEngine(definition, worldOf(seed)).begin(true);
        const crash = chooser(crashes);
        playToEnd(rough, sequential, () => {
          if (crash(4) === 0) rough.forget();
        });
        // Another order may end otherwise where things run side by side and one of them ends all; alone, it may not.
        if (!hasParallel(definition.modules)) {
          expect(rough.finished.map(({ outcome }) => outcome)).toEqual(calm.finished.map(({ outcome }) => outcome));
          expect(rough.state.main.done.map(({ status }) => status)).toEqual(calm.state.main.done.map(({ status }) => status));
          expect(rough.started).toEqual(calm.started);
        }
      }),
      runs,
    );
  });

  test("a cancel at any moment ends it, with jobs cancelled and nothing else waited for", () => {
    fc.assert(
      fc.property(fc.record({ ...example, when: fc.nat(30) }), ({ definition, seed, order, when }) => {
        const run = new ModelEngine(definition, worldOf(seed)).begin(true);
        const pick = chooser(order);
        for (let i = 0; i < when && run.finished.length === 0; i++) if (!run.playOne(pick)) approveAll(run, i);
        if (run.finished.length > 0) return;
        run.tell({ kind: "cancel_asked", by: "ann", reason: "enough" });
        const stale = run.pending.filter(({ kind }) => kind !== "cancel_job");
        run.forget();
        expect(run.pending.every(({ kind }) => kind === "cancel_job")).toBe(true);
        expect(run.pending).toHaveLength(run.jobs.size);
        const made = run.started.length;
        for (const command of stale) run.carryOut(command);
        // Jobs that were just being made are cancelled as well.
        run.play(pick);
        expect(run.finished.at(-1)).toMatchObject({ outcome: "cancelled", reason: "enough" });
        expect(run.jobs.size).toBe(0);
        expect(run.started.length - made).toBeLessThanOrEqual(stale.filter(({ kind }) => kind === "run").length);
      }),
      runs,
    );
  });

  test("bounds hold: parallelism, open blocks, what people are shown; every place has a scope", () => {
    fc.assert(
      fc.property(fc.record(example), ({ definition, seed, order }) => {
        const run = new ModelEngine(definition, worldOf(seed)).begin(true);
        playToEnd(run, chooser(order), () => {
          expect(stepsOf(definition, run.state).length).toBeLessThanOrEqual(500);
          const current = currentBlock(definition, run.state);
          if (current === undefined) return;
          visitBlock(current.level, current.block, {
            step: (place, { phase }, module) => {
              if (phase.kind === "list") expect(phase.list.open.length).toBeLessThanOrEqual(isParallel(module) ? Math.min(phase.list.most, MOST_OPEN) : 1);
              if (phase.kind === "list" && module.value.kind === "forloop" && module.value.parallelism !== undefined) expect(phase.list.open.length).toBeLessThanOrEqual(askedParallelism(seed, place));
              const { iterations } = scopeOf(definition, run.state, place);
              expect(iterations).toHaveLength(loopsAround(definition, place));
            },
          });
        });
      }),
      runs,
    );
  });
});

function askedParallelism(seed: number, place: Place): number {
  const answer = worldOf(seed).ask?.(place, "parallelism", undefined);
  return typeof answer === "number" ? answer : MOST_OPEN;
}

function loopsAround(definition: FlowDefinition, place: Place): number {
  const ids = place.split("/").filter((_, at, all) => at % 2 === 0 && at < all.length - 1);
  const find = (list: readonly Module[], id: string): Module | undefined => {
    for (const module of list) {
      if (module.id === id) return module;
      const { value } = module;
      const inner = value.kind === "forloop" || value.kind === "whileloop" ? value.modules : value.kind === "branchone" ? [...value.branches.flatMap((branch) => branch.modules), ...value.default] : value.kind === "branchall" ? value.branches.flatMap((branch) => branch.modules) : [];
      const found = find(inner, id);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return ids.filter((id) => {
    const module = find(definition.modules, id);
    return module !== undefined && isLoop(module);
  }).length;
}

function hasParallel(list: readonly Module[]): boolean {
  return list.some((module) => {
    const { value } = module;
    if (isParallel(module)) return true;
    if (value.kind === "forloop" || value.kind === "whileloop") return hasParallel(value.modules);
    if (value.kind === "branchone") return hasParallel(value.default) || value.branches.some((branch) => hasParallel(branch.modules));
    return value.kind === "branchall" && value.branches.some((branch) => hasParallel(branch.modules));
  });
}
