import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { AppError } from "../../kernel/app-error.ts";
import { exitOf } from "../../kernel/exit.ts";
import { asAgentKey } from "../../kernel/ids.ts";
import type { JobPolicy } from "./core/retry-core.ts";
import { atMost, limitedBy } from "./testing/core-world.ts";
import { AGENT, OwnerDesk, outcomeOf } from "./testing/owner-desk.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

const FAILURE = exitOf("exit_code", "", { code: 1 });
const unavailable = new AppError("unavailable", "the lease is gone");
const tried = (delayMs: number): JobPolicy => ({
  text: "",
  retry: { maxAttempts: 3, wait: { kind: "constant", delayMs }, when: { kind: "exits", reasons: ["exit_code"], codes: undefined } },
  queueTtlMs: undefined,
  softTimeoutMs: undefined,
});

/** An owner with an agent of one slot. */
function desk(): OwnerDesk {
  const made = new OwnerDesk();
  made.connect(1);
  return made;
}

test("an attempt that its agent hands back is put back at once, with its end beside the job's", async () => {
  const bench = desk();
  const running = await bench.started();
  expect(await bench.finish(running, exitOf("fenced"))).toBe("recorded");
  await bench.pass();
  expect(bench.kindsOf(running.job.id)).toEqual(["insert", "retry", "claim"]);
  expect(bench.attemptsOf(running.job.id)).toEqual([1, 2]);
});

test("the slot of an attempt that has ended is used before its end is committed, its permit only then", async () => {
  const bench = desk();
  const first = await bench.started();
  const next = bench.put();
  await bench.pass();
  bench.holds = ({ kind }) => kind === "finish";
  void bench.finish(first);
  await bench.pass();
  expect(bench.attemptsOf(next.id)).toEqual([1]);
  await bench.commit();

  bench.disconnect();
  bench.connect(2, asAgentKey("2"));
  const limited = await bench.started(limitedBy(atMost(1)));
  const behind = bench.put(limitedBy(atMost(1)));
  await bench.pass();
  bench.holds = ({ kind }) => kind === "finish";
  void bench.finish(limited);
  await bench.pass(10);
  expect(bench.attemptsOf(behind.id)).toEqual([]);
  await bench.commit();
  expect(bench.attemptsOf(behind.id)).toEqual([1]);
});

test("an end that could not be written counts when it is reported again", async () => {
  const bench = desk();
  const running = await bench.started();
  let failures = 0;
  bench.refuses = () => (failures++ === 0 ? unavailable : undefined);
  await expect(bench.finish(running)).rejects.toThrow("the lease is gone");
  expect(await bench.finish(running)).toBe("recorded");
  expect(bench.kindsOf(running.job.id)).toEqual(["insert", "finish"]);
});

test("one that the agent never confirmed is given back without an end; one that it had and lost has one, the third time that of the job", async () => {
  const bench = desk();
  const { id } = bench.put();
  await bench.pass();
  bench.owner.reports.reconcile(AGENT, new Map());
  bench.holds = ({ kind }) => kind === "requeue";
  bench.connect(1);
  await bench.pass();
  await bench.commit();
  expect(bench.kindsOf(id)).toEqual(["insert", "requeue", "claim"]);
  for (let attempt = 1; attempt <= 3; attempt++) {
    expect(bench.running(id).job.lost).toBe(attempt - 1);
    bench.owner.reports.received(AGENT, id, bench.running(id).token);
    bench.connect(1);
    await bench.pass();
  }
  expect(bench.kindsOf(id)).toEqual(["insert", "requeue", "claim", "retry", "claim", "retry", "claim", "finish"]);
  expect(bench.changes).toEqual(["running", "running", "queued", "running", "queued", "running", "ended"].map((change) => `${id} ${change}`));
});

test("whoever cancels a job hears what became of the write that was under way: its end, that it failed, that the owner has stopped", async () => {
  const bench = desk();
  bench.isGone = ({ kind }) => kind === "cancel";
  const first = await bench.started();
  bench.holds = ({ kind }) => kind === "finish";
  void bench.finish(first);
  const late = outcomeOf(bench.owner.cancel(first.job, "late"));
  await bench.pass(10);
  expect(late.is).toBe("open");
  await bench.commit();
  expect(late.is).toBe("gone");

  const second = await bench.started();
  bench.holds = ({ kind }) => kind === "finish";
  bench.refuses = () => unavailable;
  void bench.finish(second);
  const failing = outcomeOf(bench.owner.cancel(second.job, "late"));
  await bench.commit();
  expect(failing.is).toBe("unavailable");
  bench.refuses = () => undefined;
  bench.holds = ({ kind }) => kind === "finish";
  void bench.finish(second);
  const stopped = outcomeOf(bench.owner.cancel(second.job, "late"));
  await bench.pass();
  bench.owner.stop();
  await bench.pass();
  expect(stopped.is).toBe("unavailable");
});

test("a job that is cancelled while it is claimed is not sent, and the cancel is answered when its end is committed", async () => {
  const bench = desk();
  bench.holds = ({ kind }) => kind === "insert";
  const { id, made } = bench.put();
  const cancel = outcomeOf(bench.owner.cancel(made.job, "not any more"));
  await bench.commit(({ kind }) => kind === "finish");
  expect(cancel.is).toBe("open");
  await bench.commit();
  expect([cancel.is, bench.assigned]).toEqual(["cancelled", []]);
  expect(bench.kindsOf(id)).toEqual(["insert", "finish"]);
});

