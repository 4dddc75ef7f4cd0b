import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Json } from "../../../kernel/json.ts";
import { insertFlowVersion } from "../flow-store.ts";
import { FlowBench, type RunEnd, step } from "./testing/flow-bench.ts";

// `kill -9` at every transition point: the owner dies right before, and right after, each commit of a flow; a second one takes over.

let bench: FlowBench;

beforeAll(async () => {
  bench = await FlowBench.open();
  const document = JSON.stringify({ summary: "", value: { modules: [step("x", { n: "flow_input.n" })] } });
  const version = { hash: "c".repeat(64), path: "f/bench/child", summary: "", document, yaml: undefined, createdBy: "test" };
  await insertFlowVersion(bench.owner.pool, bench.workspace, version);
}, 60_000);
afterAll(() => bench.close());
afterEach(() => {
  bench.owner.strikes = () => false;
});

const js = (expr: string): { type: "javascript"; expr: string } => ({ type: "javascript", expr });

interface Flow {
  readonly value: { readonly modules: readonly unknown[] } & Record<string, unknown>;
  readonly end: RunEnd;
  /** What a step gives, beside one more than its input `n`. @param before whether the place was run before */
  readonly script?: (id: string, before: boolean) => Error | undefined;
}

/** A sequence, a choice, branches side by side, a parallel loop, retries and an identity. */
const BRANCHES: Flow = {
  value: {
    modules: [
      step("a"),
      {
        id: "choice",
        value: { type: "branchone", branches: [{ expr: "results.a === 2", modules: [step("yes", { n: "results.a" })] }], default: [step("no")] },
      },
      {
        id: "loop",
        value: {
          type: "forloopflow",
          iterator: js("[1, 2, 3]"),
          parallel: true,
          parallelism: { type: "static", value: 2 },
          modules: [step("try", { n: "flow_input.iter.value" }, { retry: { constant: { attempts: 2, seconds: 0 } } }), step("more", { n: "results.try" })],
        },
      },
      { id: "all", value: { type: "branchall", parallel: true, branches: [{ modules: [step("p")] }, { modules: [step("q", { n: "10" })] }] } },
      { id: "both", value: { type: "identity", input_transforms: { list: js("results.loop.concat(results.all)") } } },
      step("z", { n: "results.both.list.length" }),
    ],
  },
  end: { outcome: "succeeded", result: 6 },
  script: (id, before) => (id === "try" && !before ? new Error("not at once") : undefined),
};

/** What waits, and what ends otherwise than well: somebody who is asked, a sub-flow, rounds of a loop, a failure that is no matter, a sleep, a stop, the failure module. */
const WAITS: Flow = {
  value: {
    modules: [
      step("a"),
      step("ask", { n: "results.a" }, { suspend: { required_events: 1, timeout: 600 } }),
      { id: "call", value: { type: "flow", path: "f/bench/child", input_transforms: { n: js("results.ask + resume") } } },
      { id: "rounds", value: { type: "whileloopflow", modules: [step("tick", { n: "flow_input.iter.index" }, { stop_after_if: { expr: "result >= 2" } })] } },
      step("soft", {}, { continue_on_error: true, sleep: { type: "static", value: 0.05 } }),
      step("last", { n: "results.rounds.length" }, { stop_after_if: { expr: "result === 3", error_message: "enough" } }),
    ],
    failure_module: step("failure", { n: "error.message === 'enough' ? results.call : 0" }),
  },
  end: { outcome: "failed", result: 15 },
  script: (id) => (id === "soft" ? new Error("no matter") : undefined),
};

interface Played {
  readonly end: RunEnd;
  readonly flushes: number;
  readonly deaths: number;
  /** Places whose script came to its end, each time. */
  readonly succeeded: readonly string[];
  /** Places with the end of a job that succeeded, by the log. */
  readonly recorded: readonly string[];
}

/** @param at the owner dies at this flush of the run; 0: never */
async function play({ value, script }: Flow, at: number, when: "before" | "after"): Promise<Played> {
  const succeeded: string[] = [];
  const seen = new Set<string>();
  let [flushes, deaths] = [0, 0];
  let revived = Promise.resolve();
  bench.script = ({ n }, id, place): Json | Error => {
    const error = script?.(id, seen.has(place));
    seen.add(place);
    if (error !== undefined) return error;
    succeeded.push(place);
    return Number(n ?? 1) + 1;
  };
  bench.owner.strikes = (now, operations) => {
    if (now === "before") flushes += 1;
    // Before it is accepted there is no run that could go on.
    const isAccepted = now === "after" || !operations.some((operation) => operation.kind === "insert" && operation.payload.kind === "flow");
    if (flushes !== at || now !== when || deaths > 0 || !isAccepted) return false;
    deaths += 1;
    revived = bench.owner.revive().then(() => void bench.owner.attach());
    return true;
  };
  const flow = await bench.start(value);
  if (value.modules.some((module) => JSON.stringify(module).includes('"suspend"'))) await answer(flow);
  const end = await bench.ended(flow);
  await revived;
  return { end, flushes, deaths, succeeded: succeeded.toSorted(), recorded: (await placesOf(flow)).toSorted() };
}

/** Places with the end of a job that succeeded, by the log. */
async function placesOf(flow: Parameters<FlowBench["events"]>[0]): Promise<string[]> {
  return (await bench.events(flow)).flatMap((event) => (event.kind === "ended" && event.outcome === "succeeded" ? [event.place] : []));
}

/** Once, as soon as somebody is asked: whoever is the owner by then finds it. */
async function answer(flow: Parameters<FlowBench["events"]>[0]): Promise<void> {
  await bench.until("somebody is asked", async () => (await placesOf(flow)).includes("ask"));
  const { workspace, shard } = bench;
  await bench.owner.rows(
    "INSERT INTO flow_approval (workspace_id, id, shard, place, approver, approved, payload) VALUES ($1, $2, $3, 'ask', 'Ann', true, '10')",
    workspace,
    flow,
    shard,
  );
  if (!bench.owner.isAway) bench.owner.owner.lookForAnswers();
}

// What dies before a commit has heard of the one before it: that is hardly another case, and seen at every third.
test.each([
  ["branches", "after", 1, BRANCHES],
  ["branches", "before", 3, BRANCHES],
  ["waits", "after", 1, WAITS],
  ["waits", "before", 3, WAITS],
] as const)(
  "%s: the owner dies right %s a commit of a run: another one goes on, and no step's success runs twice",
  async (_name, when, by, flow) => {
    const whole = await play(flow, 0, when);
    expect(whole).toMatchObject({ end: flow.end, deaths: 0 });
    expect(whole.recorded.map((place) => (place === "call" ? "x" : place)).toSorted()).toEqual(whole.succeeded);
    expect(new Set(whole.succeeded).size).toBe(whole.succeeded.length);
    let deaths = 0;
    for (let at = 1; at <= whole.flushes; at += by) {
      const played = await play(flow, at, when);
      expect([at, played.end, played.succeeded, played.recorded]).toEqual([at, flow.end, whole.succeeded, whole.recorded]);
      deaths += played.deaths;
    }
    // How much goes into one commit is a matter of time: a run may have some fewer than the first.
    expect(deaths).toBeGreaterThan(whole.flushes / by / 2);
  },
  120_000,
);
