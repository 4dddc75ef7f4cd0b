import { EventEmitter } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ServerFrame } from "../../proto/gen/millrace/agent/v1/session.ts";
import { type AgentStream, Outbox } from "./outbox.ts";

/** The side of a stream that an outbox sees: `room` is what grpc-js answers to a write. */
class Wire extends EventEmitter {
  readonly frames: ServerFrame[] = [];
  readonly cancelled = false;
  room = true;
  write(frame: ServerFrame): boolean {
    this.frames.push(frame);
    return this.room;
  }
}

let wire: Wire;
let outbox: Outbox;
beforeEach(() => {
  vi.useFakeTimers();
  wire = new Wire();
  outbox = new Outbox(wire as unknown as AgentStream);
});
afterEach(() => {
  vi.useRealTimers();
});

const ack = (jobId: string): ServerFrame["finishedAcks"][number] => ({ jobId, token: "1", verdict: 1 });
const cancel = (jobId: string): ServerFrame["cancel"][number] => ({ jobId, token: "1", reason: "", fenced: false });
const settled = async (): Promise<void> => void (await vi.advanceTimersByTimeAsync(0));

test("an acknowledgement waits for company and leaves with the next order", async () => {
  outbox.add("finishedAcks", ack("a"));
  await settled();
  expect(wire.frames).toEqual([]);
  outbox.add("cancel", cancel("b"));
  await settled();
  expect(wire.frames).toMatchObject([{ finishedAcks: [{ jobId: "a" }], cancel: [{ jobId: "b" }] }]);
  await vi.advanceTimersByTimeAsync(100);
  expect(wire.frames.length).toBe(1);
});

test("alone it leaves by itself soon, with all that came meanwhile", async () => {
  outbox.add("finishedAcks", ack("a"));
  await vi.advanceTimersByTimeAsync(60);
  outbox.add("finishedAcks", ack("b"));
  await vi.advanceTimersByTimeAsync(39);
  expect(wire.frames).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(wire.frames).toMatchObject([{ finishedAcks: [{ jobId: "a" }, { jobId: "b" }] }]);
});

test("that of a log waits less, whether it comes first or second", async () => {
  const ackLog = (): void => outbox.add("logAcks", { jobId: "a", token: "1", nextSeq: 1, drop: false });
  const ackEnd = (): void => outbox.add("finishedAcks", ack("b"));
  for (const [first, second] of [
    [ackLog, ackEnd],
    [ackEnd, ackLog],
  ] as const) {
    first();
    second();
    await vi.advanceTimersByTimeAsync(19);
    expect(wire.frames.splice(0)).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(wire.frames.splice(0).length).toBe(1);
  }
  await vi.advanceTimersByTimeAsync(200);
  expect(wire.frames).toEqual([]);
});

test("while the stream is full nothing is written; then one frame takes it all", async () => {
  wire.room = false;
  outbox.add("cancel", cancel("a"));
  await settled();
  outbox.add("cancel", cancel("b"));
  outbox.add("finishedAcks", ack("c"));
  await vi.advanceTimersByTimeAsync(100);
  expect(wire.frames.length).toBe(1);
  expect(outbox.isBehind).toBe(true);
  wire.room = true;
  wire.emit("drain");
  await settled();
  expect(wire.frames).toMatchObject([{ cancel: [{ jobId: "a" }] }, { cancel: [{ jobId: "b" }], finishedAcks: [{ jobId: "c" }] }]);
});

test("nothing is written after the end of the session", async () => {
  outbox.add("finishedAcks", ack("a"));
  outbox.close();
  outbox.add("cancel", cancel("b"));
  await vi.advanceTimersByTimeAsync(100);
  expect(wire.frames).toEqual([]);
});
