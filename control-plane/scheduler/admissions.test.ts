import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { exitOf } from "../../kernel/exit.ts";
import type { JobId } from "../../kernel/ids.ts";
import type { LimitSpec } from "./core/limit-model.ts";
import { shareOfJob } from "./core/state-core.ts";
import { atMost, debounced, limitedBy, perWindow } from "./testing/core-world.ts";
import { OwnerDesk } from "./testing/owner-desk.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

const failing = (spec: LimitSpec): LimitSpec => ({ ...spec, strategy: "fail" });
const replacing = (spec: LimitSpec): LimitSpec => ({ ...spec, strategy: "cancel_oldest" });

/** How jobs ended of which there was no attempt. */
function endsOf(bench: OwnerDesk): Record<JobId, string> {
  const ends = bench.written.flatMap((one) =>
    one.kind === "refuse" || one.kind === "cancel" ? [[one.job.id, `${one.exit.reason}: ${one.exit.message}`]] : [],
  );
  return Object.fromEntries(ends);
}

/** An owner whose only agent has some slots. */
function desk(slots: number): OwnerDesk {
  const made = new OwnerDesk();
  if (slots > 0) made.connect(slots);
  return made;
}

test("a job whose limit is reached ends at once, as its strategy says; that is committed when it is accepted", async () => {
  const bench = desk(3);
  await bench.started(limitedBy(failing(atMost(1))));
  bench.holds = ({ kind }) => kind === "refuse";
  const failed = bench.put(limitedBy(failing(atMost(1))));
  let accepted = false;
  void failed.accepted.then(() => (accepted = true));
  await bench.pass();
  expect([accepted, bench.changes.length]).toEqual([false, 1]);
  await bench.commit();
  expect([accepted, bench.changes.at(-1)]).toEqual([true, `${failed.id} ended`]);
  const cancelled = bench.put(limitedBy({ ...atMost(1), strategy: "cancel_newest" }));
  await bench.started(limitedBy(failing(perWindow(1, 90_000))));
  const late = bench.put(limitedBy(failing(perWindow(1, 90_000))));
  await bench.pass();
  expect(endsOf(bench)).toEqual({
    [failed.id]: "limit_reached: the limit of 1 running jobs for key k is reached",
    [cancelled.id]: "cancelled: the limit of 1 running jobs for key k is reached",
    [late.id]: "limit_reached: the limit of 1 starts in 90 s for key w is reached",
  });
});

test("a job takes the place of the oldest one, which runs or waits", async () => {
  const bench = desk(1);
  const running = await bench.started(limitedBy(replacing(atMost(1))));
  const second = bench.put(limitedBy(replacing(atMost(1))));
  await bench.pass();
  const reason = `replaced by job ${second.id}: the limit of 1 running jobs for key k is reached`;
  expect(bench.told).toEqual([{ id: running.job.id, token: running.token, reason, fenced: false }]);
  const third = bench.put(limitedBy(replacing(atMost(1))));
  await bench.pass();
  expect(endsOf(bench)).toEqual({ [second.id]: `cancelled: replaced by job ${third.id}: the limit of 1 running jobs for key k is reached` });
});

test("one that is still being inserted is cancelled when it is there, once, and the next job picks another one", async () => {
  const places = { "the limit of 1 running jobs for key k is reached": replacing(atMost(1)), "debounce of key d": debounced(60_000) };
  for (const [text, spec] of Object.entries(places)) {
    const bench = desk(0);
    bench.holds = ({ kind }) => kind === "insert";
    const [first, second, third] = [bench.put(limitedBy(spec)), bench.put(limitedBy(spec)), bench.put(limitedBy(spec))];
    await bench.pass();
    expect(bench.written).toEqual([]);
    await bench.commit();
    const last = bench.put(limitedBy(spec));
    await bench.pass();
    const replaced = [first.id, second.id, third.id].map((id) => bench.kindsOf(id));
    expect([...replaced, bench.kindsOf(last.id)]).toEqual([["insert", "cancel"], ["insert", "cancel"], ["insert", "cancel"], ["insert"]]);
    expect(endsOf(bench)).toEqual({
      [first.id]: `cancelled: replaced by job ${second.id}: ${text}`,
      [second.id]: `cancelled: replaced by job ${third.id}: ${text}`,
      [third.id]: `cancelled: replaced by job ${last.id}: ${text}`,
    });
  }
});

test("the oldest of the key is replaced also when its own limit says otherwise, be it there or still being inserted", async () => {
  for (const isThere of [true, false]) {
    const bench = desk(0);
    bench.holds = ({ kind }) => !isThere && kind === "insert";
    const patient = bench.put(limitedBy(atMost(1)));
    await bench.pass();
    bench.put(limitedBy(replacing(atMost(1))));
    await bench.commit();
    expect(bench.kindsOf(patient.id)).toEqual(["insert", "cancel"]);
  }
});

