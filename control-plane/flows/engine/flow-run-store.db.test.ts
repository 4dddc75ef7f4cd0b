import { afterAll, beforeAll, expect, test } from "vitest";
import { insertApproval } from "../runs/approval-store.ts";
import { createFlowRunStore } from "./flow-run-store.ts";
import { FlowBench, step } from "./testing/flow-bench.ts";

let bench: FlowBench;

beforeAll(async () => {
  bench = await FlowBench.open();
}, 60_000);
afterAll(() => bench.close());

test("an answer is taken away as late only when its run has ended, whatever an owner believes that has slept through a hand-over", async () => {
  const ended = await bench.start({ modules: [step("a")] });
  await bench.ended(ended);
  // One that this owner does not run, as it does not run those of other owners.
  const elsewhere = bench.owner.job({ tag: "nobody" });
  await bench.owner.owner.enqueue([elsewhere]);
  const store = createFlowRunStore(bench.owner.pool);
  const answered = async (): Promise<string[]> => (await store.approvals([bench.shard], 10)).map(({ flow }) => flow.id);
  for (const flow of [ended, elsewhere.job.id])
    expect(await insertApproval(bench.owner.pool, { workspace: bench.workspace, flow, place: "ask", approver: "Ann" }, true, "1")).toBe(true);
  expect(await answered()).toContain(elsewhere.job.id);
  await store.dropApprovals((await store.approvals([bench.shard], 10)).map(({ number }) => number));
  expect(await answered()).toEqual([elsewhere.job.id]);
});
