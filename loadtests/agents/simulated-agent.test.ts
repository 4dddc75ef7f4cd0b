import { afterEach, beforeEach, expect, test } from "vitest";
import { bundleOf, ScriptedPlane } from "../../agent/session/testing/scripted-plane.ts";
import type { Bundle } from "../../proto/gen/millrace/agent/v1/job.ts";
import { Verdict } from "../../proto/gen/millrace/agent/v1/session.ts";
import { Latencies } from "../load/latencies.ts";
import { monotonicUs } from "../load/monotonic.ts";
import { seededRandom } from "../load/random.ts";
import { Book } from "./book.ts";
import { SimulatedAgent } from "./simulated-agent.ts";

const planes = [new ScriptedPlane(), new ScriptedPlane()] as const;
let book = new Book();
let agent: SimulatedAgent | undefined;

beforeEach(async () => {
  book = new Book();
  for (const plane of planes) await plane.start();
});
afterEach(() => {
  agent?.stop();
  for (const plane of planes) {
    plane.stop();
    plane.sessions.length = 0;
    Object.assign(plane.habits, { welcome: true, ackFinished: true, echo: true, policy: {}, drop: [] });
  }
});

function connect(addresses = [planes[0].address]): void {
  const setup = { name: "a", addresses, token: "secret", slots: 3, tags: ["default"], random: seededRandom(1), book, onConnected: () => undefined };
  agent = new SimulatedAgent(setup, 0);
  agent.connect();
}

function jobOf(n: number, sleepMs = 0): Bundle {
  return bundleOf({ language: "noop", argsJson: JSON.stringify({ at: Math.round(monotonicUs()), n, s: 0, sleep_ms: sleepMs }) });
}

test("it says hello, confirms, starts and ends what it is given, and books it once the end is recorded", async () => {
  connect();
  const session = await planes[0].session(0);
  expect(session.authorization).toBe("Bearer secret");
  expect(session.hello).toMatchObject({ slots: 3, tags: ["default"], runtimes: [{ language: "noop" }], held: [] });
  const jobs = [jobOf(0), jobOf(1, 20)];
  session.send({ assign: jobs });
  await session.until(() => session.finished.length === 2);
  expect(session.received.map(({ token }) => token)).toEqual(jobs.map(({ token }) => token));
  expect(session.started).toHaveLength(2);
  await expect.poll(() => book.ended).toBe(2);
  const report = book.report();
  expect([...report.recorded]).toEqual([1, 1]);
  expect(report.sources[0]).toMatchObject({ started: 2, ended: 2 });
  expect(report.sources[0]?.servedMs).toBeGreaterThanOrEqual(19);
  expect(Latencies.fromText(report.sources[0]?.latencies ?? "").count).toBe(2);
});

test("an end that is not acknowledged is declared and sent again on the next stream, and booked once", async () => {
  planes[0].habits.ackFinished = false;
  connect();
  const first = await planes[0].session(0);
  const job = jobOf(0);
  first.send({ assign: [job] });
  await first.until(() => first.finished.length === 1);
  first.break();
  const second = await planes[0].session(1);
  expect(second.hello?.held).toEqual([{ jobId: job.jobId, token: job.token }]);
  await second.until(() => second.finished.length === 1);
  const ack = { jobId: job.jobId, token: job.token, verdict: Verdict.VERDICT_RECORDED };
  second.send({ finishedAcks: [ack, ack] });
  await expect.poll(() => book.ended).toBe(1);
  expect([...book.report().recorded]).toEqual([1]);
});

test("a second copy of an assignment is confirmed and not run again", async () => {
  connect();
  const session = await planes[0].session(0);
  const job = jobOf(0, 30);
  session.send({ assign: [job] });
  session.send({ assign: [job] });
  await session.until(() => session.received.length === 2 && session.finished.length === 1);
  expect([...book.report().started]).toEqual([1]);
});

test("a refused end is not booked as an end", async () => {
  planes[0].habits.ackFinished = false;
  connect();
  const session = await planes[0].session(0);
  const job = jobOf(0);
  session.send({ assign: [job] });
  await session.until(() => session.finished.length === 1);
  session.send({ finishedAcks: [{ jobId: job.jobId, token: job.token, verdict: Verdict.VERDICT_STALE }] });
  await expect.poll(() => book.report().stale).toBe(1);
  expect(book.ended).toBe(0);
});

test("when it is told to move it goes to the other replica with what it holds", async () => {
  connect(planes.map(({ address }) => address));
  const session = await planes[0].session(0);
  const job = jobOf(0, 10_000);
  session.send({ assign: [job] });
  await session.until(() => session.started.length === 1);
  session.send({ drain: { reason: "leaving", withinMs: 100 } });
  const moved = await planes[1].session(0);
  expect(moved.hello?.held).toEqual([{ jobId: job.jobId, token: job.token }]);
});

test("attempts that the server drops at the welcome are forgotten", async () => {
  connect();
  const first = await planes[0].session(0);
  const job = jobOf(0, 10_000);
  first.send({ assign: [job] });
  await first.until(() => first.started.length === 1);
  planes[0].habits.drop = [{ jobId: job.jobId, token: job.token }];
  planes[0].habits.policy = { keepaliveMs: 20 };
  first.break();
  const second = await planes[0].session(1);
  await second.until(() => second.keepalives > 0);
  expect(second.frames.at(-1)?.keepalive?.held).toEqual([]);
});

test("an end that waits for its verdict outlives an order to kill the attempt", async () => {
  planes[0].habits.ackFinished = false;
  connect();
  const session = await planes[0].session(0);
  const job = jobOf(0);
  session.send({ assign: [job] });
  await session.until(() => session.finished.length === 1);
  const ref = { jobId: job.jobId, token: job.token };
  session.send({ cancel: [{ ...ref, reason: "not here", fenced: true }] });
  session.send({ finishedAcks: [{ ...ref, verdict: Verdict.VERDICT_RECORDED }] });
  await expect.poll(() => book.ended).toBe(1);
});

test("keepalives come at the server's interval and name what is held, together with every note beside them", async () => {
  planes[0].habits.policy = { keepaliveMs: 20 };
  connect();
  const session = await planes[0].session(0);
  session.send({ assign: [jobOf(0, 10_000)] });
  await session.until(() => session.keepalives >= 3);
  expect(session.unheld).toEqual([]);
  expect(session.frames.at(-1)?.keepalive?.held).toHaveLength(1);
});

test("without an answer for too long it gives up what it runs", async () => {
  Object.assign(planes[0].habits, { echo: false, policy: { keepaliveMs: 20, selfFenceMs: 100 } });
  connect();
  const session = await planes[0].session(0);
  session.send({ assign: [jobOf(0, 10_000)] });
  await session.until(() => session.frames.some(({ keepalive }) => keepalive?.held.length === 1));
  await session.until(() => session.frames.at(-1)?.keepalive?.held.length === 0);
  expect(session.finished).toEqual([]);
});

test("after a crash it comes back as another process, with nothing", async () => {
  connect();
  const first = await planes[0].session(0);
  first.send({ assign: [jobOf(0, 10_000)] });
  await first.until(() => first.started.length === 1);
  agent?.crash();
  const second = await planes[0].session(1);
  expect(second.hello?.held).toEqual([]);
  expect(second.hello?.agentId).toBe(first.hello?.agentId);
  expect(second.hello?.bootId).not.toBe(first.hello?.bootId);
});
