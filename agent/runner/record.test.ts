import { describe, expect, it } from "vitest";
import { parseRecord } from "./record.ts";

const parse = (text: string) => parseRecord(Buffer.from(text));

describe("parseRecord", () => {
  it("relays a result as it was written", () => {
    expect(parse('R{"n":12345678901234567890, "s":"\\ud800\\u0000"}')).toEqual({ kind: "result", json: '{"n":12345678901234567890, "s":"\\ud800\\u0000"}' });
  });

  it("refuses a result that is not JSON, too deep, or not UTF-8", () => {
    expect(parse("R{").kind).toBe("unfit");
    expect(parse("R").kind).toBe("unfit");
    expect(parse(`R${"[".repeat(129)}${"]".repeat(129)}`)).toMatchObject({ kind: "unfit", message: expect.stringContaining("128") });
    expect(parseRecord(Buffer.from([0x52, 0x22, 0xff, 0x22]))).toMatchObject({ kind: "unfit", message: expect.stringContaining("UTF-8") });
    expect(parse("R\ufeff1").kind).toBe("unfit");
  });

  it("reads errors, syntax errors and exit codes", () => {
    expect(parse('E{"name":"A","message":"b","stack":"c","code":"ENOSPC"}')).toEqual({ kind: "error", name: "A", message: "b", stack: "c", code: "ENOSPC" });
    expect(parse('S{"message":"m","line":3,"column":2,"text":"x"}')).toEqual({ kind: "syntax", fault: { message: "m", line: 3, column: 2, text: "x" } });
    expect(parse('S{"message":"m","line":0}')).toEqual({ kind: "syntax", fault: { message: "m", line: 0 } });
    expect(parse("X3")).toEqual({ kind: "exit", code: 3 });
    expect(parse('I{"path":"$.a","message":"m"}')).toMatchObject({ kind: "unfit", message: "the result cannot be JSON at $.a: m" });
  });

  it("survives what no wrapper writes", () => {
    expect(parse("")).toEqual({ kind: "none" });
    expect(parse("Z{}").kind).toBe("unfit");
    expect(parse("E{").kind).toBe("unfit");
    expect(parse("E[]")).toMatchObject({ kind: "error", name: "Error", message: "" });
    expect(parse('E{"name":1,"message":{}}')).toMatchObject({ kind: "error", name: "Error", message: "" });
    expect(parse('S{"line":-1}')).toMatchObject({ kind: "syntax", fault: { line: 0 } });
    expect(parse(`E{"message":"${"x".repeat(200_000)}"}`).kind).toBe("unfit");
    expect(parse("Xnonsense")).toEqual({ kind: "exit", code: 0 });
  });
});
