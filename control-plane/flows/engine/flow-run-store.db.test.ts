import { afterAll, beforeAll, expect, test } from "vitest";
import type { JobId } from "../../../kernel/ids.ts";
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

test("a part of a log has as many events as are asked for, and at most one row of them more", async () => {
  const store = createFlowRunStore(bench.owner.pool);
  const flow = await bench.start({ modules: [step("a")] });
  await bench.ended(flow);
  const last = (await store.events(bench.workspace, flow, 0, 100)).at(-1)?.seq ?? 0;
  const made = JSON.stringify(Array.from({ length: 400 }, () => ({ kind: "woke", place: "a", atMs: 1 })));
  const insert = (seq: number): Promise<unknown[]> =>
    bench.owner.rows("INSERT INTO flow_event (workspace_id, id, seq, at, events) VALUES ($1, $2, $3, now(), $4)", bench.workspace, flow, seq, made);
  for (let row = 1; row <= 5; row++) await insert(last + row * 400);
  const seqs = async (run: JobId, after: number, most: number): Promise<number[]> =>
    (await store.events(bench.workspace, run, after, most)).map(({ seq }) => seq - last);
  expect(await seqs(flow, last, 500)).toEqual([400, 800]);
  expect(await seqs(flow, last + 400, 400)).toEqual([800]);
  // The row in which it stands comes along.
  expect(await seqs(flow, last + 799, 401)).toEqual([800, 1200]);
  expect(await seqs(flow, last + 1600, 5000)).toEqual([2000]);
  expect(await seqs(flow, last + 2000, 500)).toEqual([]);
  expect(await seqs(flow, 2_147_483_600, 500)).toEqual([]);
});
