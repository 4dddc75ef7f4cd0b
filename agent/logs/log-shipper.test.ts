import { randomBytes } from "node:crypto";
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type AttemptRef, type LogChunk, LogEncoding } from "../../proto/gen/millrace/agent/v1/job.ts";
import { keyOf } from "../journal/attempt-key.ts";
import { LogShipper } from "./log-shipper.ts";

const log = pino({ level: "silent" });
const MB = 1024 * 1024;
let folder = "";
let nowMs = 0;
let readyCalls = 0;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-logs-"));
  nowMs = 1_000;
  readyCalls = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function shipperWith(windowBytes = MB): LogShipper {
  const clock = { wallMs: () => nowMs, monotonicMs: () => nowMs };
  const shipper = new LogShipper({ folder, clock, log, onReady: () => (readyCalls += 1) });
  shipper.setPolicy({ flushMs: 50, windowBytes });
  return shipper;
}

function refOf(number: number): AttemptRef {
  return { jobId: `01900000-0000-7000-8000-${String(number).padStart(12, "0")}`, token: String(number) };
}

function rawOf(chunk: LogChunk): Buffer {
  return chunk.encoding === LogEncoding.LOG_ENCODING_ZSTD ? zstdDecompressSync(chunk.data) : chunk.data;
}

/** Sends and acknowledges until nothing is left. */
function drain(shipper: LogShipper): LogChunk[] {
  const all: LogChunk[] = [];
  for (;;) {
    const chunks = shipper.take(512 * 1024);
    if (chunks.length === 0) return all;
    all.push(...chunks);
    for (const chunk of chunks) shipper.acknowledge({ jobId: chunk.jobId, token: chunk.token, nextSeq: chunk.seq + 1, drop: false });
  }
}

test("output that is never acknowledged in time is read back from disk, byte for byte, with bounded memory", () => {
  const shipper = shipperWith();
  const attempt = shipper.open(refOf(1), 100 * MB);
  const written: Buffer[] = [];
  for (let index = 0; index < 6 * 64; index++) {
    const data = randomBytes(16 * 1024);
    written.push(data);
    void attempt.write(0, data);
    expect(shipper.memoryBytes).toBeLessThan(1.2 * MB);
  }
  expect(attempt.end()).toEqual({ chunks: 96, bytes: 6 * MB, droppedBytes: 0 });
  const chunks = drain(shipper);
  expect(chunks.map((chunk) => chunk.seq)).toEqual(Array.from({ length: 96 }, (_, index) => index));
  expect(Buffer.concat(chunks.map(rawOf)).equals(Buffer.concat(written))).toBe(true);
  expect([shipper.size, shipper.memoryBytes, shipper.inFlightBytes, readdirSync(folder)]).toEqual([0, 0, 0, []]);
});

test("the window bounds what is unacknowledged over all attempts, and they take turns", () => {
  const shipper = shipperWith(256 * 1024);
  for (let number = 1; number <= 4; number++) void shipper.open(refOf(number), 100 * MB).write(0, randomBytes(640 * 1024));
  const chunks = shipper.take(Number.MAX_SAFE_INTEGER);
  expect(shipper.inFlightBytes).toBeLessThanOrEqual(256 * 1024);
  expect(chunks.map((chunk) => chunk.token)).toEqual(["1", "2", "3"]);
  expect(shipper.hasWork).toBe(false);
  shipper.acknowledge({ ...refOf(2), nextSeq: 1, drop: false });
  expect(shipper.take(Number.MAX_SAFE_INTEGER).map((chunk) => chunk.token)).toEqual(["4"]);
  shipper.acknowledge({ ...refOf(1), nextSeq: 1, drop: false });
  expect(shipper.take(Number.MAX_SAFE_INTEGER).map((chunk) => [chunk.token, chunk.seq])).toEqual([["1", 1]]);
});

test("a process blocks above 8 MiB on disk and goes on below 4 MiB", async () => {
  const shipper = shipperWith(64 * MB);
  const attempt = shipper.open(refOf(1), 100 * MB);
  let blocked: Promise<void> | undefined;
  let written = 0;
  while (blocked === undefined) {
    blocked = attempt.write(1, randomBytes(64 * 1024));
    written += 1;
  }
  expect(written).toBe(128);
  let resumed = false;
  const done = blocked.then(() => (resumed = true));
  const chunks = shipper.take(Number.MAX_SAFE_INTEGER);
  shipper.acknowledge({ ...refOf(1), nextSeq: 60, drop: false });
  await Promise.resolve();
  expect(resumed).toBe(false);
  shipper.acknowledge({ ...refOf(1), nextSeq: 70, drop: false });
  await done;
  expect(chunks.length).toBe(128);
  expect(attempt.write(1, Buffer.from("x"))).toBeUndefined();
});

test("a blocked process is let go when the server wants no more of it, and the rest goes nowhere", async () => {
  const shipper = shipperWith();
  const attempt = shipper.open(refOf(1), 100 * MB);
  const blocked = attempt.write(0, randomBytes(9 * MB));
  shipper.acknowledge({ ...refOf(1), nextSeq: 0, drop: true });
  await blocked;
  expect(attempt.write(0, randomBytes(9 * MB))).toBeUndefined();
  expect([shipper.size, shipper.hasWork, readdirSync(folder)]).toEqual([0, false, []]);
});

