import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { realClock } from "../../kernel/clock.ts";
import { exitOf } from "../../kernel/exit.ts";
import { ExitReason, type Finished } from "../../proto/gen/millrace/agent/v1/job.ts";
import { Verdict } from "../../proto/gen/millrace/agent/v1/session.ts";
import { Journal } from "../journal/journal.ts";
import { LogShipper } from "../logs/log-shipper.ts";
import { Attempts } from "./attempts.ts";
import { Results } from "./results.ts";
import { refOf } from "./testing/agent-bench.ts";
import { bundleOf } from "./testing/scripted-plane.ts";
import { TestExecutor } from "./testing/test-executor.ts";

const log = pino({ level: "silent" });
let folder = "";
let executor = new TestExecutor();
let received: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-attempts-"));
  executor = new TestExecutor();
  received = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function open(): { attempts: Attempts; results: Results; shipper: LogShipper } {
  const journal = Journal.open(join(folder, "results"), log);
  const shipper = new LogShipper({ folder: join(folder, "logs"), clock: realClock, log, onReady: () => undefined });
  const results = new Results({ journal, shipper, log, onReady: () => undefined });
  const attempts = new Attempts({
    slots: 1,
    startAttempt: executor.startAttempt,
    shipper,
    results,
    clock: realClock,
    log,
    onReceived: (ref) => received.push(ref.token),
    onStarted: () => undefined,
  });
  return { attempts, results, shipper };
}

const endsOf = (results: Results): Finished[] => results.take(1_000_000, true).finished;

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
