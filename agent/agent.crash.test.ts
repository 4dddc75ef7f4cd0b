import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type LogChunk, LogEncoding } from "../proto/gen/millrace/agent/v1/job.ts";
import { bundleOf, type PlaneSession, ScriptedPlane } from "./session/testing/scripted-plane.ts";

const MB = 1024 * 1024;
let plane = new ScriptedPlane();
let dataDir = "";
let children: ChildProcess[] = [];

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "millrace-crash-"));
  plane = new ScriptedPlane();
  await plane.start();
});

afterEach(async () => {
  for (const child of children) if (child.exitCode === null && child.signalCode === null) await kill(child);
  children = [];
  plane.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

function spawnAgent(): ChildProcess {
  const script = new URL("./session/testing/agent-child.ts", import.meta.url).pathname;
  const env = {
    PATH: process.env["PATH"] ?? "",
    NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? "",
    MILLRACE_GRPC_ADDRESS: plane.address,
    MILLRACE_AGENT_TOKEN: "secret",
    MILLRACE_AGENT_DATA_DIR: dataDir,
    MILLRACE_AGENT_SLOTS: "64",
    MILLRACE_LOG_LEVEL: "warn",
  };
  const child = spawn(process.execPath, [script], { env, stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

function outputOf(chunks: readonly LogChunk[]): string {
  return Buffer.concat(chunks.map((chunk) => (chunk.encoding === LogEncoding.LOG_ENCODING_ZSTD ? zstdDecompressSync(chunk.data) : chunk.data))).toString();
}

const tokensOf = (list: readonly { token: string }[]): string[] => list.map((one) => one.token).sort();
const chunksOf = (session: PlaneSession, token: string): LogChunk[] => session.chunks.filter((chunk) => chunk.token === token);

test("kill -9: every result that was sent is named and sent again by the next process, with its output; dead attempts are not named", async () => {
  plane.habits.ackFinished = false;
  plane.habits.ackLogs = false;
  let child = spawnAgent();
  const session = await plane.session(0);
  const hanging = bundleOf({ code: "hang" });
  session.send({ assign: [hanging, ...Array.from({ length: 50 }, () => bundleOf({ code: "lines 20" }))] });
  // Somewhere in the middle: some have ended, some may not have.
  await session.until(() => session.finished.length >= 10 && session.chunks.some((chunk) => chunk.token === hanging.token));
  await kill(child);
  const sent = tokensOf(session.finished);

  child = spawnAgent();
  const second = await plane.session(1);
  const held = tokensOf(second.hello?.held ?? []);
  expect(held).toEqual(expect.arrayContaining(sent));
  expect(held).not.toContain(hanging.token);
  expect(second.hello?.agentId).toBe(session.hello?.agentId);
  expect(second.hello?.bootId).not.toBe(session.hello?.bootId);
  await second.until(() => second.finished.length === held.length);
  expect(tokensOf(second.finished)).toEqual(held);
  for (const result of second.finished) {
    expect(result.resultJson).toBe("20");
    const output = outputOf(chunksOf(second, result.token));
    expect([output.split("\n").length, output.length]).toEqual([21, result.logBytes]);
  }
  // Killed again before anything was acknowledged: still all there.
  await kill(child);
  plane.habits.ackFinished = true;
  plane.habits.ackLogs = true;
  child = spawnAgent();
  const third = await plane.session(2);
  await third.until(() => third.finished.length === held.length);
  expect(tokensOf(third.hello?.held ?? [])).toEqual(held);
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  expect(await exited).toEqual([0, null]);
  expect(readdirSync(join(dataDir, "spool", "logs"))).toEqual([]);
  spawnAgent();
  expect((await plane.session(3)).hello?.held).toEqual([]);
}, 30_000);

test("a stopped process wakes up with a doubtful lease: it asks before it sends", async () => {
  plane.habits.policy = { keepaliveMs: 3_000 };
  const child = spawnAgent();
  const session = await plane.session(0);
  session.send({ assign: [bundleOf({ code: "lines 1" })] });
  await session.until(() => session.finished.length === 1);
  child.kill("SIGSTOP");
  plane.habits.echo = false;
  session.send({ assign: [bundleOf({ code: "lines 1" })] });
  // Longer than the gap that counts as a pause; the agent must see real time pass.
  await new Promise((resolve) => setTimeout(resolve, 5_500));
  const before = session.frames.length;
  child.kill("SIGCONT");
  await session.until(() => session.frames.length > before);
  const first = session.frames[before];
  expect(first?.keepalive).toBeDefined();
  expect([first?.received, first?.started, first?.finished]).toEqual([[], [], []]);
  session.send({ keepalive: { echoSentAtMs: first?.keepalive?.sentAtMs ?? 0 } });
  await session.until(() => session.finished.length === 2);
}, 20_000);

test("a job that prints a million lines leaves the agent small, and every line arrives", async () => {
  plane.habits.record = false;
  const child = spawnAgent();
  const session = await plane.session(0);
  let lines = 0;
  let nextSeq = 0;
  session.call.on("data", (frame) => {
    for (const chunk of frame.logChunks) {
      expect(chunk.seq).toBe(nextSeq++);
      lines += chunk.lines;
    }
  });
  session.send({ assign: [bundleOf({ code: "lines 1000000" })] });
  await session.until(() => session.finishedCount === 1);
  expect(lines).toBe(1_000_000);
  let report = "";
  child.stdout?.on("data", (data) => (report += String(data)));
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
  const { peakRssBytes } = JSON.parse(report);
  // A bare Node with grpc-js and zod is about 90 MB; 30 MB of output must not show.
  expect(peakRssBytes).toBeLessThan(190 * MB);
}, 60_000);
