import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { exitOf } from "../../kernel/exit.ts";
import { type Bundle, ExitReason, Network } from "../../proto/gen/millrace/agent/v1/job.ts";
import type { AttemptRoom } from "../runner/attempt-types.ts";
import type { GroupMemory } from "../sandbox/cgroup/cgroup.ts";
import { AgentBench, refOf, tokensOf } from "../session/testing/agent-bench.ts";
import { bundleOf, type PlaneSession } from "../session/testing/scripted-plane.ts";
import type { HostRoom } from "./host-room.ts";

const MB = 1024 * 1024;
let bench: AgentBench;
let held = 0;
let sheds = 0;
/** 1,000 MB, of which 30 are for growth, and four processors. */
const HOST: HostRoom = {
  totalMemoryBytes: 1_000 * MB,
  processorMillis: 4_000,
  maxJobs: 100,
  waitsAtLimit: false,
  heldBytes: () => held,
  shed: () => {
    sheds += 1;
    held = 0;
    return true;
  },
  readCpu: () => undefined,
};
beforeEach(async () => {
  [held, sheds] = [0, 0];
  bench = await AgentBench.open();
  bench.executor.host = HOST;
});
afterEach(() => bench.close());

const needs = (memoryMb: number, cpuMillis = 100): Partial<Bundle> => ({
  requirements: { network: Network.NETWORK_UNSPECIFIED, allow: [], minSandboxLevel: 0, memoryBytes: memoryMb * MB, cpuMillis, dedicated: false },
});
const asking = (memoryMb: number, cpuMillis?: number): Bundle => bundleOf(needs(memoryMb, cpuMillis));
const start = (fields: Parameters<AgentBench["startAgent"]>[0] = {}) => bench.startAgent({ packs: true, ...fields });
const lastSlots = (session: PlaneSession): number | undefined => session.capacity.at(-1)?.slots;

test("jobs start when what they need is free; one that waits is received and not started, and the control plane hears why", async () => {
  start();
  const session = await bench.plane.session(0);
  // 970 MB for scripts of which nothing is known: three.
  expect(session.hello?.slots).toBe(3);
  const [large, larger, small] = [asking(600), asking(500), asking(300)];
  session.send({ assign: [large, larger, small] });
  await bench.executor.attempt(1);
  await session.until(() => session.capacity.some(({ reason }) => reason !== undefined) && session.received.length === 3);
  expect(bench.executor.attempts.map(({ bundle }) => bundle.token)).toEqual([large.token, small.token]);
  expect(session.capacity.find(({ reason }) => reason !== undefined)).toMatchObject({
    draining: false,
    reason: expect.stringMatching(/^1 job waits for room: \d+ MB and \d\.\d+ processors of 970 MB and 4\.00 processors are taken$/),
  });
  bench.executor.attempts[0]?.end();
  expect((await bench.executor.attempt(2)).bundle.token).toBe(larger.token);
  await session.until(() => session.capacity.length > 0 && session.capacity.at(-1)?.reason === undefined);
});

test("the slots that it asks for are those that are taken and those that typical jobs would find, told four times a second at most", async () => {
  start();
  const session = await bench.plane.session(0);
  const began = performance.now();
  const bundles = Array.from({ length: 30 }, () => asking(20, 10));
  for (const bundle of bundles) session.send({ assign: [bundle] });
  await bench.executor.attempt(29);
  await session.until(() => (lastSlots(session) ?? 0) > 40);
  for (const attempt of bench.executor.attempts) attempt.end();
  await session.until(() => session.finished.length === 30);
  expect(session.capacity.length).toBeLessThanOrEqual(1 + Math.ceil((performance.now() - began) / 250));
});

test("a waiting job can be cancelled, and one that is taken back makes way for those behind it", async () => {
  start();
  const session = await bench.plane.session(0);
  const [running, cancelled, fenced, last] = [asking(900), asking(900), asking(900), asking(900)];
  session.send({ assign: [running, cancelled, fenced, last] });
  await session.until(() => session.received.length === 4);
  session.send({
    cancel: [
      { ...refOf(fenced), reason: "stale", fenced: true },
      { ...refOf(cancelled), reason: "by anna", fenced: false },
    ],
  });
  await session.until(() => session.finished.length === 1);
  expect(session.finished[0]).toMatchObject({ ...refOf(cancelled), startedAtUs: 0, exit: { reason: ExitReason.EXIT_REASON_CANCELLED } });
  bench.executor.attempts[0]?.end();
  expect((await bench.executor.attempt(1)).bundle.token).toBe(last.token);
});

test("the memory of a job that was taken back is free when its processes are gone, not before", async () => {
  start();
  const session = await bench.plane.session(0);
  const [first, second, third] = [asking(900), asking(900), asking(40)];
  session.send({ assign: [first, second] });
  const attempt = await bench.executor.attempt(0);
  // It dies when the test says so.
  const die = attempt.end.bind(attempt);
  attempt.end = () => undefined;
  session.send({ cancel: [{ ...refOf(first), reason: "stale", fenced: true }], assign: [third] });
  expect((await bench.executor.attempt(1)).bundle.token).toBe(third.token);
  expect(attempt.fenced).toBe("stale");
  die();
  expect((await bench.executor.attempt(2)).bundle.token).toBe(second.token);
});

