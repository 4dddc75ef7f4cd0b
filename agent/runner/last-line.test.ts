import { describe, expect, it } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { LastLine } from "./last-line.ts";

function lastOf(pieces: readonly string[], maxBytes = 1_000): string | undefined {
  const line = new LastLine(maxBytes);
  for (const piece of pieces) line.push(Buffer.from(piece));
  return line.end();
}

describe("LastLine", () => {
  it("finds the same line however the stream is cut", () => {
    const char = fc.constantFrom("a", "é", " ", "\n", "\r", "\t", "1");
    fc.assert(
      fc.property(fc.array(fc.array(char).map((chars) => chars.join(""))), (pieces) => {
        const expected = pieces
          .join("")
          .split("\n")
          .map((line) => line.trim())
          .findLast((line) => line !== "");
        expect(lastOf(pieces)).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  it("joins bytes of one character that come apart", () => {
    const line = new LastLine(100);
    for (const byte of Buffer.from("x\nä€\n")) line.push(Buffer.from([byte]));
    expect(line.end()).toBe("ä€");
  });

  it("says when the last line is too long, also when it comes in pieces, and forgets an earlier long one", () => {
    expect(lastOf(["a".repeat(11)], 10)).toBe("too_long");
    expect(
      lastOf(
        Array.from({ length: 5_000 }, () => "a"),
        4_999,
      ),
    ).toBe("too_long");
    expect(
      lastOf(
        Array.from({ length: 5_000 }, () => "a"),
        5_000,
      ),
    ).toBe("a".repeat(5_000));
    expect(lastOf(["a".repeat(11), "\nshort\n\n"], 10)).toBe("short");
  });
});
