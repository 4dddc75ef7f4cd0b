import { expect, test } from "vitest";
import { isReadable, LOG_FORMAT } from "./log-format.ts";
import type { FlowEvent } from "./model.ts";

const event: FlowEvent = { kind: "woke", place: "a", atMs: 1 };

test("a log is read by releases that know all of it: its format, and every kind of event", () => {
  expect(isReadable(undefined, [])).toBe(true);
  expect(isReadable({ format: LOG_FORMAT }, [event, { ...event, format: LOG_FORMAT }])).toBe(true);
  expect(isReadable({ format: LOG_FORMAT + 1 }, [])).toBe(false);
  expect(isReadable({}, [event, { ...event, format: LOG_FORMAT + 1 }])).toBe(false);
  const unknown: FlowEvent = JSON.parse('{"kind":"constructor","atMs":1}');
  expect(isReadable(undefined, [event, unknown])).toBe(false);
});
