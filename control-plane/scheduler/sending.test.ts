import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { asAgentKey, type JobId } from "../../kernel/ids.ts";
import type { WaitingJob } from "./core/model.ts";
import { MARGIN_MS, OwnerDesk, PAYLOAD, RESEND_MS } from "./testing/owner-desk.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

/** The owner looks once a second. */
const UNTIL_RESENT_MS = RESEND_MS + 1000;

/** An owner whose agent has some slots. */
function desk(slots = 1): OwnerDesk {
  const made = new OwnerDesk();
  made.connect(slots);
  return made;
}

/** Reads of payloads that wait for an answer. */
function slowReads(bench: OwnerDesk): { readonly jobs: readonly JobId[]; readonly answer: () => void }[] {
  const reads: { jobs: JobId[]; answer: () => void }[] = [];
  bench.source.mayRefer = () => true;
  bench.store.payloads = (jobs: readonly WaitingJob[]) =>
    new Promise((resolve) => {
      reads.push({ jobs: jobs.map(({ id }) => id), answer: () => resolve(new Map(jobs.map(({ id }) => [id, PAYLOAD]))) });
    });
  return reads;
}

test("a new job whose bundle can be made from memory is sent without a query, also while its shard is being handed over", async () => {
  const bench = desk();
  const reads = slowReads(bench);
  bench.source.mayRefer = () => false;
  bench.owns = () => false;
  const { id } = bench.put();
  await bench.pass();
  expect([reads, bench.attemptsOf(id)]).toEqual([[], [1]]);
});

test("an assignment that is not confirmed is sent five times; then the agent must drop it, and another attempt begins", async () => {
  const bench = desk();
  const { id } = bench.put();
  await bench.pass();
  const { token } = bench.running(id);
  for (let copies = 1; copies < 5; copies++) {
    expect([bench.attemptsOf(id).length, bench.told]).toEqual([copies, []]);
    await bench.pass(UNTIL_RESENT_MS);
  }
  expect([bench.attemptsOf(id), bench.counted]).toEqual([[1, 1, 1, 1, 1], ["dispatched"]]);
  await bench.pass(UNTIL_RESENT_MS);
  expect(bench.told).toEqual([{ id, token, reason: "it was never confirmed", fenced: true }]);
  expect([bench.attemptsOf(id), bench.kindsOf(id)]).toEqual([
    [1, 1, 1, 1, 1, 2],
    ["insert", "requeue", "claim"],
  ]);
});

test("one that is confirmed is sent once, and so is one whose agent is behind or away", async () => {
  const bench = desk(2);
  await bench.started();
  const { id } = bench.put();
  await bench.pass();
  bench.agents.isBehind = true;
  await bench.pass(3 * UNTIL_RESENT_MS);
  bench.agents.isBehind = false;
  bench.disconnect();
  await bench.pass(2 * UNTIL_RESENT_MS);
  expect([bench.assigned.length, bench.kindsOf(id), bench.told]).toEqual([2, ["insert"], []]);
});

test("an agent that stays away is not told to drop what it never confirmed", async () => {
  const bench = new OwnerDesk({ times: { reclaimMs: 3_600_000, homeFenceMs: 0, resendMs: RESEND_MS, marginMs: MARGIN_MS } });
  bench.connect(1);
  const { id } = bench.put();
  await bench.pass(4 * UNTIL_RESENT_MS);
  bench.disconnect();
  bench.connect(1, asAgentKey("2"));
  await bench.pass(2 * UNTIL_RESENT_MS);
  expect([bench.told, bench.kindsOf(id)]).toEqual([[], ["insert"]]);
});

test("payloads are read by one query at a time, which brings all that are wanted by then", async () => {
  const bench = desk(4);
  const reads = slowReads(bench);
  const first = bench.put();
  await bench.pass();
  const late = [bench.put().id, bench.put().id];
  await bench.pass();
  expect(reads.length).toBe(1);
  reads[0]?.answer();
  await bench.pass();
  expect(reads.map(({ jobs }) => jobs)).toEqual([[first.id], late]);
  reads[1]?.answer();
  await bench.pass();
  expect(bench.assigned.map(({ jobId }) => jobId)).toEqual([first.id, ...late]);
});

test("of what is looked up for bundles eight are under way at a time", async () => {
  const bench = desk(24);
  bench.source.mayRefer = () => true;
  const open: (() => void)[] = [];
  bench.source.resolve = (_workspace, json) => new Promise((resolve) => open.push(() => resolve({ kind: "resolved", json, secrets: [] })));
  for (let jobs = 0; jobs < 20; jobs++) bench.put();
  await bench.pass();
  for (let jobs = 0; jobs < 4; jobs++) bench.put();
  await bench.pass();
  expect(open.length).toBe(8);
  open[7]?.();
  await bench.pass();
  expect([open.length, bench.assigned.length]).toEqual([9, 1]);
});

