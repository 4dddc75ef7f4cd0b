import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Bundle, ExitReason } from "../../proto/gen/millrace/agent/v1/job.ts";
import { keyOf } from "../journal/attempt-key.ts";
import { refOf } from "./testing/agent-bench.ts";
import { endsOf, type OpenAttempts, openAttempts, TestGate } from "./testing/attempts-bench.ts";
import { bundleOf } from "./testing/scripted-plane.ts";
import { TestExecutor } from "./testing/test-executor.ts";

let folder = "";
let executor = new TestExecutor();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-attempts-"));
  executor = new TestExecutor();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (gate?: TestGate): OpenAttempts => openAttempts(folder, { startAttempt: executor.startAttempt, gate });

/** What was on its way when this was called has come. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a gate", () => {
  test("holds up whom it does not let in and nobody behind; it hears of those that leave, with their end if they had started", async () => {
    const gate = new TestGate();
    const { attempts, results } = open(gate);
    const [big, small, later] = [bundleOf(), bundleOf(), bundleOf()];
    gate.admits.add(keyOf(small));
    for (const bundle of [big, small, later]) attempts.assign(bundle);
    expect(executor.attempts.map(({ bundle }) => bundle.token)).toEqual([small.token]);
    attempts.drop(refOf(big), "the server took it back");
    expect(gate.left).toEqual([[keyOf(big), false]]);
    gate.admits.add(keyOf(later));
    attempts.roomMade();
    expect(executor.attempts.map(({ bundle }) => bundle.token)).toEqual([small.token, later.token]);
    for (const attempt of executor.attempts) attempt.end();
    await attempts.whenEmpty();
    expect([gate.left.slice(1), results.size]).toEqual([
      [
        [keyOf(small), true],
        [keyOf(later), true],
      ],
      2,
    ]);
  });

  test("gives back what waits for room, now and later, and leaves the rest alone", () => {
    const gate = new TestGate();
    const { attempts, results } = open(gate);
    const [waits, runs, late] = [bundleOf(), bundleOf(), bundleOf()];
    gate.admits.add(keyOf(runs));
    for (const bundle of [waits, runs]) attempts.assign(bundle);
    attempts.handBackWaiting("the agent is draining");
    attempts.assign(late);
    expect(endsOf(results).map(({ token, exit }) => [token, exit?.reason])).toEqual([
      [waits.token, ExitReason.EXIT_REASON_FENCED],
      [late.token, ExitReason.EXIT_REASON_FENCED],
    ]);
    expect([attempts.refs(), executor.attempts[0]?.fenced]).toEqual([[refOf(runs)], undefined]);
  });
});

describe("room at a gate", () => {
  /** One that the gate lets in, and one that it lets in when that has left. */
  function behindAnother(): { gate: TestGate; first: Bundle; behind: Bundle } & OpenAttempts {
    const gate = new TestGate();
    const [first, behind] = [bundleOf(), bundleOf()];
    gate.makesWayFor.set(keyOf(first), keyOf(behind));
    return { gate, first, behind, ...open(gate) };
  }

  test("is what an attempt starts with; without a gate there is none", () => {
    const { gate, first, attempts } = behindAnother();
    gate.admits.add(keyOf(first));
    attempts.assign(first);
    open().attempts.assign(bundleOf());
    expect(executor.attempts.map(({ io }) => io.room)).toEqual([gate.room, undefined]);
  });

  test("of an attempt that was taken away is another one's when its processes are gone", async () => {
    const { gate, first, behind, attempts } = behindAnother();
    gate.admits.add(keyOf(first));
    for (const bundle of [first, behind]) attempts.assign(bundle);
    const dying = await executor.attempt(0);
    dying.diesSlowly = true;
    attempts.drop(refOf(first), "the server took it back");
    await turn();
    expect([gate.left, executor.attempts.length]).toEqual([[], 1]);
    dying.end();
    await turn();
    expect([gate.left, executor.attempts.map(({ bundle }) => bundle.token)]).toEqual([[[keyOf(first), true]], [first.token, behind.token]]);
  });

  test("that becomes free while everything is handed back starts nothing", () => {
    const { first, behind, attempts, results } = behindAnother();
    for (const bundle of [first, behind]) attempts.assign(bundle);
    attempts.handBack("the agent is shutting down");
    expect([executor.attempts.length, attempts.size, endsOf(results).map(({ token }) => token)]).toEqual([0, 0, [first.token, behind.token]]);
  });

  test("is not what an attempt waits for that is let in, or has no gate: it is not given back", () => {
    const { gate, first, ...gated } = behindAnother();
    gate.admits.add(keyOf(first));
    for (const { attempts, results } of [gated, open()]) {
      attempts.hold();
      attempts.assign(first);
      attempts.handBackWaiting("the agent is shutting down");
      expect([attempts.size, endsOf(results)]).toEqual([1, []]);
      attempts.release();
    }
    expect(executor.attempts.map(({ bundle }) => bundle.token)).toEqual([first.token, first.token]);
  });

  test("that is waited for may be said in the log of the attempt, as long as it waits", async () => {
    const { gate, first, behind, attempts, results, shipper } = behindAnother();
    gate.admits.add(keyOf(first));
    for (const bundle of [first, behind]) attempts.assign(bundle);
    for (const bundle of [first, behind, bundleOf()]) attempts.sayWaiting(keyOf(bundle), "waits for room");
    attempts.cancel({ ...refOf(behind), reason: "by anna", fenced: false });
    executor.attempts[0]?.end();
    await turn();
    const line = "millrace: waits for room\n";
    expect(shipper.take(10_000).map(({ token, data, segments }) => [token, data.toString(), segments])).toEqual([[behind.token, line, [line.length * 4 + 2]]]);
    expect(endsOf(results)).toMatchObject([
      { token: first.token, logChunks: 0, logBytes: 0 },
      { token: behind.token, logChunks: 1, logBytes: line.length },
    ]);
  });
});
