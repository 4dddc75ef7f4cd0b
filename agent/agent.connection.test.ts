import { randomBytes } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Clock } from "../kernel/clock.ts";
import type { AgentConfig } from "./config.ts";
import { AgentBench, acknowledgeAll, refOf, type StartedAgent, tokensOf } from "./session/testing/agent-bench.ts";
import { bundleOf, type ScriptedPlane } from "./session/testing/scripted-plane.ts";
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

test("output in flight at a break is sent again, without a gap", async () => {
  plane.habits.ackLogs = false;
  plane.habits.policy = { logWindowBytes: 1024 * KB };
  startAgent();
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

test("attempts that the server took back are killed at Welcome and nothing of them is sent", async () => {
  plane.habits.ackFinished = false;
  startAgent();
  const session = await plane.session(0);
  const [running, ended, kept] = [bundleOf(), bundleOf(), bundleOf()];
  session.send({ assign: [running, ended, kept] });
  (await executor.attempt(1)).end();
  (await executor.attempt(2)).end();
  await session.until(() => session.finished.length === 2);
  plane.habits.drop = [refOf(running), refOf(ended)];
  session.break();
  const second = await plane.session(1);
  await second.until(() => second.finished.length === 1);
  expect(executor.attempts[0]?.fenced).toBeDefined();
  expect(tokensOf(second.finished)).toEqual([kept.token]);
  plane.habits.drop = [];
  second.break();
  const third = await plane.session(2);
  expect(third.hello?.held).toEqual([refOf(kept)]);
});

test("without contact for too long attempts are killed and their results kept to itself; results of before are still handed in", async () => {
  plane.habits.policy = { keepaliveMs: 40, selfFenceMs: 400 };
  plane.habits.ackFinished = false;
  startAgent();
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
  startAgent();
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
  startAgent();
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
