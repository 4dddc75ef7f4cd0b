import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Metadata, status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { exitOf } from "../kernel/exit.ts";
import { ExitReason } from "../proto/gen/millrace/agent/v1/job.ts";
import { Condition } from "../proto/gen/millrace/agent/v1/session.ts";
import { AgentBench, tokensOf } from "./session/testing/agent-bench.ts";
import { bundleOf } from "./session/testing/scripted-plane.ts";

let bench: AgentBench;
beforeEach(async () => {
  bench = await AgentBench.open();
});
afterEach(() => bench.close());

const broken = { exit: exitOf("sandbox_error", "no more users"), resultJson: "null", startedAtUs: 0 };

test("jobs whose sandbox cannot be made are handed back; the third time the agent takes no more, and says why, also on its next stream", async () => {
  const { plane, executor } = bench;
  executor.fault = "still no more users";
  bench.startAgent();
  const session = await plane.session(0);
  const bundles = [bundleOf(), bundleOf(), bundleOf({ attempt: 5 })];
  for (const [at, bundle] of bundles.entries()) {
    session.send({ assign: [bundle] });
    (await executor.attempt(at)).end(broken);
    await session.until(() => session.finished.length === at + 1);
    expect(session.capacity).toHaveLength(at === 2 ? 1 : 0);
  }
  expect(session.finished.map(({ exit }) => exit?.reason)).toEqual([
    ExitReason.EXIT_REASON_FENCED,
    ExitReason.EXIT_REASON_FENCED,
    // One that has failed in so many places fails.
    ExitReason.EXIT_REASON_SANDBOX_ERROR,
  ]);
  const resting = { slots: 0, draining: false, condition: Condition.CONDITION_QUARANTINED, reason: expect.stringContaining("no more users") };
  expect(session.capacity[0]).toEqual(resting);
  session.break();
  const second = await plane.session(1);
  expect(second.hello?.slots).toBe(0);
  await second.until(() => second.capacity.length === 1);
  expect(second.capacity[0]).toEqual(resting);
});

test("a failure of a script that ran, or was cancelled, counts for nothing", async () => {
  const { plane, executor } = bench;
  bench.startAgent();
  const session = await plane.session(0);
  session.send({ assign: [bundleOf(), bundleOf(), bundleOf(), bundleOf()] });
  await executor.attempt(3);
  for (const attempt of executor.attempts) attempt.end({ exit: exitOf("sandbox_error", "late"), startedAtUs: 7 });
  await session.until(() => session.finished.length === 4);
  expect(session.finished.map(({ exit }) => exit?.reason)).toEqual(Array.from({ length: 4 }, () => ExitReason.EXIT_REASON_SANDBOX_ERROR));
  expect(session.capacity).toEqual([]);
});

test("with too little free space it takes nothing, and says so", async () => {
  bench.startAgent({ minFreeBytes: Number.MAX_SAFE_INTEGER });
  const session = await bench.plane.session(0);
  expect(session.hello?.slots).toBe(0);
  await session.until(() => session.capacity.length === 1);
  expect(session.capacity[0]).toMatchObject({
    slots: 0,
    condition: Condition.CONDITION_DISK_PRESSURE,
    reason: expect.stringContaining("free in the data folder"),
  });
});

test("an agent that takes two jobs takes two, lets them end however long they take, and is done", async () => {
  const { plane, executor } = bench;
  const { done } = bench.startAgent({ maxJobs: 2, drainGraceMs: 0 });
  const session = await plane.session(0);
  expect(session.hello?.slots).toBe(2);
  const [first, second, tooMany] = [bundleOf(), bundleOf(), bundleOf()];
  session.send({ assign: [first] });
  (await executor.attempt(0)).end();
  await session.until(() => session.capacity.some(({ slots }) => slots === 1));
  session.send({ assign: [second] });
  const last = await executor.attempt(1);
  // It confirms copies meanwhile; the grace of a drain would be over by then.
  for (const copies of [1, 2, 3, 4, 5]) {
    session.send({ assign: [second] });
    await session.until(() => session.received.length === 2 + copies);
  }
  expect(last.fenced).toBeUndefined();
  last.end();
  await done;
  expect(session.capacity.at(-1)).toMatchObject({ slots: 0, draining: true });
  session.send({ assign: [tooMany] });
  expect(tokensOf(session.finished)).toEqual([first.token, second.token]);
});

test("it drains and ends when the control plane asks for it", async () => {
  const { plane, executor } = bench;
  const { done } = bench.startAgent();
  const session = await plane.session(0);
  session.send({ assign: [bundleOf()] });
  await executor.attempt(0);
  session.send({ leave: { reason: "asked for" } });
  await session.until(() => session.capacity.some(({ draining }) => draining));
  executor.attempts[0]?.end();
  await done;
  expect(session.finished[0]?.exit?.reason).toBe(ExitReason.EXIT_REASON_SUCCEEDED);
});

test("a refusal that is final ends an agent that was welcome, and what it runs", async () => {
  const { plane, executor } = bench;
  const { done } = bench.startAgent();
  const session = await plane.session(0);
  session.send({ assign: [bundleOf()] });
  await executor.attempt(0);
  const metadata = new Metadata();
  metadata.set("millrace-final", "revoked");
  session.ended = true;
  const error = { code: status.PERMISSION_DENIED, details: "this agent was revoked", metadata };
  session.call.emit("error", error);
  await expect(done).rejects.toThrow(/refuses this agent: this agent was revoked/);
  expect(executor.attempts[0]?.fenced).toBeDefined();
});

test("of a job that the policy forbids nothing is written, and the executor never hears of it", async () => {
  const { plane, executor, dataDir } = bench;
  const policyFile = join(dataDir, "policy.json");
  writeFileSync(policyFile, JSON.stringify({ workspaces: ["ours"], tags: ["default"], languages: ["bash"] }));
  executor.runtimes = [
    { language: "bash", version: "5" },
    { language: "python3", version: "3" },
  ];
  bench.startAgent({ policyFile, tags: ["default", "gpu"] });
  const session = await plane.session(0);
  expect(session.hello).toMatchObject({ tags: ["default"], runtimes: [{ language: "bash" }] });
  session.send({ assign: [bundleOf({ workspace: "theirs", code: "rm -rf /" }), bundleOf({ workspace: "ours" })] });
  await executor.attempt(0);
  await session.until(() => session.finished.length === 1);
  expect(executor.attempts.map(({ bundle }) => bundle.workspace)).toEqual(["ours"]);
  expect(session.finished[0]).toMatchObject({ startedAtUs: 0, logChunks: 0, exit: { reason: ExitReason.EXIT_REASON_POLICY } });
  expect(session.finished[0]?.exit?.message).toContain('(workspaces): the workspace "theirs" is not listed');
});
