// How a Node that waits is told about jobs: lines on fd 7, which belongs to the agent.
"use strict";
const { readSync } = require("node:fs");

const CONTROL = 7;
const LINE_FEED = 10;
const buffer = Buffer.allocUnsafe(256 * 1024);
/** What came after the last line. */
let pieces = [];

/** The next line, for which the process stands still; undefined when no more come. */
function readLine() {
  for (;;) {
    const last = pieces.at(-1);
    const end = last?.indexOf(LINE_FEED) ?? -1;
    if (end !== -1) {
      const line = Buffer.concat([...pieces.slice(0, -1), last.subarray(0, end)]).toString("utf8");
      pieces = end + 1 < last.length ? [last.subarray(end + 1)] : [];
      return line;
    }
    const bytes = readSync(CONTROL, buffer);
    if (bytes === 0) return undefined;
    pieces.push(Buffer.from(buffer.subarray(0, bytes)));
  }
}

module.exports = { readLine };
