import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { LogChunk } from "../../proto/gen/millrace/agent/v1/job.ts";
import { isSoundChunk } from "./frames-codec.ts";

const data = Buffer.from("hello");
const chunkWith = (fields: Partial<LogChunk>): LogChunk => LogChunk.fromPartial({ sizeBytes: 5, encoding: 1, data, segments: [5 * 4], ...fields });

test("a chunk whose data is not what its agent has counted is refused; one without a sum is taken", () => {
  expect([isSoundChunk(chunkWith({})), isSoundChunk(chunkWith({ crc32: crc32(data) }))]).toEqual([true, true]);
  expect([isSoundChunk(chunkWith({ crc32: 0 })), isSoundChunk(chunkWith({ crc32: crc32(data), data: Buffer.from("hellp") }))]).toEqual([false, false]);
});

test("a chunk whose numbers do not agree with each other is refused", () => {
  const wrongs: Partial<LogChunk>[] = [{ sizeBytes: 6 }, { sizeBytes: 0 }, { segments: [4 * 4] }, { lines: 6 }, { encoding: 0 }, { offsetBytes: 2 ** 60 }];
  for (const wrong of wrongs) expect([wrong, isSoundChunk(chunkWith(wrong))]).toEqual([wrong, false]);
});
