import { describe, expect, it } from "vitest";
import { fc } from "../kernel/fast-check.fixture.ts";
import { createSseParser, type SseEvent } from "./sse.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function parse(pieces: readonly Uint8Array[]): SseEvent[] {
  const events: SseEvent[] = [];
  const parser = createSseParser((event) => events.push(event));
  for (const piece of pieces) parser.push(piece);
  return events;
}

describe("createSseParser", () => {
  it("reads name, data and id, and skips comments and retry", () => {
    expect(parse([bytes('retry: 1000\n\n: still here\n\nid: 1.0.0\nevent: log\ndata: {"a":1}\n\n')])).toEqual([{ event: "log", data: '{"a":1}', id: "1.0.0" }]);
  });

  it("joins data lines, keeps the id for later events and names nameless ones", () => {
    expect(parse([bytes("id: 7\ndata: a\ndata:  b\ndata\n\ndata: c\n\n")])).toEqual([
      { event: "message", data: "a\n b\n", id: "7" },
      { event: "message", data: "c", id: "7" },
    ]);
  });

  it("drops an event that the stream did not finish", () => {
    expect(parse([bytes("data: whole\n\ndata: torn\n")])).toEqual([{ event: "message", data: "whole", id: "" }]);
  });

  it("ignores a byte order mark, unknown fields and ids with a NUL", () => {
    expect(parse([bytes("\ufeffid: ok\nid: no\0\nfoo: bar\ndata: x\n\n")])).toEqual([{ event: "message", data: "x", id: "ok" }]);
  });

  it("reads the same from any split into pieces, with each kind of line end", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 20 }).map((value) => value.replace(/[\r\n\0\ufeff]/g, ""));
    const event = fc.record({ event: text.map((name) => `e${name}`), data: fc.array(text, { minLength: 1, maxLength: 3 }), id: text });
    fc.assert(
      fc.property(
        fc.array(event, { minLength: 1, maxLength: 5 }),
        fc.constantFrom("\n", "\r\n", "\r"),
        fc.array(fc.nat(400), { maxLength: 12 }),
        (events, end, cuts) => {
          const wire = bytes(
            events
              .map(({ event: name, data, id }) =>
                [`id: ${id}`, `event: ${name}`, ...data.map((line) => `data: ${line}`), ""].map((line) => line + end).join(""),
              )
              .join(""),
          );
          const places = [...new Set(cuts.map((cut) => cut % (wire.length + 1)))].sort((a, b) => a - b);
          const pieces = [0, ...places].map((from, at) => wire.slice(from, places[at] ?? wire.length));
          expect(parse(pieces)).toEqual(events.map(({ event: name, data, id }) => ({ event: name, data: data.join("\n"), id })));
        },
      ),
    );
  });

  it("gives up on an event without an end", () => {
    const parser = createSseParser(() => undefined);
    const piece = bytes("x".repeat(1024 * 1024));
    expect(() => {
      for (let at = 0; at < 20; at++) parser.push(piece);
    }).toThrow("without an end");
  });
});
