// The parser process: reads one signature after the other, as its parent asks (see `parser-process.ts`).
import { messageOf } from "../kernel/app-error.ts";
import { asParseRequest, type ParseRequest, type ParserMessage } from "./parser-messages-codec.ts";
import { readSignature } from "./read-signature.ts";

/** The memory of WebAssembly never shrinks; a process that has grown this large is replaced. */
const WORN_RSS_BYTES = 300 * 1024 * 1024;

function send(message: ParserMessage): void {
  process.send?.(message);
}

async function answer(request: ParseRequest): Promise<void> {
  try {
    const reading = await readSignature(request.language, request.code);
    send({ kind: "reading", id: request.id, reading, isWorn: process.memoryUsage.rss() > WORN_RSS_BYTES });
  } catch (error) {
    send({ kind: "failure", id: request.id, message: messageOf(error) });
  }
}

process.on("message", (message) => {
  const request = asParseRequest(message);
  if (request !== undefined) void answer(request);
});
process.on("disconnect", () => process.exit(0));
send({ kind: "ready" });
