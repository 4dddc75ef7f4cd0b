import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { AppError } from "../../kernel/app-error.ts";
import { asAgentKey, type JobId } from "../../kernel/ids.ts";
import { admitCold } from "./core/queue-core.ts";
import { atMost, limitedBy } from "./testing/core-world.ts";
import { OwnerDesk, outcomeOf } from "./testing/owner-desk.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

const unavailable = new AppError("unavailable", "the lease is gone");

/** An owner with one slot, which became free and was used again at this moment. */
async function busy(): Promise<{ bench: OwnerDesk; end: () => void }> {
  const bench = new OwnerDesk();
  bench.connect(1);
  const before = await bench.started();
  void bench.finish(before);
  const { id } = bench.put();
  await bench.pass(0);
  return { bench, end: () => void bench.finish(bench.running(id)) };
}

/** Whether a job was inserted, and how. */
function insertOf(bench: OwnerDesk, id: JobId): string {
  const insert = bench.written.find(({ kind, job }) => kind === "insert" && job.id === id);
  return insert?.kind === "insert" ? (insert.direct === undefined ? "waits" : "runs") : "is held";
}

test("a job that comes just after a slot was used again is held for the next one, and gets it with one commit", async () => {
  const { bench, end } = await busy();
  await bench.pass(5);
  const { id } = bench.put();
  await bench.pass(8);
  expect([insertOf(bench, id), bench.waiting]).toEqual(["is held", 0]);
  end();
  await bench.pass(3);
  expect([insertOf(bench, id), bench.attemptsOf(id)]).toEqual(["runs", [1]]);
});

test("it is not held when no slot became free of late, nor for more than ten milliseconds", async () => {
  const { bench } = await busy();
  const held = bench.put();
  await bench.pass(9);
  expect(insertOf(bench, held.id)).toBe("is held");
  await bench.pass(5);
  expect(insertOf(bench, held.id)).toBe("waits");
  const other = await busy();
  await other.bench.pass(6);
  const late = other.bench.put();
  await other.bench.pass(1);
  expect(insertOf(other.bench, late.id)).toBe("waits");
});

test("one with limits is never held, and nothing is held before it that it would have to count", async () => {
  for (const [language, becomesOfIt] of [
    ["bash", "waits"],
    ["python3", "is held"],
  ] as const) {
    const { bench } = await busy();
    const [before, limited] = [bench.put({ language }), bench.put(limitedBy(atMost(1)))];
    await bench.pass(1);
    expect([insertOf(bench, before.id), insertOf(bench, limited.id)]).toEqual([becomesOfIt, "waits"]);
  }
});

test("64 jobs are held and not more", async () => {
  const { bench } = await busy();
  for (let jobs = 0; jobs < 64; jobs++) bench.put();
  await bench.pass(1);
  expect([bench.waiting, bench.written.length]).toEqual([0, 3]);
  bench.put();
  await bench.pass(1);
  expect(bench.waiting).toBe(65);
});

test("when the owner gives shards away nothing is held any more; when it stops those that are held hear of it", async () => {
  const { bench } = await busy();
  const first = bench.put();
  bench.owner.release();
  await bench.pass(1);
  expect(insertOf(bench, first.id)).toBe("waits");
  const other = await busy();
  const { accepted } = other.bench.put();
  const outcome = outcomeOf(accepted);
  await other.bench.pass(1);
  other.bench.owner.stop();
  await other.bench.pass(20);
  expect([outcome.is, other.bench.written.length]).toEqual(["unavailable", 3]);
});

test("a job whose insert fails leaves nothing behind: no place in line, no slot, no permit", async () => {
  const bench = new OwnerDesk();
  const limits = limitedBy(atMost(1));
  const fails = ({ id }: { id: JobId }) => (bench.refuses = ({ kind, job }) => (kind === "insert" && job.id === id ? unavailable : undefined));
  const waiting = bench.put(limits);
  fails(waiting);
  await expect(waiting.accepted).rejects.toThrow("the lease is gone");
  expect(bench.waiting).toBe(0);
  bench.connect(1);
  const direct = bench.put(limits);
  fails(direct);
  const cancel = outcomeOf(bench.owner.cancel(direct.made.job, "by anna"));
  const behind = bench.put(limits);
  bench.holds = ({ job }) => job.id === direct.id;
  await bench.pass(1);
  await bench.commit();
  expect([cancel.is, await outcomeNow(bench, direct.accepted)]).toEqual(["unavailable", "unavailable"]);
  expect(bench.attemptsOf(behind.id)).toEqual([1]);
});

