import { randomBytes } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Clock } from "../kernel/clock.ts";
import { Verdict } from "../proto/gen/millrace/agent/v1/session.ts";
import type { AgentConfig } from "./config.ts";
import { AgentBench, acknowledgeAll, refOf, type StartedAgent, tokensOf } from "./session/testing/agent-bench.ts";
import { bundleOf, ScriptedPlane } from "./session/testing/scripted-plane.ts";
import { steadyClock } from "./session/testing/steady-clock.ts";
import type { TestExecutor } from "./session/testing/test-executor.ts";

const KB = 1024;
let bench: AgentBench;
let plane: ScriptedPlane;
let executor: TestExecutor;
const startAgent = (fields: Partial<AgentConfig> = {}, clock?: Clock): StartedAgent => bench.startAgent(fields, clock);

beforeEach(async () => {
  bench = await AgentBench.open();
  ({ plane, executor } = bench);
});
afterEach(() => bench.close());

test("after a break everything goes on: running attempts are named, starts repeated, results resent until acknowledged", async () => {
  plane.habits.ackFinished = false;
  const { agent } = startAgent();
  const session = await plane.session(0);
  const [running, ended] = [bundleOf(), bundleOf()];
  session.send({ assign: [running, ended] });
  (await executor.attempt(0)).io.onStarted(5);
  (await executor.attempt(1)).end();
  await session.until(() => session.finished.length === 1);
  session.break();
  const second = await plane.session(1);
  expect(tokensOf(second.hello?.held ?? []).sort()).toEqual([running.token, ended.token].sort());
  expect(second.hello?.bootId).toBe(session.hello?.bootId);
  await second.until(() => second.finished.length === 1);
  expect(tokensOf(second.finished)).toEqual([ended.token]);
  expect(second.started).toEqual([{ ...refOf(running), atUs: 5 }]);
  acknowledgeAll(second);
  executor.attempts[0]?.end();
  await second.until(() => second.finished.length === 2);
  expect(executor.attempts).toHaveLength(2);
  acknowledgeAll(second);
  second.break();
  const third = await plane.session(2);
  expect(third.hello?.held).toEqual([]);
  expect(agent.status().unacknowledged).toBe(0);
});

test("every Hello says where it stands among those of its agent: starts are counted on disk, streams by the process", async () => {
  const first = startAgent();
  (await plane.session(0)).break();
  (await plane.session(1)).break();
  await plane.session(2);
  first.stop.abort();
  await first.done;
  startAgent();
  await plane.session(3);
  expect(plane.sessions.map(({ hello }) => [hello?.start, hello?.dial])).toEqual([
    [1, 1],
    [1, 2],
    [1, 3],
    [2, 1],
  ]);
});

test("of several replicas it finds one that answers, stays with it, and moves when it is told to or when it is gone", async () => {
  const other = new ScriptedPlane();
  await other.start();
  try {
    const nobody = "127.0.0.1:1";
    startAgent({ addresses: [nobody, plane.address, nobody, other.address] });
    await Promise.race([plane.session(0), other.session(0)]);
    const [at, away] = plane.sessions.length > 0 ? [plane, other] : [other, plane];
    (await at.session(0)).break();
    const again = await at.session(1);
    expect(away.sessions).toHaveLength(0);
    again.send({ drain: { reason: "moving", withinMs: 1000 } });
    const moved = await away.session(0);
    expect(at.sessions).toHaveLength(2);
    expect(moved.hello?.bootId).toBe(again.hello?.bootId);
    away.stop();
    await at.session(2);
  } finally {
    other.stop();
  }
});

test("output in flight at a break is sent again, without a gap", async () => {
  plane.habits.ackLogs = false;
  plane.habits.policy = { logWindowBytes: 1024 * KB };
  startAgent({}, steadyClock());
  const session = await plane.session(0);
  session.send({ assign: [bundleOf()] });
  const attempt = await executor.attempt(0);
  void attempt.io.onOutput(0, randomBytes(256 * KB));
  await session.until(() => session.chunks.length === 4);
  session.send({ logAcks: [{ ...refOf(attempt.bundle), nextSeq: 1, drop: false }] });
  // The policy frame is answered by keepalives: then the acknowledgement before it has been seen.
  session.send({ policy: { keepaliveMs: 20, selfFenceMs: 0, logFlushMs: 0, logWindowBytes: 0 } });
  await session.until(() => session.keepalives > 0);
  session.break();
  const second = await plane.session(1);
  void attempt.io.onOutput(0, randomBytes(64 * KB));
  await second.until(() => second.chunks.length === 4);
  expect(second.chunks.map((chunk) => chunk.seq)).toEqual([1, 2, 3, 4]);
});

