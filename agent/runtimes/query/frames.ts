/**
 * How agent and query helper talk over their socket: frames of two lengths (32 bits, little endian), a JSON header, and a body of text that
 * is too large to be escaped into the header, such as a result.
 */
import type { Duplex } from "node:stream";

export interface Frame {
  readonly header: unknown;
  readonly body: Buffer;
}

const LENGTHS = 8;

export function encodeFrame(header: unknown, body = ""): Buffer {
  const head = Buffer.from(JSON.stringify(header));
  const frame = Buffer.allocUnsafe(LENGTHS + head.length + Buffer.byteLength(body));
  frame.writeUInt32LE(head.length, 0);
  frame.writeUInt32LE(frame.length - LENGTHS - head.length, 4);
  head.copy(frame, LENGTHS);
  frame.write(body, LENGTHS + head.length);
  return frame;
}

/** Calls `onFrame` for each whole frame, `onEnd` once: at the end of the stream, or for a frame that is too large or whose header is no JSON. */
export function readFrames(stream: Duplex, maxBytes: number, onFrame: (frame: Frame) => void, onEnd: () => void): void {
  let pieces: Buffer[] = [];
  let bytes = 0;
  let wanted = LENGTHS;
  let ended = false;
  const end = (): void => {
    if (ended) return;
    ended = true;
    pieces = [];
    onEnd();
  };
  stream.on("data", (data: Buffer) => {
    pieces.push(data);
    bytes += data.length;
    while (!ended && bytes >= wanted) {
      const all = Buffer.concat(pieces);
      const size = LENGTHS + all.readUInt32LE(0) + all.readUInt32LE(4);
      if (size > maxBytes) return end();
      wanted = size;
      pieces = [all];
      if (bytes < size) return;
      const frame = parse(all.subarray(0, size));
      if (frame === undefined) return end();
      pieces = [all.subarray(size)];
      bytes -= size;
      wanted = LENGTHS;
      onFrame(frame);
    }
  });
  stream.on("error", end);
  stream.on("close", end);
  stream.on("end", end);
}

function parse(data: Buffer): Frame | undefined {
  const bodyAt = LENGTHS + data.readUInt32LE(0);
  try {
    return { header: JSON.parse(data.toString("utf8", LENGTHS, bodyAt)), body: data.subarray(bodyAt) };
  } catch {
    return undefined;
  }
}