test("on a drain what waits goes back at once, what runs may end, and what still comes does not wait", async () => {
  const { stop, done } = start();
  const session = await bench.plane.session(0);
  const [running, waiting, late] = [asking(900), asking(900), asking(900)];
  session.send({ assign: [running, waiting] });
  await session.until(() => session.received.length === 2);
  stop.abort();
  await session.until(() => session.finished.length === 1);
  expect(session.finished[0]).toMatchObject({ ...refOf(waiting), startedAtUs: 0, exit: { reason: ExitReason.EXIT_REASON_FENCED } });
  session.send({ assign: [late] });
  await session.until(() => session.finished.length === 2);
  bench.executor.attempts[0]?.end();
  await done;
  expect(tokensOf(session.finished)).toEqual([waiting.token, late.token, running.token]);
  expect(session.finished[2]?.exit?.reason).toBe(ExitReason.EXIT_REASON_SUCCEEDED);
});

test("a job that has waited for a second says so in its log, and what is only kept to be quick makes way for it", async () => {
  held = 500 * MB;
  start();
  const session = await bench.plane.session(0);
  const [running, waiting] = [asking(400), asking(300)];
  session.send({ assign: [running, waiting] });
  await bench.executor.attempt(1);
  expect(sheds).toBe(1);
  bench.executor.attempts[1]?.end();
  await session.until(() => session.chunks.length > 0);
  const text = session.chunks.map(({ data }) => Buffer.from(data).toString()).join("");
  expect(text).toContain("millrace: waits for room on this agent: it is taken to need 300 MB and 0.10 processors; 400 MB and 0.10 processors of 470 MB");
  expect(session.chunks[0]?.token).toBe(waiting.token);
});

/** A group that takes any limit. */
function groupOf(usedBytes: () => number, moved: (bytes: number) => void = () => undefined): GroupMemory {
  return {
    usedBytes,
    moveLimit: (bytes) => {
      moved(bytes);
      return true;
    },
    waitAtLimit: () => undefined,
  };
}

test("a script is measured, its limit follows what is free, and what was learned outlives the agent", async () => {
  const { stop, done } = start();
  const session = await bench.plane.session(0);
  const run = async (at: number): Promise<AttemptRoom | undefined> => {
    session.send({ assign: [bundleOf({ workspace: "w", codeHash: "h" })] });
    const { room } = (await bench.executor.attempt(at)).io;
    room?.hold(groupOf(() => 0));
    return room;
  };
  for (let at = 0; at < 3; at++) {
    const room = await run(at);
    // 256 MB, and half of the other 744, but no job may have more than half of all.
    expect(room?.limitBytes()).toBe(500 * MB);
    bench.executor.attempts[at]?.end({ startedAtUs: 1, finishedAtUs: 1_000_001, peakMemoryBytes: 100 * MB, cpuMs: 50 });
    await session.until(() => session.finished.length === at + 1);
  }
  // Known now: 105 MB each, and not 256. Some have more for now, all of them together not more than there is.
  for (let at = 3; at < 11; at++) await run(at);
  const limits = bench.executor.attempts.slice(3).map(({ io }) => io.room?.limitBytes() ?? 0);
  expect(Math.min(...limits)).toBeGreaterThanOrEqual(105 * MB);
  expect(limits.reduce((sum, limit) => sum + limit, 0)).toBeLessThanOrEqual(1_000 * MB);
  stop.abort();
  for (const attempt of bench.executor.attempts) attempt.end();
  await done;
  const { profiles } = JSON.parse(readFileSync(join(bench.dataDir, "packing.json"), "utf8")) as { profiles: unknown[][] };
  expect(profiles).toEqual([["w h", 100 * MB, 50, 3, expect.any(Number)]]);
});

test("of a job that waits it is known what it needs as soon as others of its script have shown it", async () => {
  start();
  const session = await bench.plane.session(0);
  const script = { workspace: "w", codeHash: "h" };
  const known = { startedAtUs: 1, finishedAtUs: 1_000_001, peakMemoryBytes: 20 * MB, cpuMs: 50 };
  session.send({ assign: [asking(180), ...Array.from({ length: 6 }, () => bundleOf(script))] });
  // Three times 256 MB, while nothing is known, beside the 180.
  await bench.executor.attempt(3);
  expect(bench.executor.attempts).toHaveLength(4);
  for (const attempt of bench.executor.attempts.slice(1, 3)) attempt.end(known);
  await session.until(() => session.finished.length === 2);
  expect(bench.executor.attempts).toHaveLength(6);
  bench.executor.attempts[3]?.end(known);
  // The last one needs 25 MB, not 256.
  await bench.executor.attempt(6);
  expect(bench.executor.attempts.slice(4).map(({ io }) => io.room?.limitBytes())).toEqual([256 * MB, 256 * MB, 24.2 * MB].map(Math.ceil));
});

