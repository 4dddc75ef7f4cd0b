import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { encodeFrame, readFrames } from "./frames.ts";

function reader(maxBytes: number): { stream: PassThrough; seen: unknown[] } {
  const stream = new PassThrough();
  const seen: unknown[] = [];
  readFrames(
    stream,
    maxBytes,
    ({ header, body }) => seen.push([header, body.toString()]),
    () => seen.push("end"),
  );
  return { stream, seen };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it("frames come out as they went in, however they are cut", async () => {
  const all = Buffer.concat([encodeFrame({ a: "ü" }), encodeFrame({ b: 1 }, "body 😀"), encodeFrame([])]);
  for (const size of [1, 7, 9, 20, all.length]) {
    const { stream, seen } = reader(1_000);
    for (let at = 0; at < all.length; at += size) stream.write(all.subarray(at, at + size));
    await settled();
    expect(seen).toEqual([
      [{ a: "ü" }, ""],
      [{ b: 1 }, "body 😀"],
      [[], ""],
    ]);
  }
});

it("a frame that is too large or no JSON ends the reading, once", async () => {
  for (const bad of [encodeFrame({}, "x".repeat(101)), Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 0x7b]), Buffer.alloc(8, 0xff)]) {
    const { stream, seen } = reader(100);
    stream.write(encodeFrame(1));
    stream.write(bad);
    stream.write(encodeFrame(2));
    stream.end();
    await settled();
    expect(seen).toEqual([[1, ""], "end"]);
  }
});
