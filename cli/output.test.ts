import { describe, expect, it } from "vitest";
import { formatTable, wantsColour } from "./output.ts";

describe("formatTable", () => {
  it("aligns columns and leaves no blanks at the end of a line", () => {
    expect(
      formatTable(
        ["ID", "NAME", "NOTE"],
        [
          ["1", "Ada", ""],
          ["22", "Größe", "x"],
        ],
      ),
    ).toBe("ID  NAME   NOTE\n1   Ada\n22  Größe  x\n");
  });

  it("makes cells safe and keeps the columns straight when they are coloured", () => {
    expect(formatTable(["A", "B"], [["x\u001b]0;t\u0007\ny", "2"]], (cell, column, row) => (column === 0 && row === 0 ? `<${cell}>` : cell))).toBe(
      "A    B\n<x y>  2\n",
    );
  });

  it("shows the header alone when there are no rows", () => {
    expect(formatTable(["A", "B"], [])).toBe("A  B\n");
  });
});

describe("wantsColour", () => {
  const terminal = { isTTY: true };
  it("asks the terminal, NO_COLOR, FORCE_COLOR and TERM", () => {
    expect(wantsColour(terminal, {})).toBe(true);
    expect(wantsColour({}, {})).toBe(false);
    expect(wantsColour(terminal, { NO_COLOR: "1" })).toBe(false);
    expect(wantsColour(terminal, { NO_COLOR: "" })).toBe(true);
    expect(wantsColour(terminal, { NO_COLOR: "1", FORCE_COLOR: "1" })).toBe(false);
    expect(wantsColour({}, { FORCE_COLOR: "1" })).toBe(true);
    expect(wantsColour(terminal, { FORCE_COLOR: "0" })).toBe(false);
    expect(wantsColour(terminal, { TERM: "dumb" })).toBe(false);
  });
});