test("an attempt that the server took back is killed at Welcome; of one that has ended the verdict decides", async () => {
  plane.habits.ackFinished = false;
  plane.habits.ackLogs = false;
  const { agent } = startAgent({}, steadyClock());
  const session = await plane.session(0);
  const [running, stale, recorded] = [bundleOf(), bundleOf(), bundleOf()];
  session.send({ assign: [running, stale, recorded] });
  await executor.attempt(2);
  for (const attempt of executor.attempts) void attempt.io.onOutput(0, Buffer.from("some output\n"));
  executor.attempts[1]?.end();
  executor.attempts[2]?.end();
  await session.until(() => session.finished.length === 2);
  plane.habits.drop = [refOf(running), refOf(stale), refOf(recorded)];
  session.break();
  const second = await plane.session(1);
  await second.until(() => second.finished.length === 2);
  expect(executor.attempts[0]?.fenced).toBeDefined();
  expect(tokensOf(second.finished)).toEqual([stale.token, recorded.token]);
  expect([...new Set(tokensOf(second.chunks))].sort()).toEqual([stale.token, recorded.token].sort());
  second.send({
    finishedAcks: [
      { ...refOf(stale), verdict: Verdict.VERDICT_STALE },
      { ...refOf(recorded), verdict: Verdict.VERDICT_RECORDED },
    ],
  });
  second.send({ policy: { keepaliveMs: 20, selfFenceMs: 0, logFlushMs: 0, logWindowBytes: 0 } });
  const before = second.keepalives;
  await second.until(() => second.keepalives > before);
  // The output of the recorded one is still welcome; that of the stale one is not.
  expect(agent.status()).toMatchObject({ running: 0, unacknowledged: 0, unacknowledgedLogs: 1 });
  plane.habits.drop = [];
  second.break();
  const third = await plane.session(2);
  expect(third.hello?.held).toEqual([]);
  await third.until(() => third.chunks.length === 1);
  expect([tokensOf(third.chunks), third.finished]).toEqual([[recorded.token], []]);
});

test("without contact for too long attempts are killed and their results kept to itself; results of before are still handed in", async () => {
  plane.habits.policy = { keepaliveMs: 40, selfFenceMs: 400 };
  plane.habits.ackFinished = false;
  startAgent({}, steadyClock());
  const session = await plane.session(0);
  const [running, ended] = [bundleOf(), bundleOf()];
  session.send({ assign: [running, ended] });
  (await executor.attempt(1)).end();
  await session.until(() => session.finished.length === 1);
  plane.habits.welcome = false;
  const attempt = await executor.attempt(0);
  session.break();
  await attempt.done;
  expect(attempt.fenced).toBeDefined();
  plane.habits.welcome = true;
  for (let index = 1; ; index++) {
    const later = await plane.session(index);
    if (later.hello?.held.length !== 1) continue;
    expect(later.hello.held).toEqual([refOf(ended)]);
    if (later.call.cancelled) continue;
    await later.until(() => later.finished.length === 1 || later.ended);
    if (later.ended) continue;
    expect(tokensOf(later.finished)).toEqual([ended.token]);
    break;
  }
});

test("keepalives that are not echoed fence the attempts although frames keep coming", async () => {
  plane.habits.policy = { keepaliveMs: 50, selfFenceMs: 400 };
  plane.habits.echo = false;
  startAgent({}, steadyClock());
  const session = await plane.session(0);
  session.send({ assign: [bundleOf()] });
  const attempt = await executor.attempt(0);
  const noise = setInterval(() => session.send({}), 10);
  await attempt.done;
  clearInterval(noise);
  expect(attempt.fenced).toBeDefined();
  const second = await plane.session(1);
  expect(second.hello?.held).toEqual([]);
});

test("after a pause of the process nothing is sent or started before a keepalive has come back", async () => {
  let jumpMs = 0;
  const clock: Clock = { wallMs: () => Date.now() + jumpMs, monotonicMs: () => performance.now() + jumpMs };
  plane.habits.policy = { keepaliveMs: 60_000 };
  plane.habits.echo = false;
  startAgent({}, clock);
  const session = await plane.session(0);
  session.send({ assign: [bundleOf()] });
  const attempt = await executor.attempt(0);
  await session.until(() => session.received.length === 1);
  jumpMs = 6_000;
  attempt.end();
  session.send({ assign: [bundleOf()] });
  await session.until(() => session.keepalives === 1);
  const framesBefore = session.frames.length;
  // An echo of something older than the pause proves nothing.
  session.send({ keepalive: { echoSentAtMs: 1 } });
  session.send({ assign: [bundleOf()] });
  expect([executor.attempts.length, session.finished.length]).toEqual([1, 0]);
  expect(attempt.fenced).toBeUndefined();
  const sentAtMs = session.frames.at(-1)?.keepalive?.sentAtMs ?? 0;
  expect(session.frames.length).toBe(framesBefore);
  session.send({ keepalive: { echoSentAtMs: sentAtMs } });
  await session.until(() => session.finished.length === 1 && session.received.length === 3);
  await executor.attempt(2);
});