test("after a break of the stream everything unacknowledged is sent again, and what the server has is skipped", () => {
  const shipper = shipperWith(64 * MB);
  const attempt = shipper.open(refOf(1), 100 * MB);
  void attempt.write(0, randomBytes(10 * 64 * 1024));
  expect(shipper.take(Number.MAX_SAFE_INTEGER)).toHaveLength(10);
  shipper.acknowledge({ ...refOf(1), nextSeq: 3, drop: false });
  shipper.rewind();
  expect(shipper.inFlightBytes).toBe(0);
  // The server had made 3 and 4 durable before the break; its acknowledgement comes on the new stream.
  shipper.acknowledge({ ...refOf(1), nextSeq: 5, drop: false });
  expect(shipper.take(Number.MAX_SAFE_INTEGER).map((chunk) => chunk.seq)).toEqual([5, 6, 7, 8, 9]);
  shipper.acknowledge({ ...refOf(1), nextSeq: 10, drop: false });
  void attempt.write(0, Buffer.from("tail"));
  attempt.end();
  expect(drain(shipper).map((chunk) => chunk.seq)).toEqual([10]);
  expect(readdirSync(folder)).toEqual([]);
});

test("whenSent waits for the last chunk to be sent, not for its acknowledgement", () => {
  const shipper = shipperWith(64 * 1024);
  const attempt = shipper.open(refOf(1), 100 * MB);
  void attempt.write(0, randomBytes(100 * 1024));
  attempt.end();
  let sent = 0;
  attempt.whenSent(() => (sent += 1));
  shipper.take(Number.MAX_SAFE_INTEGER);
  expect(sent).toBe(0);
  shipper.acknowledge({ ...refOf(1), nextSeq: 1, drop: false });
  shipper.take(Number.MAX_SAFE_INTEGER);
  expect(sent).toBe(1);
  expect(shipper.size).toBe(1);
});

test("short output is flushed by the timer", async () => {
  const shipper = shipperWith();
  shipper.setPolicy({ flushMs: 5, windowBytes: MB });
  const attempt = shipper.open(refOf(1), 100 * MB);
  void attempt.write(0, Buffer.from("hello\n"));
  expect(shipper.hasWork).toBe(false);
  nowMs += 5;
  while (!shipper.hasWork) await new Promise((resolve) => setTimeout(resolve, 1));
  expect(shipper.take(1_000).map((chunk) => chunk.data.toString())).toEqual(["hello\n"]);
  expect(readyCalls).toBeGreaterThan(0);
});

test("much output in small pieces over many attempts is flushed early instead of filling the memory", () => {
  const shipper = shipperWith();
  const attempts = Array.from({ length: 100 }, (_, index) => shipper.open(refOf(index + 1), 100 * MB));
  for (const attempt of attempts) {
    void attempt.write(0, randomBytes(30 * 1024));
    expect(shipper.memoryBytes).toBeLessThanOrEqual(2.2 * MB);
  }
});

test("after a crash the logs of ended attempts are sent, those of dead ones are deleted, torn tails are cut", () => {
  const before = shipperWith();
  for (const number of [1, 2, 3, 4]) void before.open(refOf(number), 100 * MB).write(0, randomBytes(128 * 1024));
  for (const number of [1, 2]) before.find(keyOf(refOf(number)))?.end();
  appendFileSync(join(folder, keyOf(refOf(4))), Buffer.from([9, 0, 0]));
  writeFileSync(join(folder, "not-an-attempt"), "x");
  // 1: its result waits. 2: its result was acknowledged before its output. 3: died. 4: its result waits, the end of its file is torn.
  const after = shipperWith();
  const waiting = new Set([1, 4].map((number) => keyOf(refOf(number))));
  after.recover((key) => waiting.has(key));
  expect(readdirSync(folder).sort()).toEqual([1, 2, 4].map((number) => keyOf(refOf(number))));
  const chunks = drain(after);
  for (const number of [1, 2, 4]) expect(chunks.filter((chunk) => chunk.token === String(number)).map((chunk) => chunk.seq)).toEqual([0, 1]);
  expect([after.size, readdirSync(folder)]).toEqual([0, []]);
});

test("a log that the server ignores is given up a minute after its result was settled", () => {
  const shipper = shipperWith();
  const attempt = shipper.open(refOf(1), MB);
  void attempt.write(0, Buffer.from("x"));
  attempt.end();
  shipper.take(MB);
  shipper.resultAcknowledged(attempt.key);
  nowMs += 59_000;
  shipper.dropStalled();
  expect(shipper.size).toBe(1);
  nowMs += 1_000;
  shipper.dropStalled();
  expect([shipper.size, shipper.inFlightBytes]).toEqual([0, 0]);
});

test("a steady stream of acknowledged output does not grow the file for ever", () => {
  const shipper = shipperWith(64 * MB);
  const attempt = shipper.open(refOf(1), 1024 * MB);
  const path = join(folder, attempt.key);
  const data = randomBytes(MB);
  let largest = 0;
  let seq = 0;
  void attempt.write(0, data);
  for (let round = 0; round < 150; round++) {
    void attempt.write(0, data);
    const chunks = shipper.take(MB);
    seq += chunks.length;
    // Always one chunk behind, so that the file is never empty.
    shipper.acknowledge({ ...refOf(1), nextSeq: seq - 1, drop: false });
    largest = Math.max(largest, statSync(path).size);
  }
  attempt.end();
  expect(largest).toBeLessThan(75 * MB);
  const rest = drain(shipper);
  expect(rest.at(-1)?.seq).toBe(151 * 16 - 1);
});

test("when the disk refuses, the job goes on: what is complete is sent and the rest counts as dropped", () => {
  const shipper = shipperWith();
  const attempt = shipper.open(refOf(1), 100 * MB);
  rmSync(folder, { recursive: true });
  expect(attempt.write(0, randomBytes(200 * 1024))).toBeUndefined();
  expect(attempt.end()).toEqual({ chunks: 0, bytes: 0, droppedBytes: 200 * 1024 });
  expect([shipper.size, shipper.memoryBytes]).toEqual([0, 0]);
});
