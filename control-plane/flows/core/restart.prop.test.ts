import { describe, expect, test } from "vitest";
import { fc } from "../../../kernel/fast-check.fixture.ts";
import { asJobId } from "../../../kernel/ids.ts";
import { restartFrom } from "./restart.ts";
import { ModelEngine } from "./testing/model-engine.ts";
import { chooser, containersRetry, example, hasParallel, playToEnd, worldOf } from "./testing/random-flows.fixture.ts";

const OLD = asJobId("00000000-0000-7000-8000-00000000abcd");
const RUNS = 150;

describe("a restart of any run, from any of its steps", () => {
  test("runs what the earlier run had run from there on, and nothing before it", () => {
    let compared = 0;
    fc.assert(
      fc.property(fc.record({ ...example, which: fc.nat() }), ({ definition, seed, order, which }) => {
        // Those that share a folder are not restarted in the middle: runs/restarts.ts.
        if (definition.sameWorker) return;
        const sideBySide = hasParallel(definition);
        const old = new ModelEngine(definition, worldOf(seed)).begin(true);
        playToEnd(old, sideBySide ? chooser(order) : () => 0, () => undefined);
        const from = old.started[which % Math.max(1, old.started.length)];
        if (from === undefined || from === "failure" || containersRetry(definition)) return;
        const plan = restartFrom(definition, { job: OLD, definition, events: old.events }, from, 5000);
        if (plan.kind === "refused") {
          expect(sideBySide && plan.message.startsWith("those before ")).toBe(true);
          return;
        }
        const run = new ModelEngine(definition, worldOf(seed));
        for (const { atMs: _, ...happening } of plan.events) run.tell(happening);
        expect(run.jobs.size).toBe(0);
        run.forget();
        playToEnd(
          run,
          () => 0,
          () => undefined,
        );
        const reused = new Set(plan.events.flatMap((event) => (event.kind === "reused" ? [event.place] : [])));
        for (const place of run.started) for (const known of reused) expect(`${place}/`.startsWith(`${known}/`)).toBe(false);
        if (sideBySide) return;
        compared += 1;
        expect(run.started).toEqual(old.started.slice(old.started.indexOf(from)));
        expect(run.finished.map(({ outcome }) => outcome)).toEqual(old.finished.map(({ outcome }) => outcome));
      }),
      { numRuns: RUNS },
    );
    expect(compared).toBeGreaterThan(RUNS / 10);
  });
});
