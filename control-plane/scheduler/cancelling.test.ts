import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { AppError } from "../../kernel/app-error.ts";
import { asWorkspaceId } from "../../kernel/ids.ts";
import { admitCold } from "./core/queue-core.ts";
import { atMost, limitedBy } from "./testing/core-world.ts";
import { OwnerDesk, outcomeOf } from "./testing/owner-desk.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

/** An owner whose only agent has some slots. */
function desk(slots: number): OwnerDesk {
  const made = new OwnerDesk();
  if (slots > 0) made.connect(slots);
  return made;
}

test("a job that waits has ended when its cancel is answered; its place and its payload are free at once", async () => {
  const bench = desk(0);
  const [job, behind] = [bench.put(limitedBy(atMost(1))), bench.put(limitedBy(atMost(1)))];
  await bench.pass();
  const bytes = bench.owner.payloadBytes;
  bench.holds = ({ kind }) => kind === "cancel";
  const cancel = outcomeOf(bench.owner.cancel(job.made.job, "by an\u0000na"));
  await bench.pass();
  expect([cancel.is, bench.waiting, bench.owner.payloadBytes]).toEqual(["open", 1, bytes / 2]);
  bench.connect(1);
  await bench.pass();
  expect(bench.attemptsOf(behind.id)).toEqual([1]);
  await bench.commit();
  expect([cancel.is, bench.changes.at(-1)]).toEqual(["cancelled", `${job.id} ended`]);
  expect(bench.written.at(-1)).toMatchObject({ kind: "cancel", exit: { reason: "cancelled", message: "by an\ufffdna" } });
});

test("a running job is told once that it is to end, gracefully, and its cancel is answered when that is written down", async () => {
  const bench = desk(1);
  let written = (): void => undefined;
  bench.store.markCancelled = () => new Promise((resolve) => (written = resolve));
  const { job, token } = await bench.started();
  const first = outcomeOf(bench.owner.cancel(job, "by anna"));
  await bench.pass();
  expect([first.is, bench.told]).toEqual(["open", [{ id: job.id, token, reason: "by anna", fenced: false }]]);
  written();
  await bench.pass();
  const second = outcomeOf(bench.owner.cancel(job, "by bert"));
  written();
  await bench.pass();
  expect([first.is, second.is, bench.running(job.id).cancel?.reason]).toEqual(["cancelling", "cancelling", "by anna"]);
  bench.disconnect();
  void bench.owner.cancel(job, "by anna");
  expect(bench.told.map(({ reason }) => reason)).toEqual(["by anna", "by anna"]);
});

test("a job of another workspace cannot be cancelled, wherever it is", async () => {
  const bench = desk(1);
  const running = await bench.started();
  const waiting = bench.put();
  await bench.pass();
  const other = { workspace: asWorkspaceId("2") };
  bench.isGone = ({ kind }) => kind === "cancel";
  expect(await bench.owner.cancel({ ...waiting.made.job, ...other }, "by eve")).toBe("gone");
  expect(bench.written.map(({ kind }) => kind)).toEqual(["insert", "insert"]);
  expect(await bench.owner.cancel({ ...running.job, ...other }, "by eve")).toBe("gone");
  expect([bench.told, bench.waiting, bench.state.running.size]).toEqual([[], 1, 1]);
});

test("a job that is nowhere is gone; one that could not be ended waits again", async () => {
  const bench = desk(0);
  const { made, id } = bench.put();
  await bench.pass();
  bench.refuses = () => new AppError("unavailable", "the lease is gone");
  await expect(bench.owner.cancel(made.job, "by anna")).rejects.toThrow("the lease is gone");
  bench.refuses = () => undefined;
  expect([bench.waiting, bench.state.waiting.has(id)]).toEqual([1, true]);
  bench.connect(1);
  await bench.pass();
  await bench.finish(bench.running(id));
  bench.isGone = ({ kind }) => kind === "cancel";
  expect(await bench.owner.cancel(made.job, "by anna")).toBe("gone");
});

test("a job that waits again because its end could not be written is picked at once", async () => {
  const bench = desk(1);
  const running = await bench.started();
  const { made, id } = bench.put();
  await bench.pass();
  bench.holds = ({ kind }) => kind === "cancel";
  bench.refuses = ({ kind }) => (kind === "cancel" ? new Error("no such text") : undefined);
  const cancel = outcomeOf(bench.owner.cancel(made.job, "by anna"));
  await bench.pass();
  await bench.finish(running);
  await bench.pass();
  expect([cancel.is, bench.attemptsOf(id)]).toEqual(["open", []]);
  await bench.commit();
  expect([cancel.is, bench.attemptsOf(id)]).toEqual(["internal", [1]]);
});

test("a job expires unless it has begun", async () => {
  const bench = desk(1);
  const special = { scheduledForMs: undefined, expiresAtMs: Date.now() + 100, key: undefined };
  const begun = bench.put({}, special);
  const waits = bench.put({}, special);
  await bench.pass(200);
  expect([bench.kindsOf(begun.id), bench.kindsOf(waits.id)]).toEqual([["insert"], ["insert", "cancel"]]);
  expect(bench.written.at(-1)).toMatchObject({ exit: { reason: "expired" } });
});

test("a job that was ended in the table alone does not come with a refill, and neither do its moments", async () => {
  const bench = desk(0);
  const { made, id } = bench.put();
  const { workspace, tag, language } = made.job;
  await bench.pass();
  let answer = (): void => undefined;
  bench.store.refill = () => new Promise((resolve) => (answer = () => resolve([made.job])));
  admitCold(bench.state, { workspace, tag, language, count: 1, newest: undefined });
  await bench.pass();
  await bench.pass(1000);
  expect(await bench.owner.cancel(made.job, "by anna")).toBe("cancelled");
  answer();
  await bench.pass();
  expect([bench.state.waiting.has(id), bench.waiting]).toEqual([false, 0]);
});
