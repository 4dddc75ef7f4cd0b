import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Clock } from "../kernel/clock.ts";
import { exitOf } from "../kernel/exit.ts";
import { ExitReason } from "../proto/gen/millrace/agent/v1/job.ts";
import { Verdict } from "../proto/gen/millrace/agent/v1/session.ts";
import type { AgentConfig } from "./config.ts";
import { AgentBench, acknowledgeAll, refOf, type StartedAgent, tokensOf } from "./session/testing/agent-bench.ts";
import { bundleOf, type ScriptedPlane } from "./session/testing/scripted-plane.ts";
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

test("Hello says who the agent is, and the token comes with the stream", async () => {
  startAgent({ name: "builder", tags: ["gpu"] });
  const session = await plane.session(0);
  expect(session.authorization).toBe("Bearer secret");
  expect(session.hello).toMatchObject({ protocolVersion: 1, agentName: "builder", tags: ["gpu"], slots: 4, held: [], runtimes: [{ language: "bash" }] });
  expect(session.frames[0]).toEqual({
    hello: session.hello,
    received: [],
    started: [],
    logChunks: [],
    finished: [],
    keepalive: undefined,
    capacity: undefined,
  });
});

test("an attempt is confirmed, started, its output sent before its result, and forgotten when both are acknowledged", async () => {
  const { agent } = startAgent({}, steadyClock());
  const session = await plane.session(0);
  const bundle = bundleOf();
  session.send({ assign: [bundle] });
  const attempt = await executor.attempt(0);
  attempt.io.onStarted(123);
  void attempt.io.onOutput(0, Buffer.from("hello\n"));
  void attempt.io.onOutput(1, Buffer.from("oops\n"));
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
  expect(readdirSync(join(bench.dataDir, "spool", "logs"))).toEqual([]);
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

test("a cancelled attempt sends its result; a fenced one is killed and sends nothing", async () => {
  startAgent();
  const session = await plane.session(0);
  const [cancelled, fenced] = [bundleOf(), bundleOf()];
  session.send({ assign: [cancelled, fenced] });
  void (await executor.attempt(1)).io.onOutput(0, Buffer.from("never seen"));
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

test("a fenced cancel of an attempt that has ended throws nothing away: its result and output wait for their verdict", async () => {
  plane.habits.ackFinished = false;
  plane.habits.ackLogs = false;
  const { agent } = startAgent({}, steadyClock());
  const session = await plane.session(0);
  const bundle = bundleOf();
  session.send({ assign: [bundle] });
  const attempt = await executor.attempt(0);
  void attempt.io.onOutput(0, Buffer.from("last words\n"));
  attempt.end();
  await session.until(() => session.finished.length === 1);
  session.send({ cancel: [{ ...refOf(bundle), reason: "the attempt is no longer valid", fenced: true }] });
  session.send({ policy: { keepaliveMs: 20, selfFenceMs: 0, logFlushMs: 0, logWindowBytes: 0 } });
  await session.until(() => session.keepalives > 0);
  expect(agent.status()).toMatchObject({ running: 0, unacknowledged: 1, unacknowledgedLogs: 1 });
  expect(session.frames.findLast((frame) => frame.keepalive !== undefined)?.keepalive?.held).toEqual([refOf(bundle)]);
  session.send({ finishedAcks: [{ ...refOf(bundle), verdict: Verdict.VERDICT_RECORDED }] });
  session.send({ cancel: [{ ...refOf(bundle), reason: "the attempt is no longer valid", fenced: true }] });
  await session.until(() => session.frames.at(-1)?.keepalive?.held.length === 0);
  expect(agent.status()).toMatchObject({ unacknowledged: 0, unacknowledgedLogs: 1 });
  session.send({ logAcks: [{ ...refOf(bundle), nextSeq: 0, drop: true }] });
  const before = session.keepalives;
  await session.until(() => session.keepalives > before + 1);
  expect(agent.status().unacknowledgedLogs).toBe(0);
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
  void attempt.io.onOutput(0, Buffer.from("last words\n"));
  attempt.end();
  await done;
  expect([session.finished.length, session.chunks.length]).toEqual([1, 1]);
  expect(attempt.cancelled).toBeUndefined();
});

test("a drain that takes too long hands back what still runs or waits, and what comes late", async () => {
  const { stop, done } = startAgent({ slots: 1, drainGraceMs: 50 });
  const session = await plane.session(0);
  session.send({ assign: Array.from({ length: 66 }, () => bundleOf()) });
  await executor.attempt(64);
  await session.until(() => session.received.length === 66);
  plane.habits.ackFinished = false;
  stop.abort();
  await session.until(() => session.finished.length === 66);
  // The server had sent this one before it knew.
  const late = bundleOf();
  session.send({ assign: [late] });
  await session.until(() => session.finished.length === 67);
  acknowledgeAll(session);
  await done;
  expect(new Set(session.finished.map((one) => one.exit?.reason))).toEqual(new Set([ExitReason.EXIT_REASON_FENCED]));
  expect(tokensOf(session.received)).toEqual(tokensOf(session.finished).sort((a, b) => Number(a) - Number(b)));
  expect([executor.attempts.length, executor.attempts.every((attempt) => attempt.fenced !== undefined && attempt.cancelled === undefined)]).toEqual([65, true]);
});

test("at the end of a drain, what the server wanted cancelled is reported as cancelled", async () => {
  const { stop, done } = startAgent({ drainGraceMs: 50 });
  const session = await plane.session(0);
  const [stubborn, running] = [bundleOf(), bundleOf()];
  session.send({ assign: [stubborn, running] });
  const attempt = await executor.attempt(0);
  attempt.ignoresCancel = true;
  await executor.attempt(1);
  session.send({ cancel: [{ ...refOf(stubborn), reason: "by anna", fenced: false }] });
  // The grace of the drain is short: it must not be over before the cancel is read.
  await expect.poll(() => attempt.cancelled).toBe("by anna");
  stop.abort();
  await session.until(() => session.finished.length === 1);
  expect(session.finished).toMatchObject([{ ...refOf(running), exit: { reason: ExitReason.EXIT_REASON_FENCED } }]);
  // Its grace goes on; the drain waits for it.
  expect(attempt.fenced).toBeUndefined();
  attempt.end({ exit: exitOf("cancelled", "by anna") });
  await done;
  expect(session.finished[1]).toMatchObject({ ...refOf(stubborn), exit: { reason: ExitReason.EXIT_REASON_CANCELLED } });
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
