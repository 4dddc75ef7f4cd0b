import { expect, test } from "vitest";
import { FRAME_SOFT_BYTES } from "../../kernel/protocol.ts";
import { FrameQueue } from "./frame-queue.ts";

/** A stream that takes a given number of frames and is then full until it is drained. */
class Sink {
  readonly frames: string[][] = [];
  room: number;
  #drained = (): void => undefined;

  constructor(room: number) {
    this.room = room;
  }

  write(frame: string[]): boolean {
    this.frames.push(frame);
    this.room -= 1;
    return this.room > 0;
  }

  on(_event: "drain", listener: () => void): void {
    this.#drained = listener;
  }

  drain(room: number): void {
    this.room = room;
    this.#drained();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const queueOn = (sink: Sink, onOverflow = (): void => undefined): FrameQueue<string[]> => new FrameQueue<string[]>(sink, () => [], onOverflow);

test("what is said in one turn is one frame, in order", async () => {
  const sink = new Sink(10);
  const queue = queueOn(sink);
  for (const word of ["a", "b", "c"]) queue.add(10, (frame) => frame.push(word));
  await turn();
  queue.add(10, (frame) => frame.push("d"));
  await turn();
  expect(sink.frames).toEqual([["a", "b", "c"], ["d"]]);
});

test("a full stream gets nothing; what waits grows into frames of a bounded size, and order is kept", async () => {
  const sink = new Sink(1);
  const queue = queueOn(sink);
  queue.add(10, (frame) => frame.push("first"));
  await turn();
  expect(queue.isBehind).toBe(true);
  const words = Array.from({ length: 10 }, (_, at) => String(at));
  for (const word of words) queue.add(FRAME_SOFT_BYTES / 4, (frame) => frame.push(word));
  await turn();
  expect(sink.frames.length).toBe(1);
  sink.drain(100);
  await turn();
  expect(sink.frames.slice(1).map((frame) => frame.length)).toEqual([4, 4, 2]);
  expect(sink.frames.slice(1).flat()).toEqual(words);
});

test("an entry that is larger than a frame still goes, alone", async () => {
  const sink = new Sink(10);
  const queue = queueOn(sink);
  queue.add(10, (frame) => frame.push("small"));
  queue.add(FRAME_SOFT_BYTES * 3, (frame) => frame.push("large"));
  queue.add(10, (frame) => frame.push("small again"));
  await turn();
  expect(sink.frames).toEqual([["small"], ["large"], ["small again"]]);
});

test("a peer that takes nothing is given up before memory runs out", async () => {
  let overflows = 0;
  const sink = new Sink(1);
  const queue = queueOn(sink, () => (overflows += 1));
  for (let at = 0; at < 100; at++) queue.add(1024 * 1024, (frame) => frame.push("x"));
  expect(overflows).toBeGreaterThan(0);
  queue.close();
  sink.drain(10);
  await turn();
  expect(sink.frames.length).toBeLessThanOrEqual(1);
});
