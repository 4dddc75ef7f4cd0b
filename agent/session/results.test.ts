import { randomBytes } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { realClock } from "../../kernel/clock.ts";
import { Finished } from "../../proto/gen/millrace/agent/v1/job.ts";
import { Verdict } from "../../proto/gen/millrace/agent/v1/session.ts";
import { Journal } from "../journal/journal.ts";
import { LogShipper } from "../logs/log-shipper.ts";
import { Results } from "./results.ts";

const log = pino({ level: "silent" });
const ref = { jobId: "01900000-0000-7000-8000-000000000001", token: "1" };
let folder = "";
let onReady = (): void => undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-results-"));
  onReady = () => undefined;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function open(patienceMs: number): { results: Results; shipper: LogShipper; journal: Journal } {
  const journal = Journal.open(join(folder, "results"), log);
  const shipper = new LogShipper({ folder: join(folder, "logs"), clock: realClock, log, onReady: () => undefined });
  shipper.setPolicy({ flushMs: 10, windowBytes: 64 * 1024 });
  shipper.recover((key) => journal.has(key));
  return { results: new Results({ journal, shipper, log, onReady: () => onReady(), patienceMs }), shipper, journal };
}

function endWithOutput(shipper: LogShipper): void {
  const attempt = shipper.open(ref, 1_000_000);
  void attempt.write(0, randomBytes(200_000));
  attempt.end();
}

const tokensOf = (taken: { finished: Finished[] }): string[] => taken.finished.map((one) => one.token);

test("a result waits for its output to be sent, then goes at once", () => {
  const { results, shipper } = open(60_000);
  endWithOutput(shipper);
  results.add(Finished.fromPartial(ref));
  for (let seq = 0; seq < 4; seq++) {
    expect(results.hasWork).toBe(false);
    expect(shipper.take(1).map((chunk) => chunk.seq)).toEqual([seq]);
    if (seq < 3) shipper.acknowledge({ ...ref, nextSeq: seq + 1, drop: false });
  }
  expect(tokensOf(results.take(1_000, false))).toEqual(["1"]);
  results.close();
});

test("a result does not wait for output for ever, and is sent once only when the output follows", async () => {
  const { results, shipper } = open(20);
  endWithOutput(shipper);
  const ready = new Promise<void>((resolve) => {
    onReady = resolve;
  });
  results.add(Finished.fromPartial(ref));
  await ready;
  expect(tokensOf(results.take(1_000, false))).toEqual(["1"]);
  for (let seq = 0; seq < 4; seq++) {
    shipper.take(1);
    shipper.acknowledge({ ...ref, nextSeq: seq + 1, drop: false });
  }
  expect(results.hasWork).toBe(false);
  expect(shipper.size).toBe(0);
});

test("output that is sent after the verdict does not bring the result back", async () => {
  const { results, shipper } = open(20);
  endWithOutput(shipper);
  const ready = new Promise<void>((resolve) => {
    onReady = resolve;
  });
  results.add(Finished.fromPartial(ref));
  await ready;
  results.take(1_000, false);
  results.acknowledge({ ...ref, verdict: Verdict.VERDICT_RECORDED });
  for (let seq = 0; seq < 4; seq++) {
    shipper.take(1);
    shipper.acknowledge({ ...ref, nextSeq: seq + 1, drop: false });
  }
  expect([results.hasWork, results.size, shipper.size]).toEqual([false, 0, 0]);
});

test("a result that went bad on disk is let go: as long as it is held, the server takes its attempt for alive", () => {
  const { results, journal } = open(60_000);
  const resultJson = JSON.stringify("x".repeat(6_000_000));
  for (const token of ["1", "2", "3"]) results.add(Finished.fromPartial({ ...ref, token, resultJson }));
  // More than stays in memory: the first one is on disk alone.
  journal.commit();
  const [file = ""] = readdirSync(join(folder, "results"));
  const fd = openSync(join(folder, "results", file), "r+");
  writeSync(fd, Buffer.alloc(1_000), 0, 1_000, 100_000);
  closeSync(fd);
  expect(tokensOf(results.take(100_000_000, false))).toEqual(["2", "3"]);
  expect([...results.keys()].map((key) => key.split(".")[1])).toEqual(["2", "3"]);
  results.close();
  journal.close();
});

test("a stale verdict ends the result and its output", () => {
  const { results, shipper } = open(60_000);
  endWithOutput(shipper);
  results.add(Finished.fromPartial(ref));
  results.acknowledge({ ...ref, verdict: Verdict.VERDICT_STALE });
  expect([results.size, results.hasWork, shipper.size, shipper.hasWork]).toEqual([0, false, 0, false]);
});

test("a new process sends the output that it finds before the result that it finds", () => {
  const before = open(60_000);
  endWithOutput(before.shipper);
  before.results.add(Finished.fromPartial(ref));
  before.journal.close();
  before.results.close();
  const { results, shipper } = open(60_000);
  expect([results.size, results.hasWork, shipper.hasWork]).toEqual([1, false, true]);
  for (let seq = 0; seq < 4; seq++) {
    shipper.take(1);
    shipper.acknowledge({ ...ref, nextSeq: seq + 1, drop: false });
  }
  expect(tokensOf(results.take(1_000, false))).toEqual(["1"]);
  results.close();
});

test("small results share a frame, a large one has its own", () => {
  const { results } = open(60_000);
  for (const [token, size] of [
    ["2", 10],
    ["3", 10],
    ["4", 5_000],
    ["5", 10],
  ] as const) {
    results.add(Finished.fromPartial({ ...ref, token, resultJson: "x".repeat(size) }));
  }
  expect(tokensOf(results.take(1_000, true))).toEqual(["2", "3"]);
  expect(tokensOf(results.take(1_000, false))).toEqual([]);
  expect(tokensOf(results.take(1_000, true))).toEqual(["4"]);
  expect(tokensOf(results.take(1_000, true))).toEqual(["5"]);
});

test("results of an earlier process without output are ready at once, and nobody is called while the agent is still being built", () => {
  const before = open(60_000);
  before.results.add(Finished.fromPartial(ref));
  before.results.take(1_000, false);
  before.results.close();
  before.journal.close();
  onReady = () => {
    throw new Error("the outbox does not exist yet");
  };
  const { results } = open(60_000);
  expect(results.hasWork).toBe(true);
  expect(tokensOf(results.take(1_000, false))).toEqual(["1"]);
  results.close();
});