test("an attempt that is ended by force is taken from its agent, which is told when it is there", async () => {
  const bench = desk();
  const [first, token] = [await bench.started({ timeoutMs: 1000 }), expect.any(String)];
  await bench.pass(3000);
  expect(bench.told).toEqual([{ id: first.job.id, token, reason: expect.any(String), fenced: true }]);
  expect(bench.written.at(-1)).toMatchObject({ kind: "finish", end: { exit: { reason: "timeout" } } });
  const second = await bench.started({ timeoutMs: 1000 });
  bench.disconnect();
  await bench.pass(3000);
  expect([bench.told.length, bench.kindsOf(second.job.id)]).toEqual([1, ["insert", "finish"]]);
});

test("a job that is tried again without a delay stands in its queue at once; with one it waits for its moment, in no count", async () => {
  const bench = desk();
  const first = await bench.started({ policy: tried(0) });
  bench.holds = ({ kind }) => kind === "retry";
  const verdict = bench.finish(first, FAILURE);
  await bench.pass();
  expect(bench.waiting).toBe(1);
  await bench.commit();
  expect(await verdict).toBe("recorded");
  expect(bench.written.find(({ kind }) => kind === "retry")).toMatchObject({ deferred: false, job: { dueAtMs: first.job.dueAtMs, failed: 1 } });
  expect([bench.attemptsOf(first.job.id), bench.waiting]).toEqual([[1, 2], 0]);

  await bench.finish(bench.running(first.job.id));
  const second = await bench.started({ policy: tried(1500.5) });
  bench.holds = ({ kind }) => kind === "retry";
  void bench.finish(second, FAILURE);
  const dueAtMs = Date.now() + 1501;
  await bench.pass();
  expect(bench.waiting).toBe(0);
  await bench.commit();
  expect(bench.written.at(-1)).toMatchObject({ kind: "retry", deferred: true, job: { dueAtMs } });
  await bench.pass(dueAtMs - 1 - Date.now());
  expect(bench.attemptsOf(second.job.id)).toEqual([1]);
  await bench.pass();
  expect(bench.attemptsOf(second.job.id)).toEqual([1, 2]);
});

test("an end that is not tied to a row any more changes no count, whatever would follow on it", async () => {
  const bench = desk();
  bench.isGone = ({ kind }) => kind === "retry" || kind === "requeue" || kind === "finish";
  for (const policy of [tried(0), tried(1000), undefined]) expect(await bench.finish(await bench.started({ policy }), FAILURE)).toBe("stale");
  bench.put();
  await bench.pass();
  bench.connect(1);
  await bench.pass();
  expect([bench.waiting, bench.state.running.size, bench.changes.filter((change) => /queued|ended/.test(change))]).toEqual([0, 0, []]);
});

test("when the tables do not take how an attempt ended, its job ends and says so; when they do not take that either, it is reported again", async () => {
  const bench = desk();
  const first = await bench.started({ policy: tried(0) });
  bench.refuses = ({ kind }) => (kind === "retry" ? new Error("no such text") : undefined);
  expect(await bench.finish(first, FAILURE)).toBe("recorded");
  expect([bench.kindsOf(first.job.id), bench.waiting]).toEqual([["insert", "finish"], 0]);

  const second = await bench.started();
  bench.refuses = (operation) => (operation.kind === "finish" && operation.end.exit.reason === "succeeded" ? new Error("no such text") : undefined);
  expect(await bench.finish(second)).toBe("recorded");
  expect(bench.written.at(-1)).toMatchObject({ end: { exit: { reason: "result_invalid", message: "the result could not be stored: no such text" } } });

  const third = await bench.started();
  bench.refuses = () => new Error("no such text");
  await expect(bench.finish(third)).rejects.toThrow("no such text");
  bench.refuses = () => undefined;
  expect(await bench.finish(third)).toBe("recorded");
});

test("an attempt that cannot be put back stays the next owner's: nothing of it counts here", async () => {
  const bench = desk();
  for (const delayMs of [0, 1000]) {
    bench.connect(1);
    const running = await bench.started({ policy: tried(delayMs) });
    bench.refuses = ({ kind }) => (kind === "retry" ? unavailable : undefined);
    await expect(bench.finish(running, FAILURE)).rejects.toThrow("the lease is gone");
    expect([bench.kindsOf(running.job.id), bench.waiting]).toEqual([["insert"], 0]);
  }
});

test("an attempt that was to be cancelled is the last one, also when its failure comes first", async () => {
  const bench = desk();
  const running = await bench.started({ policy: tried(0) });
  void bench.owner.cancel(running.job, "by anna");
  expect(await bench.finish(running, FAILURE)).toBe("recorded");
  expect(bench.kindsOf(running.job.id)).toEqual(["insert", "finish"]);
});

test("whoever cancels a job that is put back hears when it has ended there, or that this is not known", async () => {
  const bench = desk();
  const attempts = [
    async () => void bench.finish(await bench.started({ policy: tried(1000) }), FAILURE),
    async () => {
      bench.put();
      await bench.pass();
      bench.connect(1);
    },
  ];
  for (const refusal of [undefined, unavailable]) {
    for (const putBack of attempts) {
      bench.connect(1);
      bench.holds = ({ kind }) => kind === "retry" || kind === "requeue";
      bench.refuses = ({ kind }) => (kind === "retry" || kind === "requeue" ? refusal : undefined);
      await putBack();
      const [running] = [...bench.state.running.values()].slice(-1);
      if (running === undefined) throw new Error("it is being put back");
      const cancel = outcomeOf(bench.owner.cancel(running.job, "by anna"));
      await bench.pass();
      expect(cancel.is).toBe("open");
      await bench.commit();
      expect([cancel.is, bench.waiting]).toEqual([refusal === undefined ? "cancelled" : "unavailable", 0]);
    }
  }
});