test("a pause longer than the lease kills the attempts before anything else happens", async () => {
  let jumpMs = 0;
  const clock: Clock = { wallMs: () => Date.now() + jumpMs, monotonicMs: () => performance.now() };
  startAgent({}, clock);
  const session = await plane.session(0);
  session.send({ assign: [bundleOf()] });
  const attempt = await executor.attempt(0);
  await session.until(() => session.received.length === 1);
  jumpMs = 25_000;
  session.send({ finishedAcks: [] });
  await attempt.done;
  expect(attempt.fenced).toBeDefined();
  const second = await plane.session(1);
  expect([second.hello?.held, session.finished, second.finished]).toEqual([[], [], []]);
});

test("a server that falls silent is left for another try", async () => {
  plane.habits.policy = { keepaliveMs: 40 };
  plane.habits.echo = false;
  startAgent({}, steadyClock());
  const session = await plane.session(0);
  session.send({ assign: [bundleOf()] });
  const attempt = await executor.attempt(0);
  const second = await plane.session(1);
  expect(second.hello?.held).toEqual([refOf(attempt.bundle)]);
  expect(attempt.fenced).toBeUndefined();
});

test("a server that wants to go away is left, and attempts go on", async () => {
  startAgent();
  const session = await plane.session(0);
  session.send({ assign: [bundleOf()] });
  const attempt = await executor.attempt(0);
  session.send({ drain: { reason: "deploy", withinMs: 1_000 } });
  const second = await plane.session(1);
  expect(second.hello?.held).toEqual([refOf(attempt.bundle)]);
  attempt.end();
  await second.until(() => second.finished.length === 1);
});

test("an agent that was never let in ends with the server's reason", async () => {
  plane.habits.refuse = { code: status.UNAUTHENTICATED, message: "this token was revoked" };
  await expect(startAgent().done).rejects.toMatchObject({ code: "unauthenticated", message: expect.stringContaining("this token was revoked") });
  // The folder is free again.
  plane.habits.refuse = undefined;
  startAgent();
  await plane.session(0);
});

test.each([
  ["a name that no runtime may have", [{ language: "C++", version: "23" }], /"C\+\+" cannot be the name of a runtime/],
  ["too many runtimes", Array.from({ length: 33 }, (_, index) => ({ language: `l${index}`, version: "1" })), /33 runtimes, at most 32/],
])("an agent does not dial with what would be refused: %s", async (_, runtimes, message) => {
  executor.runtimes = runtimes;
  await expect(startAgent().done).rejects.toMatchObject({ code: "failed_precondition", message: expect.stringMatching(message) });
  expect(plane.sessions).toEqual([]);
  // One name of 32 characters is the longest that may be, and 32 runtimes the most.
  executor.runtimes = Array.from({ length: 32 }, (_, index) => ({ language: String(index).padStart(32, "_"), version: "1" }));
  startAgent();
  expect((await plane.session(0)).hello?.runtimes).toHaveLength(32);
});

test("an agent that was let in before survives a refusal", async () => {
  const { agent, done } = startAgent();
  const session = await plane.session(0);
  plane.habits.refuse = { code: status.PERMISSION_DENIED, message: "not today" };
  session.break();
  const outcome = await Promise.race([done.then(() => "ended"), new Promise((resolve) => setTimeout(() => resolve("alive"), 1_000))]);
  expect([outcome, agent.status().connected]).toEqual(["alive", false]);
});

test("the agent finds a control plane that comes up later", async () => {
  plane.stop();
  const { agent } = startAgent();
  expect(agent.status().connected).toBe(false);
  await plane.start();
  await plane.session(0);
});

test("no frame speaks of an attempt that its own keepalive leaves out, however assignments, fences, ends and keepalives cross", async () => {
  plane.habits.policy = { keepaliveMs: 20 };
  startAgent({ slots: 500 }, steadyClock());
  const session = await plane.session(0);
  let assigning = true;
  const turn = (ended: number): void => {
    const [kept, fenced] = [bundleOf(), bundleOf()];
    session.send({ assign: [kept, fenced] });
    session.send({ cancel: [{ ...refOf(fenced), reason: "taken back", fenced: true }] });
    const upTo = executor.attempts.length;
    for (const attempt of executor.attempts.slice(ended)) attempt.end();
    // With a rest: on a busy machine frames would pile up faster than anybody could look through them.
    if (assigning) setTimeout(turn, 1, upTo);
  };
  turn(0);
  // Each frame is looked at once: to look through all of them at each new one takes the longer the more there are, and more come meanwhile.
  let [looked, crossed] = [0, 0];
  await session.until(() => {
    for (; looked < session.frames.length; looked++) {
      const frame = session.frames[looked];
      if (frame?.keepalive !== undefined && frame.received.length > 0) crossed += 1;
    }
    return crossed >= 20;
  });
  assigning = false;
  expect(session.unheld).toEqual([]);
  expect(session.frames.some((frame) => frame.keepalive !== undefined && frame.finished.length > 0)).toBe(true);
});
