import { describe, expect, it } from "vitest";
import { formatAge, formatDuration, parseDurationMs } from "./durations.ts";

describe("parseDurationMs", () => {
  it.each([
    ["500ms", 500],
    ["30s", 30_000],
    ["30", 30_000],
    ["1.5s", 1500],
    ["5m", 300_000],
    ["5min", 300_000],
    ["1h30m", 5_400_000],
    ["2d", 172_800_000],
  ])("reads %s", (text, ms) => expect(parseDurationMs(text)).toBe(ms));

  it.each(["", "s", "-3s", "3 s", "3x", "1s2"])("refuses %j", (text) => expect(() => parseDurationMs(text)).toThrow("is not a duration"));
});

describe("formatDuration", () => {
  it.each([
    [0, "0 ms"],
    [12.4, "12 ms"],
    [999.4, "999 ms"],
    [999.6, "1.0 s"],
    [59_949, "59.9 s"],
    [59_990, "1 min 00 s"],
    [65_000, "1 min 05 s"],
    [3_599_600, "1 h 00 min"],
    [7_380_000, "2 h 03 min"],
  ])("shows %d ms", (ms, text) => expect(formatDuration(ms)).toBe(text));
});

describe("formatAge", () => {
  it("uses one unit and never the future", () => {
    expect([-5, 4, 59, 61, 7200, 200_000].map((seconds) => formatAge(0, seconds * 1000))).toEqual([
      "0 s ago",
      "4 s ago",
      "59 s ago",
      "1 min ago",
      "2 h ago",
      "2 d ago",
    ]);
  });
});
