import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Clock } from "../kernel/clock.ts";
import { exitOf } from "../kernel/exit.ts";
import { ExitReason } from "../proto/gen/millrace/agent/v1/job.ts";
import { Verdict } from "../proto/gen/millrace/agent/v1/session.ts";
import { type Agent, createAgent } from "./agent.ts";
import { type AgentConfig, readAgentConfig } from "./config.ts";
import { bundleOf, ScriptedPlane } from "./session/testing/scripted-plane.ts";
import { TestExecutor } from "./session/testing/test-executor.ts";

interface Started {
  readonly agent: Agent;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

const KB = 1024;
let plane = new ScriptedPlane();
let executor = new TestExecutor();
let dataDir = "";
let agents: Started[] = [];

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "millrace-agent-"));
  plane = new ScriptedPlane();
  executor = new TestExecutor();
  await plane.start();
});

afterEach(async () => {
  plane.habits.ackFinished = true;
  plane.habits.ackLogs = true;
  for (const { stop, done } of agents) {
    stop.abort();
    executor.endsAtOnce = true;
    for (const attempt of executor.attempts) attempt.end();
    for (const session of plane.sessions) {
      acknowledgeAll(session.finished, session);
      session.send({ logAcks: session.chunks.map(({ jobId, token }) => ({ jobId, token, nextSeq: 0, drop: true })) });
    }
    await done.catch(() => undefined);
  }
  agents = [];
  plane.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

function acknowledgeAll(finished: readonly { jobId: string; token: string }[], session: ScriptedPlane["sessions"][number]): void {
  session.send({ finishedAcks: finished.map(({ jobId, token }) => ({ jobId, token, verdict: Verdict.VERDICT_RECORDED })) });
}

function configOf(fields: Partial<AgentConfig> = {}): AgentConfig {
  return { ...readAgentConfig({ MILLRACE_AGENT_TOKEN: "secret" }), address: plane.address, dataDir, slots: 4, drainGraceMs: 5_000, ...fields };
}

function startAgent(fields: Partial<AgentConfig> = {}, clock?: Clock): Started {
  const stop = new AbortController();
  const log = pino({ level: process.env["TEST_LOG"] ?? "silent" }, pino.destination({ fd: 2, sync: true }));
  const agent = createAgent(configOf(fields), { log, openExecutor: () => Promise.resolve(executor), ...(clock === undefined ? {} : { clock }) });
  const started = { agent, stop, done: agent.run(stop.signal) };
  started.done.catch(() => undefined);
  agents.push(started);
  return started;
}

const refOf = ({ jobId, token }: { jobId: string; token: string }): { jobId: string; token: string } => ({ jobId, token });
const tokensOf = (list: readonly { token: string }[]): string[] => list.map((one) => one.token);

test("Hello says who the agent is, and the token comes with the stream", async () => {
  startAgent({ name: "builder", tags: ["gpu"] });
  const session = await plane.session(0);
  expect(session.authorization).toBe("Bearer secret");
  expect(session.hello).toMatchObject({ protocolVersion: 1, agentName: "builder", tags: ["gpu"], slots: 4, held: [], runtimes: [{ language: "bash" }] });
  expect(session.frames[0]).toEqual({ hello: session.hello, received: [], started: [], logChunks: [], finished: [], keepalive: undefined, capacity: undefined });
});

test("an attempt is confirmed, started, its output sent before its result, and forgotten when both are acknowledged", async () => {
  const { agent } = startAgent();
  const session = await plane.session(0);
  const bundle = bundleOf();
  session.send({ assign: [bundle] });
  const attempt = await executor.attempt(0);
  attempt.io.onStarted(123);
  attempt.io.onOutput(0, Buffer.from("hello\n"));
  attempt.io.onOutput(1, Buffer.from("oops\n"));
  attempt.end({ exit: exitOf("exit_code", "bad", { code: 3 }), resultJson: '{"error":{}}' });
  await session.until(() => session.finished.length === 1);
  expect(session.received).toEqual([refOf(bundle)]);
  expect(session.started).toEqual([{ ...refOf(bundle), atUs: 123 }]);
  expect(session.chunks).toMatchObject([{ ...refOf(bundle), seq: 0, sizeBytes: 11, segments: [24, 21], lines: 2 }]);
  expect(session.finished).toMatchObject([
    { ...refOf(bundle), exit: { reason: ExitReason.EXIT_REASON_EXIT_CODE, code: 3, message: "bad" }, logChunks: 1, logBytes: 11, logDroppedBytes: 0 },
  ]);
  const before = session.keepalives;
  session.send({ policy: { keepaliveMs: 20, selfFenceMs: 0, logFlushMs: 0, logWindowBytes: 0 } });
  await session.until(() => session.keepalives > before);
  expect(agent.status()).toEqual({ connected: true, running: 0, unacknowledged: 0, unacknowledgedLogs: 0 });
  expect(readdirSync(join(dataDir, "spool", "logs"))).toEqual([]);
});

test("what becomes ready in one turn shares a frame", async () => {
  startAgent({ slots: 200 });
  const session = await plane.session(0);
  session.send({ assign: Array.from({ length: 200 }, () => bundleOf()) });
  await executor.attempt(199);
  await session.until(() => session.received.length === 200);
  expect(session.frames.filter((frame) => frame.received.length > 0)).toHaveLength(1);
  for (const attempt of executor.attempts) attempt.end();
  await session.until(() => session.finished.length === 200);
  expect(session.frames.filter((frame) => frame.finished.length > 0).length).toBeLessThanOrEqual(2);
});

test("a bundle that comes twice is confirmed twice and started once, also when its result is on its way", async () => {
  plane.habits.ackFinished = false;
  startAgent();
  const session = await plane.session(0);
  const bundle = bundleOf();
  session.send({ assign: [bundle] });
  const attempt = await executor.attempt(0);
  session.send({ assign: [bundle] });
  await session.until(() => session.received.length === 2);
  attempt.end();
  await session.until(() => session.finished.length === 1);
  session.send({ assign: [bundle] });
  await session.until(() => session.received.length === 3);
  expect(executor.attempts).toHaveLength(1);
  expect(session.finished).toHaveLength(1);
});

test("ids that could not be file names are not taken", async () => {
  startAgent();
  const session = await plane.session(0);
  session.send({ assign: [bundleOf({ jobId: "../../etc/passwd" }), bundleOf({ token: "1/../2" }), bundleOf({ token: "77" })] });
  await session.until(() => session.received.length > 0);
  expect(tokensOf(session.received)).toEqual(["77"]);
  expect(executor.attempts).toHaveLength(1);
});

test("more attempts than slots wait here until others end", async () => {
  startAgent({ slots: 1 });
  const session = await plane.session(0);
  session.send({ assign: Array.from({ length: 70 }, () => bundleOf()) });
  await session.until(() => session.received.length === 70);
  expect(executor.attempts).toHaveLength(65);
  executor.attempts[0]?.end();
  await executor.attempt(65);
  expect(executor.attempts).toHaveLength(66);
});

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
  acknowledgeAll(second.finished, second);
  executor.attempts[0]?.end();
  await second.until(() => second.finished.length === 2);
  expect(executor.attempts).toHaveLength(2);
  acknowledgeAll(second.finished, second);
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
  attempt.io.onOutput(0, randomBytes(256 * KB));
  await session.until(() => session.chunks.length === 4);
  session.send({ logAcks: [{ ...refOf(attempt.bundle), nextSeq: 1, drop: false }] });
  // The policy frame is answered by keepalives: then the acknowledgement before it has been seen.
  session.send({ policy: { keepaliveMs: 20, selfFenceMs: 0, logFlushMs: 0, logWindowBytes: 0 } });
  await session.until(() => session.keepalives > 0);
  session.break();
  const second = await plane.session(1);
  attempt.io.onOutput(0, randomBytes(64 * KB));
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

test("a cancelled attempt sends its result; a fenced one is killed and sends nothing", async () => {
  startAgent();
  const session = await plane.session(0);
  const [cancelled, fenced] = [bundleOf(), bundleOf()];
  session.send({ assign: [cancelled, fenced] });
  (await executor.attempt(1)).io.onOutput(0, Buffer.from("never seen"));
  session.send({
    cancel: [
      { ...refOf(fenced), reason: "stale", fenced: true },
      { ...refOf(cancelled), reason: "by anna", fenced: false },
    ],
  });
  await session.until(() => session.finished.length === 1);
  expect(session.finished).toMatchObject([{ token: cancelled.token, exit: { reason: ExitReason.EXIT_REASON_CANCELLED, message: "by anna" } }]);
  expect([executor.attempts[0]?.cancelled, executor.attempts[1]?.fenced]).toEqual(["by anna", "stale"]);
  const next = bundleOf();
  session.send({ assign: [next] });
  (await executor.attempt(2)).end();
  await session.until(() => session.finished.length === 2);
  expect([tokensOf(session.finished), session.chunks]).toEqual([[cancelled.token, next.token], []]);
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

test("two agents cannot use one data folder", async () => {
  startAgent();
  await plane.session(0);
  await expect(startAgent().done).rejects.toMatchObject({ code: "failed_precondition", message: expect.stringContaining("another agent") });
});

test("draining says so, lets attempts end, hands their results in and ends", async () => {
  const { stop, done } = startAgent();
  const session = await plane.session(0);
  session.send({ assign: [bundleOf()] });
  const attempt = await executor.attempt(0);
  stop.abort();
  await session.until(() => session.capacity.length === 1);
  expect(session.capacity).toEqual([{ slots: 0, draining: true }]);
  attempt.io.onOutput(0, Buffer.from("last words\n"));
  attempt.end();
  await done;
  expect([session.finished.length, session.chunks.length]).toEqual([1, 1]);
  expect(attempt.cancelled).toBeUndefined();
});

test("a drain that takes too long cancels what still runs", async () => {
  const { stop, done } = startAgent({ drainGraceMs: 50 });
  const session = await plane.session(0);
  session.send({ assign: [bundleOf()] });
  await executor.attempt(0);
  stop.abort();
  await done;
  expect(session.finished).toMatchObject([{ exit: { reason: ExitReason.EXIT_REASON_CANCELLED } }]);
});

test("a draining agent that reconnects has no slots", async () => {
  const { stop } = startAgent();
  const session = await plane.session(0);
  session.send({ assign: [bundleOf()] });
  await executor.attempt(0);
  stop.abort();
  await session.until(() => session.capacity.length === 1);
  session.break();
  const second = await plane.session(1);
  expect(second.hello?.slots).toBe(0);
  await second.until(() => second.capacity.length === 1);
  executor.attempts[0]?.end();
});

test("a result that no frame can carry becomes a failure that says so; large ones go one by one", async () => {
  startAgent({ slots: 8 });
  const session = await plane.session(0);
  session.send({ assign: Array.from({ length: 6 }, () => bundleOf()) });
  await executor.attempt(5);
  const large = JSON.stringify("z".repeat(7 * 1024 * KB));
  for (const [index, attempt] of executor.attempts.entries()) attempt.end({ resultJson: index === 0 ? JSON.stringify("z".repeat(9 * 1024 * KB)) : large });
  await session.until(() => session.finished.length === 6);
  const lengths = new Map(session.finished.map((one) => [one.token, one.resultJson.length]));
  expect([...lengths.values()].filter((length) => length === large.length)).toHaveLength(5);
  const refused = session.finished.find((one) => one.token === executor.attempts[0]?.bundle.token);
  expect(refused?.exit?.reason).toBe(ExitReason.EXIT_REASON_RESULT_TOO_LARGE);
});

test("a large result gets through while another attempt floods the log", async () => {
  startAgent();
  const session = await plane.session(0);
  session.send({ assign: [bundleOf(), bundleOf()] });
  const [flood, large] = [await executor.attempt(0), await executor.attempt(1)];
  let flooding = true;
  const pour = async (): Promise<void> => {
    while (flooding) {
      await flood.io.onOutput(0, randomBytes(128 * KB));
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const poured = pour();
  await session.until(() => session.chunks.length > 20);
  large.end({ resultJson: JSON.stringify("z".repeat(3 * 1024 * KB)) });
  await session.until(() => session.finished.length === 1);
  flooding = false;
  await poured;
});