test("a job that grows is given more while there is some, and counts for what it uses", async () => {
  start();
  const session = await bench.plane.session(0);
  session.send({ assign: [asking(640), bundleOf()] });
  const { room } = (await bench.executor.attempt(1)).io;
  const limits: number[] = [];
  const grown = Promise.withResolvers<void>();
  const moved = (bytes: number): void => {
    limits.push(bytes);
    if (limits.length === 2) grown.resolve();
  };
  // Of the 104 MB that are free it is lent half, and the rest when it needs it.
  room?.hold(groupOf(() => 307 * MB, moved));
  await grown.promise;
  expect(limits).toEqual([308 * MB, 360 * MB]);
  bench.executor.attempts[0]?.end();
  await session.until(() => session.finished.length === 1);
  // It was taken to need 256 MB, and uses more.
  const [large, small] = [asking(680), asking(400)];
  session.send({ assign: [large, small] });
  expect((await bench.executor.attempt(2)).bundle.token).toBe(small.token);
});

test("the owner's policy bounds what a job has in all, also what it is lent", async () => {
  const policyFile = join(bench.dataDir, "policy.json");
  const rules = (memoryMb: number): void => writeFileSync(policyFile, JSON.stringify({ max_memory_bytes: memoryMb * MB }));
  rules(300);
  const { agent } = start({ policyFile });
  const session = await bench.plane.session(0);
  session.send({ assign: [bundleOf(), asking(300), asking(300), bundleOf()] });
  await bench.executor.attempt(2);
  const first = await bench.executor.attempt(0);
  first.io.room?.hold(groupOf(() => 0));
  // 256 MB, and not half of the other 144. It has not become what the job asks for, which would stand.
  expect([first.io.room?.limitBytes(), first.bundle.requirements]).toEqual([300 * MB, undefined]);
  // The last one waits, and is held to what the policy says when it starts.
  expect(bench.executor.attempts).toHaveLength(3);
  rules(100);
  agent.reload();
  first.end();
  const { room } = (await bench.executor.attempt(3)).io;
  room?.hold(groupOf(() => 0));
  expect(room?.limitBytes()).toBe(100 * MB);
});

test("what was learned and cannot be read is learned anew", async () => {
  mkdirSync(bench.dataDir, { recursive: true });
  writeFileSync(join(bench.dataDir, "packing.json"), '{"version":1,"profiles":[["w h",-5');
  start();
  expect((await bench.plane.session(0)).hello?.slots).toBe(3);
});

test("out of memory at its limit, a job has twice as much room the next time", async () => {
  start();
  const session = await bench.plane.session(0);
  session.send({ assign: [asking(500), bundleOf({ codeHash: "h" })] });
  const attempt = await bench.executor.attempt(1);
  attempt.io.room?.hold(groupOf(() => 0));
  const limit = attempt.io.room?.limitBytes() ?? 0;
  attempt.end({ exit: exitOf("out_of_memory"), startedAtUs: 1, finishedAtUs: 1_001, peakMemoryBytes: limit, cpuMs: 1 });
  await session.until(() => session.finished.length === 1);
  bench.executor.attempts[0]?.end();
  await session.until(() => session.finished.length === 2);
  expect(limit).toBeLessThan(450 * MB);
  // 500 MB, the most that an undeclared job may have, and 480 MB do not fit together.
  session.send({ assign: [bundleOf({ codeHash: "h" }), asking(480), asking(440)] });
  await bench.executor.attempt(3);
  expect(bench.executor.attempts.slice(2).map(({ bundle }) => bundle.requirements?.memoryBytes ?? 0)).toEqual([0, 440 * MB]);
});

test("without a way to keep jobs to their memory, auto is the usual number of slots", async () => {
  bench.executor.host = undefined;
  start({ slots: 7 });
  expect((await bench.plane.session(0)).hello?.slots).toBe(7);
});

test("its page and its metrics show what runs and waits", async () => {
  const socket = join(bench.dataDir, "status.sock");
  start({ statusAddress: socket });
  const session = await bench.plane.session(0);
  session.send({ assign: [asking(900), asking(500, 250)] });
  await session.until(() => session.received.length === 2);
  expect(JSON.parse(await get(socket, "/packing"))).toEqual({
    slots: expect.any(Number),
    running: 1,
    memory_bytes: { of: 970 * MB, taken: 900 * MB, held_by_helpers: 0 },
    cpu_millis: { of: 4_000, taken: 100 },
    waiting: [{ memory_bytes: 500 * MB, cpu_millis: 250, waits_ms: expect.any(Number) }],
  });
  const metrics = await get(socket, "/metrics");
  expect(metrics).toContain("millrace_agent_jobs_waiting_for_room 1\n");
  expect(metrics).toContain(`millrace_agent_packed_memory_bytes ${900 * MB}\n`);
});

function get(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => resolve(Buffer.concat(parts).toString()));
    })
      .on("error", reject)
      .end();
  });
}
