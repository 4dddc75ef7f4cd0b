import { describe, expect, it } from "vitest";
import { fc } from "../kernel/fast-check.fixture.ts";
import { createSanitiser, plainText } from "./sanitise.ts";

const clean = (text: string, colours = true): string => createSanitiser(colours).push(text);

describe("createSanitiser", () => {
  it("lets text, tabs, line ends and colours through", () => {
    const text = "plain ümlaut 日本 🚀\ttab\r\n\u001b[1;31mred\u001b[0m \u001b[38;2;1;2;3mtrue\u001b[m \u001b[4:3mcurly\r50%\n";
    expect(clean(text)).toBe(text);
  });

  it.each([
    ["a title", "a\u001b]0;evil\u0007b"],
    ["a title that ends with ST", "a\u001b]0;evil\u001b\\b"],
    ["a link", "a\u001b]8;;http://x\u001b\\b\u001b]8;;\u001b\\"],
    ["a clipboard write", "a\u001b]52;c;ZXZpbA==\u0007b"],
    ["a cleared screen", "a\u001b[2J\u001b[Hb"],
    ["a cursor report", "a\u001b[6nb"],
    ["private modes", "a\u001b[?1049h\u001b[?25lb"],
    ["a private SGR", "a\u001b[>4;2mb"],
    ["a device string", "a\u001bP$qm\u001b\\b"],
    ["a full reset", "a\u001bcb"],
    ["another character set", "a\u001b(0b"],
    ["8-bit sequences", "a\u009b31m\u009d0;evil\u009cb".replace("\u009b31m", "\u009b2J")],
    ["bell, backspace, NUL and delete", "a\u0007\b\0\u007f\u0085b"],
    ["one escape after the other", "a\u001b\u001b[2Jb"],
  ])("drops %s", (_name, text) => {
    expect(clean(text)).toBe("ab");
  });

  it("does not let an endless device string swallow the lines after it", () => {
    expect(clean("a\u001b]0;evil\nb\n")).toBe("a\nb\n");
  });

  it("drops colours too when there shall be none", () => {
    expect(clean("\u001b[31mred\u001b[0m", false)).toBe("red");
  });

  it("drops a colour sequence without end", () => {
    expect(clean(`\u001b[${"1;".repeat(500)}mx`)).toBe("x");
  });

  it("gives the same for any split into pieces, and nothing that a terminal obeys but colours", () => {
    const part = fc.oneof(
      fc.string({ unit: "binary", maxLength: 6 }),
      fc.constantFrom("\u001b", "\u001b[", "\u001b]", "\u001b[31m", "\u0007", "\u001b\\", "\u009b", "m", ";", "5", "\n"),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
        const whole = clean(parts.join(""));
        const sanitiser = createSanitiser(true);
        expect(parts.map((piece) => sanitiser.push(piece)).join("")).toBe(whole);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
        expect(whole.replace(/\u001b\[[0-9;:]*m/g, "")).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/);
      }),
    );
  });
});

describe("plainText", () => {
  it("makes one safe line", () => {
    expect(plainText("a\nb\tc\u001b[31md\u001b]0;t\u0007")).toBe("a b cd");
  });
});
