import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { exitOf } from "../../kernel/exit.ts";
import { ExitReason } from "../../proto/gen/millrace/agent/v1/job.ts";
import { Verdict } from "../../proto/gen/millrace/agent/v1/session.ts";
import { keyOf } from "../journal/attempt-key.ts";
import type { AttemptsOptions } from "./attempts.ts";
import { refOf } from "./testing/agent-bench.ts";
import { endsOf, type OpenAttempts, openAttempts } from "./testing/attempts-bench.ts";
import { bundleOf } from "./testing/scripted-plane.ts";
import { TestExecutor } from "./testing/test-executor.ts";

let folder = "";
let executor = new TestExecutor();
let received: string[] = [];
let started: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-attempts-"));
  executor = new TestExecutor();
  received = [];
  started = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function open(others: Partial<AttemptsOptions> = {}): OpenAttempts {
  return openAttempts(folder, {
    startAttempt: executor.startAttempt,
    onReceived: (ref) => received.push(ref.token),
    onStarted: ({ token }) => started.push(token),
    ...others,
  });
}

/** What was on its way when this was called has come. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("what a cancel does not end in its grace is killed and still reported as cancelled", async () => {
  const { attempts, results } = open();
  const bundle = bundleOf();
  attempts.assign(bundle);
  const attempt = await executor.attempt(0);
  attempt.ignoresCancel = true;
  attempts.cancel({ ...refOf(bundle), reason: "by anna", fenced: false });
  attempts.handBack("the agent is shutting down");
  expect(attempt.fenced).toBeUndefined();
  attempts.killCancelled();
  await attempts.whenEmpty();
  expect(attempt.fenced).toBe("by anna");
  expect(endsOf(results)).toMatchObject([
    {
      ...refOf(bundle),
      exit: { reason: ExitReason.EXIT_REASON_CANCELLED, message: "by anna" },
      resultJson: '{"error":{"name":"Cancelled","message":"by anna"}}',
    },
  ]);
});

test("a cancel that comes while an attempt is handed back counts", async () => {
  const { attempts, results } = open();
  const bundle = bundleOf();
  attempts.assign(bundle);
  await executor.attempt(0);
  attempts.handBack("the agent is shutting down");
  attempts.cancel({ ...refOf(bundle), reason: "by anna", fenced: false });
  await attempts.whenEmpty();
  expect(endsOf(results)).toMatchObject([{ exit: { reason: ExitReason.EXIT_REASON_CANCELLED, message: "by anna" } }]);
});

test("an end of its own that comes before the kill is reported as it is", async () => {
  const { attempts, results } = open();
  attempts.assign(bundleOf());
  (await executor.attempt(0)).end({ exit: exitOf("succeeded"), resultJson: "42" });
  attempts.handBack("the agent is shutting down");
  await attempts.whenEmpty();
  expect(endsOf(results)).toMatchObject([{ exit: { reason: ExitReason.EXIT_REASON_SUCCEEDED }, resultJson: "42" }]);
});

test("an end of its own within the grace of a cancel is reported as it is", async () => {
  const { attempts, results } = open();
  const bundle = bundleOf();
  attempts.assign(bundle);
  const attempt = await executor.attempt(0);
  attempt.ignoresCancel = true;
  attempts.cancel({ ...refOf(bundle), reason: "by anna", fenced: false });
  attempt.end({ exit: exitOf("succeeded"), resultJson: "42" });
  await attempts.whenEmpty();
  expect(endsOf(results)).toMatchObject([{ exit: { reason: ExitReason.EXIT_REASON_SUCCEEDED }, resultJson: "42" }]);
});

test("output is kept up to the bundle's limit, or to one of our own when it sets none", async () => {
  const limits = { timeoutMs: 0, cancelGraceMs: 0, resultMaxBytes: 0, softTimeoutMs: 0 };
  const { attempts, results, shipper } = open();
  for (const logMaxBytes of [4, 0]) {
    attempts.assign(bundleOf({ limits: { ...limits, logMaxBytes } }));
    const attempt = executor.attempts.at(-1);
    void attempt?.io.onOutput(0, Buffer.from("0123456789"));
    attempt?.end();
    await attempts.whenEmpty();
  }
  expect(shipper.take(10_000).map(({ data }) => data.toString())).toEqual([expect.stringMatching(/^0123\n… 6 B /), "0123456789"]);
  expect(endsOf(results).map(({ logDroppedBytes }) => logDroppedBytes)).toEqual([6, 0]);
});

test("nothing is started after the rest was handed back, also not when the lease is sound again", () => {
  const { attempts, results } = open();
  attempts.hold();
  const [waiting, late] = [bundleOf(), bundleOf()];
  attempts.assign(waiting);
  attempts.handBack("the agent is shutting down");
  attempts.assign(late);
  attempts.release();
  expect([executor.attempts.length, attempts.size, received]).toEqual([0, 0, [waiting.token, late.token]]);
  expect(endsOf(results)).toMatchObject([
    {
      ...refOf(waiting),
      exit: { reason: ExitReason.EXIT_REASON_FENCED },
      startedAtUs: 0,
      resultJson: '{"error":{"name":"Fenced","message":"the agent is shutting down"}}',
    },
    { ...refOf(late), exit: { reason: ExitReason.EXIT_REASON_FENCED }, startedAtUs: 0 },
  ]);
});

test("lost contact sends nothing, also of what was being handed back", async () => {
  const { attempts, results, shipper } = open();
  attempts.assign(bundleOf());
  const attempt = await executor.attempt(0);
  void attempt.io.onOutput(0, Buffer.alloc(200_000, "some output\n"));
  expect(shipper.size).toBe(1);
  attempts.handBack("the agent is shutting down");
  attempts.dropAll("no contact with the control plane for too long");
  await attempts.whenEmpty();
  expect([endsOf(results), shipper.size]).toEqual([[], 0]);
});

test("taking back an attempt that has ended leaves its output alone, also when its result is settled", async () => {
  const { attempts, results, shipper } = open();
  const bundle = bundleOf();
  attempts.assign(bundle);
  const attempt = await executor.attempt(0);
  void attempt.io.onOutput(0, Buffer.from("last words\n"));
  attempt.end();
  await attempts.whenEmpty();
  attempts.cancel({ ...refOf(bundle), reason: "no longer valid", fenced: true });
  expect([results.size, shipper.size]).toEqual([1, 1]);
  results.acknowledge({ ...refOf(bundle), verdict: Verdict.VERDICT_RECORDED });
  attempts.drop(refOf(bundle), "the server took it back");
  expect([results.size, shipper.size]).toEqual([0, 1]);
  expect(shipper.take(1_000).map((chunk) => chunk.token)).toEqual([bundle.token]);
});

describe("an assignment", () => {
  test("that comes again is confirmed and not started again, while it runs and while its result waits", async () => {
    const { attempts, results } = open();
    const bundle = bundleOf();
    for (let copy = 0; copy < 2; copy++) attempts.assign(bundle);
    (await executor.attempt(0)).end();
    await attempts.whenEmpty();
    attempts.assign(bundle);
    expect([executor.attempts.length, attempts.size, results.size, received]).toEqual([1, 0, 1, [bundle.token, bundle.token, bundle.token]]);
    results.acknowledge({ ...refOf(bundle), verdict: Verdict.VERDICT_RECORDED });
    attempts.assign(bundle);
    expect(executor.attempts.length).toBe(2);
  });

  test("without an id that could be the name of a file is not taken", () => {
    const { attempts } = open();
    for (const fields of [{ jobId: "../../etc/passwd" }, { token: "-1" }, { token: "1/.." }, { jobId: "" }]) attempts.assign(bundleOf(fields));
    expect([attempts.size, received, executor.attempts.length]).toEqual([0, [], 0]);
  });

  test("beyond what may wait is not confirmed, so that another agent gets it; beyond the slots and some more it waits for an end", async () => {
    const { attempts } = open();
    attempts.hold();
    const bundles = Array.from({ length: 4_097 }, () => bundleOf());
    for (const bundle of bundles) attempts.assign(bundle);
    expect([attempts.size, received.length, executor.attempts.length, attempts.has(keyOf(refOf(bundles.at(-1) ?? bundleOf())))]).toEqual([
      4_096,
      4_096,
      0,
      false,
    ]);
    attempts.release();
    expect(executor.attempts.length).toBe(65);
    (await executor.attempt(3)).end();
    await executor.attempt(65);
    expect([executor.attempts.length, attempts.size]).toEqual([66, 4_095]);
  });

  test("may wait beside four times as many as there are slots, where these are many", () => {
    const { attempts } = open({ slots: 1_025 });
    attempts.hold();
    for (let nth = 0; nth < 4_101; nth++) attempts.assign(bundleOf());
    expect(attempts.size).toBe(4_100);
  });

  test("that is not confirmed is in the agent's own log: one line a second, with how many there were", () => {
    const lines: unknown[] = [];
    let nowMs = 0;
    const told = pino({ level: "error" }, { write: (line) => lines.push(JSON.parse(line)) });
    const { attempts } = open({ clock: { wallMs: () => 0, monotonicMs: () => nowMs }, log: told });
    attempts.hold();
    for (let nth = 0; nth < 4_096; nth++) attempts.assign(bundleOf());
    for (nowMs of [0, 1, 999, 1_000, 1_001, 2_000]) attempts.assign(bundleOf());
    expect(lines).toMatchObject([{ refused: 1 }, { refused: 3 }, { refused: 2 }]);
  });
});

describe("an attempt that was taken away", () => {
  test("is neither said to have started nor reported, and counts until its process is gone", async () => {
    const { attempts, results } = open();
    const bundle = bundleOf();
    attempts.assign(bundle);
    const attempt = await executor.attempt(0);
    attempts.cancel({ ...refOf(bundle), reason: "the server took it back", fenced: true });
    let empty = false;
    const waiting = attempts.whenEmpty().then(() => {
      empty = true;
    });
    attempt.io.onStarted(1);
    expect([started, attempts.size, attempts.refs(), empty]).toEqual([[], 0, [], false]);
    await waiting;
    expect([attempt.fenced, endsOf(results), received]).toEqual(["the server took it back", [], [bundle.token]]);
  });

  test("and does not die at once is waited for, also when another one has taken its place", async () => {
    const { attempts } = open();
    const bundles = Array.from({ length: 66 }, () => bundleOf());
    for (const bundle of bundles) attempts.assign(bundle);
    const dying = await executor.attempt(0);
    dying.diesSlowly = true;
    attempts.cancel({ ...refOf(dying.bundle), reason: "the server took it back", fenced: true });
    expect(executor.attempts.length).toBe(66);
    for (const attempt of executor.attempts.slice(1)) attempt.end();
    let empty = false;
    const waiting = attempts.whenEmpty().then(() => {
      empty = true;
    });
    await turn();
    expect([dying.fenced, attempts.size, empty]).toEqual(["the server took it back", 0, false]);
    dying.end();
    await waiting;
  });

  test("before it started leaves nothing to wait for", async () => {
    const { attempts } = open();
    attempts.hold();
    const bundle = bundleOf();
    attempts.assign(bundle);
    const waiting = attempts.whenEmpty();
    attempts.drop(refOf(bundle), "the server took it back");
    await waiting;
  });

  test("before it started never starts, and what the server wants cancelled then ends at once", () => {
    const { attempts, results } = open();
    attempts.hold();
    const [dropped, cancelled, unknown] = [bundleOf(), bundleOf(), bundleOf()];
    for (const bundle of [dropped, cancelled]) attempts.assign(bundle);
    attempts.drop(refOf(dropped), "the server took it back");
    attempts.cancel({ ...refOf(cancelled), reason: "by anna", fenced: false });
    attempts.cancel({ ...refOf(unknown), reason: "by anna", fenced: false });
    attempts.drop(refOf(unknown), "never heard of");
    attempts.release();
    expect([executor.attempts.length, attempts.size]).toEqual([0, 0]);
    expect(endsOf(results)).toMatchObject([{ ...refOf(cancelled), exit: { reason: ExitReason.EXIT_REASON_CANCELLED } }]);
  });

  test("is not listed among those that have started; others are, with the time", async () => {
    const { attempts } = open();
    const [first, second] = [bundleOf(), bundleOf()];
    for (const bundle of [first, second]) attempts.assign(bundle);
    (await executor.attempt(0)).io.onStarted(7);
    expect([started, attempts.started(), attempts.refs()]).toEqual([[first.token], [{ ...refOf(first), atUs: 7 }], [refOf(first), refOf(second)]]);
  });
});

test("the grace of a cancel ends with killCancelled, for those that were cancelled alone", async () => {
  const { attempts } = open();
  const [cancelled, other] = [bundleOf(), bundleOf()];
  for (const bundle of [cancelled, other]) attempts.assign(bundle);
  const [first, second] = [await executor.attempt(0), await executor.attempt(1)];
  first.ignoresCancel = true;
  attempts.cancel({ ...refOf(cancelled), reason: "by anna", fenced: false });
  attempts.killCancelled();
  await turn();
  expect([first.cancelled, first.fenced, second.cancelled, second.fenced]).toEqual(["by anna", "by anna", undefined, undefined]);
  expect(attempts.refs()).toEqual([refOf(other)]);
});

test("an attempt that cannot be started ends with the reason, and the next one starts", () => {
  const { attempts, results } = open({
    startAttempt: (bundle, io) => {
      if (bundle.code === "broken") throw new Error("no sandbox today");
      return executor.startAttempt(bundle, io);
    },
  });
  attempts.assign(bundleOf({ code: "broken" }));
  attempts.assign(bundleOf());
  expect([attempts.size, executor.attempts.length]).toEqual([1, 1]);
  expect(endsOf(results)).toMatchObject([{ exit: { reason: ExitReason.EXIT_REASON_SANDBOX_ERROR, message: "no sandbox today" }, startedAtUs: 0 }]);
});
