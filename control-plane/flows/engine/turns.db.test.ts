/** How much of one run is done in one turn: others have theirs in between, and nothing is left over. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { JobId } from "../../../kernel/ids.ts";
import { longestTurnMs } from "../../../kernel/processor-time.fixture.ts";
import { FlowBench, step } from "./testing/flow-bench.ts";

let bench: FlowBench;
beforeAll(async () => {
  bench = await FlowBench.open();
}, 60_000);
afterAll(() => bench.close());

const js = (expr: string): { type: "javascript"; expr: string } => ({ type: "javascript", expr });

/** A loop whose steps need no job, for each of so many items. */
const loopOf = (count: number, expr: string): Record<string, unknown> => ({
  id: "loop",
  value: {
    type: "forloopflow",
    iterator: js(`[...Array(${count}).keys()]`),
    parallel: true,
    modules: [{ id: "i", value: { type: "identity", input_transforms: { x: js(expr) } } }],
  },
});

const transitions = async (flow: JobId): Promise<number[]> => {
  const rows = await bench.owner.rows<{ count: number }>("SELECT json_array_length(events::json) AS count FROM flow_event WHERE id = $1 ORDER BY seq", flow);
  return rows.map(({ count }) => count);
};

test("when far more is due than fits into one turn all of it is done, a part in each", async () => {
  const flow = await bench.start({ modules: [loopOf(1500, "flow_input.iter.index")] });
  expect(await bench.ended(flow)).toEqual({ outcome: "succeeded", result: Array.from({ length: 1500 }, (_, x) => ({ x })) });
  const counts = await transitions(flow);
  expect(counts.length).toBeGreaterThanOrEqual(4);
  expect(Math.max(...counts)).toBeLessThanOrEqual(400);
});

test.each([
  ["nearly too long for the control plane", 90, 1000],
  ["too long for the control plane", 160, 3000],
])("expressions that are %s do not hold up other flows, however many there are", async (_words, size, count) => {
  const many = Array.from({ length: size }, (_, n) => n);
  const loop = loopOf(count, "flow_input.many.map((a) => flow_input.many.filter((b) => b > a).length).length");
  const ms = await longestTurnMs(async () => {
    const flow = await bench.start({ modules: [loop, step("last")] }, { many });
    expect(await bench.run({ modules: [step("a"), step("b")] })).toMatchObject({ outcome: "succeeded" });
    await bench.until("some have been worked out", async () => (await bench.events(flow)).some(({ kind }) => kind === "passed"));
    await bench.owner.owner.cancel({ id: flow, workspace: bench.workspace, shard: bench.shard }, "enough");
    await bench.ended(flow);
  });
  expect(ms).toBeLessThan(120);
});

test("loops of loops that need nothing, a hundred million iterations, do not hold up other flows, and can be cancelled", async () => {
  const inner = { id: "inner", value: { type: "whileloopflow", modules: [], skip_failures: true } };
  const outer = { id: "outer", value: { type: "whileloopflow", modules: [inner], skip_failures: true } };
  const ms = await longestTurnMs(async () => {
    const flow = await bench.start({ modules: [outer] });
    expect(await bench.run({ modules: [step("a"), step("b")] })).toMatchObject({ outcome: "succeeded" });
    await bench.owner.owner.cancel({ id: flow, workspace: bench.workspace, shard: bench.shard }, "enough");
    expect(await bench.ended(flow)).toMatchObject({ outcome: "cancelled" });
  });
  expect(ms).toBeLessThan(120);
});
