import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { decodeSecretsAhead } from "./secrets-ahead-codec.ts";

const LINE_FEED = 0x0a;
/** A bound for what should be half a megabyte at most. */
const MAX_HEAD_BYTES = 8 * 1024 * 1024;

/**
 * An answer that begins with the secrets in it (`kernel/secrets-ahead.ts`): they are told first, then the rest goes on to the job. One that cannot be
 * read does not go on at all.
 */
export function passOnAfterSecrets(
  answer: IncomingMessage,
  response: ServerResponse,
  headers: IncomingHttpHeaders,
  host: { onSecrets(secrets: readonly string[]): void },
): void {
  const { "content-length": _withHead, ...kept } = headers;
  const pieces: Buffer[] = [];
  let bytes = 0;
  const onData = (data: Buffer): void => {
    const end = data.indexOf(LINE_FEED);
    pieces.push(end === -1 ? data : data.subarray(0, end));
    bytes += data.length;
    if (end === -1 && bytes <= MAX_HEAD_BYTES) return;
    answer.off("data", onData).pause();
    const head = end === -1 ? undefined : decodeSecretsAhead(Buffer.concat(pieces).toString("utf8"));
    if (head === undefined) {
      answer.destroy();
      response.destroy();
      return;
    }
    host.onSecrets(head.secrets);
    response.writeHead(answer.statusCode ?? 502, { ...kept, "content-type": head.type });
    response.write(data.subarray(end + 1));
    answer.pipe(response);
  };
  answer.on("data", onData);
  answer.once("end", () => {
    if (!response.headersSent) response.destroy();
  });
}
