import { AppError } from "../kernel/app-error.ts";

/** One event of a `text/event-stream`, as the HTML standard defines it. */
export interface SseEvent {
  readonly event: string;
  readonly data: string;
  /** The last id that the stream gave, of this or an earlier event; empty when there was none. */
  readonly id: string;
}

/** Characters of one event; our server's are far below. */
const MAX_EVENT_CHARS = 16 * 1024 * 1024;

export interface SseParser {
  /** Takes bytes as they come, split anywhere. Errors: out_of_range when one event grows without end. */
  push(bytes: Uint8Array): void;
}

/** Reads an event stream piece by piece. Comments (heartbeats) and `retry` are skipped; an unfinished event at the end is dropped, as the standard says. */
export function createSseParser(onEvent: (event: SseEvent) => void): SseParser {
  const decoder = new TextDecoder("utf-8");
  let rest = "";
  let scanned = 0;
  let dropLineFeed = false;
  let data: string[] = [];
  let dataChars = 0;
  let name = "";
  let id = "";

  function takeLine(line: string): void {
    if (line === "") {
      if (data.length > 0) onEvent({ event: name === "" ? "message" : name, data: data.join("\n"), id });
      data = [];
      dataChars = 0;
      name = "";
      return;
    }
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const raw = colon === -1 ? "" : line.slice(colon + 1);
    const value = raw.startsWith(" ") ? raw.slice(1) : raw;
    if (field === "data") {
      data.push(value);
      dataChars += value.length;
    } else if (field === "event") name = value;
    else if (field === "id" && !value.includes("\0")) id = value;
  }

  return {
    push(bytes) {
      rest += decoder.decode(bytes, { stream: true });
      let start = 0;
      for (let at = scanned; at < rest.length; at++) {
        const char = rest.charCodeAt(at);
        if (char !== 0x0a && char !== 0x0d) {
          dropLineFeed = false;
          continue;
        }
        // The second half of CR LF, which may come in a later piece than the first.
        if (char === 0x0a && dropLineFeed) {
          dropLineFeed = false;
          start = at + 1;
          continue;
        }
        takeLine(rest.slice(start, at));
        start = at + 1;
        dropLineFeed = char === 0x0d;
      }
      rest = rest.slice(start);
      scanned = rest.length;
      if (rest.length + dataChars > MAX_EVENT_CHARS) throw new AppError("out_of_range", "the server sent an event without an end");
    },
  };
}