test("a job whose payload is gone, or that refers to what is not there, ends and says so", async () => {
  const bench = desk(2);
  bench.source.mayRefer = () => true;
  bench.source.resolve = async () => ({ kind: "unresolved", message: "there is no variable x" });
  const unresolved = bench.put();
  await bench.pass();
  bench.store.payloads = async () => new Map();
  const gone = bench.put();
  await bench.pass();
  const ends = bench.written.flatMap((one) => (one.kind === "finish" ? [[one.job.id, one.end.exit.reason]] : []));
  expect(ends).toEqual([
    [unresolved.id, "input_missing"],
    [gone.id, "sandbox_error"],
  ]);
  expect(bench.assigned).toEqual([]);
});

test("what could not be read, or made, is tried again with the copies", async () => {
  const bench = desk(2);
  const { payloads } = bench.store;
  bench.source.mayRefer = () => true;
  bench.store.payloads = () => Promise.reject(new Error("the database is away"));
  const { id } = bench.put();
  await bench.pass();
  bench.store.payloads = payloads;
  const { resolve } = bench.source;
  bench.source.resolve = () => Promise.reject(new Error("the database is away"));
  const other = bench.put();
  await bench.pass(RESEND_MS - 1000);
  bench.source.resolve = resolve;
  expect([bench.attemptsOf(id), bench.attemptsOf(other.id), bench.logged]).toEqual([[], [], ["job.load_failed", "job.bundle_failed"]]);
  await bench.pass(2000);
  expect([bench.attemptsOf(id), bench.attemptsOf(other.id)]).toEqual([[1], [1]]);
});

test("while a copy is being made no other one is asked for; one that could not be made is asked for again as if it had been sent", async () => {
  const bench = desk();
  const { id } = bench.put();
  await bench.pass();
  const reads = slowReads(bench);
  await bench.pass(UNTIL_RESENT_MS + 3000);
  reads[0]?.answer();
  await bench.pass();
  expect([reads.length, bench.attemptsOf(id)]).toEqual([1, [1, 1]]);
  await bench.pass(UNTIL_RESENT_MS);
  expect(reads.length).toBe(2);
  await bench.pass(3000);
  bench.source.loadWorkspaceName = () => Promise.reject(new Error("the database is away"));
  reads[1]?.answer();
  await bench.pass(UNTIL_RESENT_MS - 3000);
  expect(reads.length).toBe(3);
});

test("an attempt that has ended while a copy was made is not sent again", async () => {
  const bench = desk(2);
  const { id } = bench.put();
  await bench.pass();
  const reads = slowReads(bench);
  await bench.pass(UNTIL_RESENT_MS);
  bench.holds = ({ kind }) => kind === "finish";
  void bench.finish(bench.running(id));
  reads[0]?.answer();
  await bench.pass();
  expect([reads.length, bench.attemptsOf(id)]).toEqual([1, [1]]);
});

test("a copy cannot be sent when the stream has just ended: that takes nothing from the agent, which may run it", async () => {
  const bench = desk();
  const { id } = bench.put();
  await bench.pass();
  bench.agents.isThere = false;
  await bench.pass(UNTIL_RESENT_MS);
  expect([bench.attemptsOf(id), bench.kindsOf(id)]).toEqual([[1], ["insert"]]);
});

test("one that cannot be sent at all is given back, and so is one that was cancelled before it was", async () => {
  for (const isThere of [false, true]) {
    const bench = desk(1);
    const reads = slowReads(bench);
    const { id, made } = bench.put();
    await bench.pass();
    bench.agents.isThere = isThere;
    if (isThere) void bench.owner.cancel(made.job, "not any more");
    bench.holds = ({ kind }) => kind === "requeue";
    reads[0]?.answer();
    await bench.pass();
    bench.disconnect();
    await bench.commit();
    expect([bench.assigned, bench.kindsOf(id)]).toEqual([[], ["insert", isThere ? "finish" : "requeue"]]);
  }
});

test("an agent that gets a copy of what is to be cancelled is told so again", async () => {
  const bench = new OwnerDesk({ limits: { timeoutMs: 3_600_000, cancelGraceMs: 60_000, resultMaxBytes: 1, logMaxBytes: 1 } });
  bench.connect(1);
  const { id, made } = bench.put();
  await bench.pass();
  void bench.owner.cancel(made.job, "by anna");
  await bench.pass(UNTIL_RESENT_MS);
  const { token } = bench.running(id);
  const told = { id, token, reason: "by anna", fenced: false };
  expect([bench.attemptsOf(id), bench.told]).toEqual([
    [1, 1],
    [told, told],
  ]);
});

test("of shards that have been given away nothing is read or sent", async () => {
  const bench = desk(3);
  const reads = slowReads(bench);
  const first = bench.put();
  await bench.pass();
  const [gone, stays] = [bench.put({ shard: 7 }), bench.put()];
  await bench.pass();
  bench.owner.forget(new Set([7]));
  reads[0]?.answer();
  await bench.pass();
  expect(reads.map(({ jobs }) => jobs)).toEqual([[first.id], [stays.id]]);
  expect(bench.kindsOf(gone.id)).toEqual(["insert"]);
});
