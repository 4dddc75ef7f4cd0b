import { describe, expect, test } from "vitest";
import { fc } from "../../../kernel/fast-check.fixture.ts";
import type { FlowDefinition } from "../model.ts";
import { advance } from "./advance.ts";
import type { Command, FlowEvent, Place } from "./model.ts";
import { isWanted, outstanding } from "./outstanding.ts";
import { isParallel } from "./place.ts";
import { scopeOf } from "./scope.ts";
import { type FlowState, MOST_OPEN, newFlowState } from "./state.ts";
import { stepsOf } from "./step-views.ts";
import { ModelEngine } from "./testing/model-engine.ts";
import {
  approveAll,
  chooser,
  containersRetry,
  example,
  hasParallel,
  loopsAround,
  playRankedToEnd,
  playToEnd,
  worldOf,
} from "./testing/random-flows.fixture.ts";
import { currentBlock, isRunning, openAt, visitBlock } from "./under-way.ts";

const copy = (state: FlowState): FlowState => JSON.parse(JSON.stringify(state));
const replay = (definition: FlowDefinition, from: FlowState, events: readonly FlowEvent[]): FlowState => {
  const state = copy(from);
  for (const event of events) advance(definition, state, event);
  return state;
};

const text = (commands: readonly Command[]): string[] => commands.map((command) => JSON.stringify(command)).sort();
const ofWork = (commands: readonly Command[]): Command[] => commands.filter(({ kind }) => kind !== "invite" && kind !== "answer_early" && kind !== "finish");

