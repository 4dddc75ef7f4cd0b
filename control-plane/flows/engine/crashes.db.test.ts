import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { FlowBench, type RunEnd, step } from "./testing/flow-bench.ts";

// `kill -9` at every transition point: the owner dies right before, and right after, each commit of a flow; a second one takes over.

let bench: FlowBench;

beforeAll(async () => {
  bench = await FlowBench.open();
}, 60_000);
afterAll(() => bench.close());
afterEach(() => {
  bench.owner.strikes = () => false;
});

const js = (expr: string): { type: "javascript"; expr: string } => ({ type: "javascript", expr });
/** A sequence, a choice, branches side by side, a parallel loop, retries, an identity and a sleep. */
const MODULES = [
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
];
const RESULT = { outcome: "succeeded", result: 6 };

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
async function play(at: number, when: "before" | "after"): Promise<Played> {
  const succeeded: string[] = [];
  const failedOnce = new Set<string>();
  let [flushes, deaths] = [0, 0];
  let revived = Promise.resolve();
  bench.script = ({ n }, id, place) => {
    if (id === "try" && !failedOnce.has(place)) {
      failedOnce.add(place);
      return new Error("not at once");
    }
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
  const flow = await bench.start({ modules: MODULES });
  const end = await bench.ended(flow);
  await revived;
  const recorded = (await bench.events(flow)).flatMap((event) => (event.kind === "ended" && event.outcome === "succeeded" ? [event.place] : []));
  return { end, flushes, deaths, succeeded: succeeded.toSorted(), recorded: recorded.toSorted() };
}

// What dies before a commit has heard of the one before it: that is hardly another case, and seen at every third.
test.each([
  ["after", 1],
  ["before", 3],
] as const)(
  "the owner dies right %s a commit of a run: another one goes on, and no step's success runs twice",
  async (when, by) => {
    const whole = await play(0, when);
    expect(whole).toMatchObject({ end: RESULT, deaths: 0, recorded: whole.succeeded });
    expect(new Set(whole.succeeded).size).toBe(whole.succeeded.length);
    let deaths = 0;
    for (let at = 1; at <= whole.flushes; at += by) {
      const played = await play(at, when);
      expect([at, played.end, played.succeeded, played.recorded]).toEqual([at, RESULT, whole.succeeded, whole.succeeded]);
      deaths += played.deaths;
    }
    // How much goes into one commit is a matter of time: a run may have some fewer than the first.
    expect(deaths).toBeGreaterThan(whole.flushes / by / 2);
  },
  120_000,
);