test("a deferred job may expire before its moment; one that cannot be written has no moments", async () => {
  const bench = new OwnerDesk();
  const special = { scheduledForMs: Date.now() + 500, expiresAtMs: Date.now() + 100, key: undefined };
  const { id } = bench.put({ dueAtMs: special.scheduledForMs }, special);
  await bench.pass(200);
  expect(bench.kindsOf(id)).toEqual(["insert", "cancel"]);
  bench.refuses = () => unavailable;
  const { accepted } = bench.put({ dueAtMs: Date.now() + 50 }, { ...special, scheduledForMs: Date.now() + 50 });
  await expect(accepted).rejects.toThrow("the lease is gone");
  await bench.pass(1000);
  expect(bench.waiting).toBe(0);
});

test("a deferred job that is read back before its insert is answered is decided over all the same: its limit is reached", async () => {
  const bench = new OwnerDesk();
  const limits = limitedBy({ ...atMost(1), strategy: "fail" });
  bench.connect(2);
  const first = await bench.started(limits);
  bench.holds = ({ kind }) => kind === "insert";
  const special = { scheduledForMs: Date.now() + 5, expiresAtMs: undefined, key: undefined };
  const { id, made } = bench.put({ ...limits, dueAtMs: special.scheduledForMs }, special);
  const { workspace, tag, language } = made.job;
  bench.store.refill = async () => [made.job];
  admitCold(bench.state, { workspace, tag, language, count: 1, newest: undefined });
  bench.connect(1, asAgentKey("2"));
  await bench.pass(20);
  expect([bench.waiting, bench.kindsOf(id)]).toEqual([0, []]);
  await bench.commit();
  expect([bench.waiting, bench.kindsOf(id)]).toEqual([0, ["insert", "cancel"]]);
  // Nor does it when it is the first one's end that would let it in later.
  await bench.finish(first);
  await bench.pass();
  expect(bench.attemptsOf(id)).toEqual([]);
});

/** A job that is read back and picked before its insert is answered. */
async function pickedEarly(): Promise<{ bench: OwnerDesk; id: JobId }> {
  const bench = new OwnerDesk();
  bench.holds = ({ kind }) => kind === "insert" || kind === "claim";
  const { id, made } = bench.put();
  const { workspace, tag, language } = made.job;
  bench.store.refill = async () => [made.job];
  admitCold(bench.state, { workspace, tag, language, count: 1, newest: undefined });
  bench.connect(1);
  await bench.pass();
  expect(bench.state.running.has(id)).toBe(true);
  return { bench, id };
}

test("a job that was picked before its insert was answered runs once, whichever is answered first", async () => {
  for (const last of ["insert", "claim"]) {
    const { bench, id } = await pickedEarly();
    await bench.commit(({ kind }) => kind === last);
    await bench.commit();
    expect([bench.owner.payloadBytes, bench.waiting, bench.attemptsOf(id)]).toEqual([0, 0, [1]]);
  }
});

test("no payload is kept of a job whose claim fails, whenever its insert was answered", async () => {
  const { bench } = await pickedEarly();
  bench.refuses = ({ kind }) => (kind === "claim" ? unavailable : undefined);
  await bench.commit(({ kind }) => kind === "claim");
  await bench.commit();
  expect([bench.owner.payloadBytes, bench.waiting]).toEqual([0, 0]);
  bench.connect(0);
  bench.put();
  await bench.pass();
  expect(bench.owner.payloadBytes).toBeGreaterThan(0);
  bench.connect(1);
  await bench.pass();
  expect([bench.owner.payloadBytes, bench.waiting]).toEqual([0, 0]);
});

/** What has become of a promise once all that follows at once has happened. */
async function outcomeNow(bench: OwnerDesk, promise: Promise<unknown>): Promise<unknown> {
  const outcome = outcomeOf(promise);
  await bench.pass();
  return outcome.is;
}