const runs = { numRuns: 100 };

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
          if (event.kind === "ended") expect(isRunning(definition, run.state, event)).toBe(false);
        };
        run.begin(true);
        playToEnd(run, chooser(order), () => {
          const wanted = ofWork(outstanding(definition, run.state));
          const commanded = new Set(text([...run.pending, ...run.timers]));
          expect(text(wanted).filter((one) => !commanded.has(one))).toEqual([]);
          expect(wanted.filter((one) => !isWanted(definition, run.state, one))).toEqual([]);
          expect([...run.jobs].filter(([job, { place }]) => !isRunning(definition, run.state, { place, job }))).toEqual([]);
          // Only timers may stand for steps that are over, until the flow itself is: of people who have answered.
          const rest = run.state.stage === "over" ? [] : ofWork(run.pending);
          expect(rest.filter((command) => !isWanted(definition, run.state, command))).toEqual([]);
          if (run.finished.length === 0) expect(wanted.length + run.jobs.size + outstanding(definition, run.state).length).toBeGreaterThan(0);
        });
        expect(run.finished).toHaveLength(1);
        expect(run.jobs.size).toBe(0);
        for (const { value } of run.state.main.done)
          if (value.kind === "list") for (let at = 0; at < value.count; at++) expect(run.items.has(`${value.place}/${at}`)).toBe(true);
        const outcome = run.finished[0]?.outcome ?? "";
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }),
      runs,
    );
    // The examples are worth something: they go far, and come to different ends.
    expect(outcomes.size).toBeGreaterThan(2);
    expect(events).toBeGreaterThan(2000);
  });

  test("the state follows from the log: from its beginning, and from a snapshot of any moment", () => {
    fc.assert(
      fc.property(fc.record({ ...example, cut: fc.nat() }), ({ definition, seed, order, cut }) => {
        const run = new ModelEngine(definition, worldOf(seed));
        const snapshots: FlowState[] = [copy(run.state)];
        run.onEvent = () => {
          snapshots.push(copy(run.state));
          if (run.events.length % 10 === 0) expect(snapshots.at(-1)).toStrictEqual(run.state);
        };
        run.begin(true);
        playToEnd(run, chooser(order), () => undefined);
        expect(replay(definition, newFlowState(), run.events)).toStrictEqual(run.state);
        const at = cut % snapshots.length;
        expect(replay(definition, snapshots[at] ?? newFlowState(), run.events.slice(at))).toStrictEqual(run.state);
        // A log that is read twice, or an event that comes again at the end, changes nothing.
        expect(
          replay(
            definition,
            run.state,
            run.events.filter(({ kind }) => kind !== "started"),
          ),
        ).toStrictEqual(run.state);
      }),
      runs,
    );
  });

  test("crashes at any moments change nothing: all that was to be done is known from the state", () => {
    fc.assert(
      fc.property(fc.record({ ...example, crashes: fc.nat() }), ({ definition, seed, order, crashes }) => {
        const sequential = chooser(order);
        const calm = new ModelEngine(definition, worldOf(seed)).begin(true);
        playToEnd(
          calm,
          () => 0,
          () => undefined,
        );
        const rough = new ModelEngine(definition, worldOf(seed)).begin(true);
        const crash = chooser(crashes);
        playToEnd(rough, sequential, () => {
          if (crash(4) === 0 && rough.finished.length === 0) rough.forget();
        });
        // Another order may end otherwise where things run side by side and one of them ends all; alone, it may not.
        if (!hasParallel(definition)) {
          expect(rough.finished.map(({ outcome }) => outcome)).toEqual(calm.finished.map(({ outcome }) => outcome));
          expect(rough.state.main.done.map(({ status }) => status)).toEqual(calm.state.main.done.map(({ status }) => status));
          expect(rough.started).toEqual(calm.started);
        }
      }),
      runs,
    );
  });

  test("crashes change nothing of what runs side by side either, when things happen in the same order", () => {
    let parallel = 0;
    fc.assert(
      fc.property(fc.record({ ...example, crashes: fc.nat() }), ({ definition, seed, order, crashes }) => {
        const calm = new ModelEngine(definition, worldOf(seed)).begin(true);
        playRankedToEnd(calm, order, () => undefined);
        const rough = new ModelEngine(definition, worldOf(seed)).begin(true);
        const crash = chooser(crashes);
        playRankedToEnd(rough, order, () => {
          if (crash(3) === 0 && rough.finished.length === 0) rough.forget();
        });
        expect(rough.started).toEqual(calm.started);
        expect(rough.finished).toEqual(calm.finished);
        expect(rough.items).toEqual(calm.items);
        expect(withoutTimes(rough.state)).toEqual(withoutTimes(calm.state));
        if (hasParallel(definition)) parallel += 1;
      }),
      runs,
    );
    expect(parallel).toBeGreaterThan(20);
  });

  test("a cancel at any moment ends it, with jobs cancelled and nothing else waited for", () => {
    fc.assert(
      fc.property(fc.record({ ...example, when: fc.nat(30) }), ({ definition, seed, order, when }) => {
        const run = new ModelEngine(definition, worldOf(seed)).begin(true);
        const pick = chooser(order);
        for (let i = 0; i < when && run.finished.length === 0; i++) if (!run.playOne(pick)) approveAll(run, i);
        // It may be ending already: somebody has refused, and jobs are being cancelled.
        if (run.state.stage === "over") return;
        run.tell({ kind: "cancel_asked", by: "ann", reason: "enough" });
        const stale = [...run.timers, ...run.pending.filter(({ kind }) => kind !== "cancel_job")];
        run.forget();
        expect(run.timers).toEqual([]);
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
          if (run.events.length % 10 > 0) return;
          expect(stepsOf(definition, run.state).length).toBeLessThanOrEqual(500);
          const current = currentBlock(definition, run.state);
          if (definition.sameWorker) expect(run.jobs.size).toBeLessThanOrEqual(1);
          if (current === undefined) return;
          visitBlock(current.level, current.block, {
            step: (place, { phase }, module) => {
              // Nobody keeps a folder for months.
              if (phase.kind === "suspended" || phase.kind === "sleeping") expect(run.state.folder).toBeUndefined();
              if (phase.kind === "list") expect(phase.list.open.length).toBeLessThanOrEqual(isParallel(module) ? Math.min(phase.list.most, MOST_OPEN) : 1);
              if (phase.kind === "list" && module.value.kind === "forloop" && module.value.parallelism !== undefined)
                expect(phase.list.open.length).toBeLessThanOrEqual(askedParallelism(seed, place));
              expect(openAt(definition, run.state, place)?.step?.phase).toBe(phase);
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

/** Timers of people who have answered are lost in a crash: the clock of these runs then stands still for longer. */
function withoutTimes(state: FlowState): unknown {
  return JSON.parse(JSON.stringify(state, (name, value: unknown) => (name === "untilMs" ? undefined : value)));
}

function askedParallelism(seed: number, place: Place): number {
  const answer = worldOf(seed).ask?.(place, "parallelism", undefined);
  return typeof answer === "number" ? answer : MOST_OPEN;
}
