import { describe, expect, it } from "vitest";
import { SourcePositions, tidyProblems } from "./source-position.ts";

describe("positions in a source", () => {
  const positions = new SourcePositions("ab\ncd\r\nef\rgh");
  it.each([
    [0, 1, 1, "ab"],
    [2, 1, 3, "ab"],
    [3, 2, 1, "cd"],
    [7, 3, 1, "ef"],
    [10, 4, 1, "gh"],
    [999, 4, 3, "gh"],
    [-5, 1, 1, "ab"],
  ])("finds offset %i in line %i, column %i", (offset, line, column, text) => {
    expect(positions.problemAt(offset, "m")).toEqual({ message: "m", line, column, text });
  });

  it("works on nothing", () => expect(new SourcePositions("").problemAt(0, "m")).toEqual({ message: "m", line: 1, column: 1, text: "" }));
});

describe("lists of problems", () => {
  it("are sorted, without repeats on one spot, and short", () => {
    const at = (line: number, column: number) => ({ message: "m", line, column, text: "" });
    expect(tidyProblems([at(2, 1), at(1, 5), at(1, 5), at(1, 2)])).toEqual([at(1, 2), at(1, 5), at(2, 1)]);
    expect(tidyProblems(Array.from({ length: 100 }, (_, index) => at(index + 1, 1)))).toHaveLength(20);
  });
});