test("while one of several that are being inserted is there, the others are still on the way", async () => {
  const bench = desk(0);
  const [first, second] = [bench.put(limitedBy(atMost(2))), bench.put(limitedBy(atMost(2)))];
  bench.holds = ({ job }) => job.id === second.id;
  await bench.pass();
  const third = bench.put(limitedBy(replacing(atMost(1))));
  await bench.pass();
  expect(bench.kindsOf(second.id)).toEqual([]);
  await bench.commit();
  expect([first, second, third].map(({ id }) => bench.kindsOf(id))).toEqual([["insert", "cancel"], ["insert", "cancel"], ["insert"]]);
});

test("one whose insert fails is not taken for one that waits", async () => {
  const bench = desk(0);
  bench.refuses = () => new Error("no such text");
  const { accepted } = bench.put(limitedBy(debounced(60_000)));
  await expect(accepted).rejects.toThrow("no such text");
  bench.refuses = () => undefined;
  bench.put(limitedBy(debounced(60_000)));
  await bench.pass();
  expect(bench.written.map(({ kind }) => kind)).toEqual(["insert"]);
});

test("limits have their say over a job when its moment has come; one that is tried again is not asked a second time", async () => {
  const bench = desk(2);
  const limits = limitedBy(failing(atMost(1)));
  const policy = { text: "", queueTtlMs: undefined, softTimeoutMs: undefined } as const;
  const retry = { maxAttempts: 2, wait: { kind: "constant", delayMs: 500 }, when: { kind: "exits", reasons: ["exit_code"], codes: undefined } } as const;
  const again = await bench.started({ ...limits, policy: { ...policy, retry } });
  const dueAtMs = Date.now() + 200;
  const refused = bench.put({ ...limits, dueAtMs }, { scheduledForMs: dueAtMs, expiresAtMs: undefined, key: undefined });
  await bench.pass(100);
  expect(endsOf(bench)).toEqual({});
  await bench.pass(200);
  expect(endsOf(bench)).toEqual({ [refused.id]: "limit_reached: the limit of 1 running jobs for key k is reached" });
  await bench.finish(again, exitOf("exit_code", "", { code: 1 }));
  const holder = await bench.started(limits);
  await bench.pass(600);
  await bench.finish(holder);
  await bench.pass();
  expect([bench.attemptsOf(again.job.id), Object.keys(endsOf(bench)).length]).toEqual([[1, 2], 1]);
});

test("a debounce counts from the moment of a job, also when that is noticed late, and the next one takes its place", async () => {
  const bench = desk(1);
  const later = (inMs: number) => {
    const dueAtMs = Date.now() + inMs;
    return bench.put({ ...limitedBy(debounced(60_000)), dueAtMs }, { scheduledForMs: dueAtMs, expiresAtMs: undefined, key: undefined });
  };
  const [first, second] = [later(1000), later(2000)];
  await bench.pass(500);
  vi.setSystemTime(Date.now() + 50_000);
  await bench.pass(2000);
  expect(endsOf(bench)).toEqual({ [first.id]: `cancelled: replaced by job ${second.id}: debounce of key d` });
  await bench.pass(8000);
  expect(bench.attemptsOf(second.id)).toEqual([]);
  await bench.pass(4000);
  expect(bench.attemptsOf(second.id)).toEqual([1]);
});

test("a job whose moment was read back before its insert was answered is in nobody's way, nor in its own", async () => {
  const bench = desk(0);
  const dueAtMs = Date.now() + 100_000;
  bench.holds = ({ kind }) => kind === "insert";
  const { id, made } = bench.put({ ...limitedBy(failing(atMost(1))), dueAtMs }, { scheduledForMs: dueAtMs, expiresAtMs: undefined, key: undefined });
  bench.store.deferred = async () => ({ rows: [{ id, atMs: dueAtMs, job: made.job }], complete: true });
  await bench.pass(101_000);
  expect(bench.state.waiting.has(id)).toBe(true);
  await bench.commit();
  await bench.pass(1000);
  expect([endsOf(bench), bench.waiting]).toEqual([{}, 1]);
});

test("so many groups of a workspace wait that no new one is taken; those that are there, and jobs without limits, are", async () => {
  const bench = desk(0);
  const known = bench.put(limitedBy(atMost(0, "known")));
  await bench.pass();
  const { queues } = shareOfJob(bench.state, known.made.job);
  const [queue] = queues.values();
  if (queue === undefined) throw new Error("it waits");
  while (queues.size < 99_999) queues.set(`other ${queues.size}`, queue);
  const outcomes = ["one more", "too many", "known"].map((key) => bench.put(limitedBy(atMost(0, key))).accepted);
  outcomes.push(bench.put().accepted);
  const settled = Promise.allSettled(outcomes);
  await bench.pass();
  expect((await settled).map((outcome) => (outcome.status === "fulfilled" ? "taken" : outcome.reason.code))).toEqual([
    "taken",
    "resource_exhausted",
    "taken",
    "taken",
  ]);
});
