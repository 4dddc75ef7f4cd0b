import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readJobArgs, readTextFile } from "./job-args.ts";

const files: Record<string, string> = { "args.json": '{"n": 1}', "data.csv": "a,b\n", "list.json": "[1]" };
const read = (path: string): string => files[path] ?? `missing ${path}`;
const args = (json: string | undefined, ...pairs: string[]): string => JSON.stringify(readJobArgs(json, pairs, read));

describe("readJobArgs", () => {
  it("takes an object, also from a file", () => {
    expect(args('{"n": 3, "s": "x"}')).toBe('{"n":3,"s":"x"}');
    expect(args("@args.json")).toBe('{"n":1}');
    expect(args(undefined)).toBe("{}");
  });

  it("reads a value as JSON when it is JSON, as text otherwise, as a file's text after @", () => {
    expect(args(undefined, "n=3", "on=true", 'list=[1,"a"]', 's="3"', "name=Ada Lovelace", "eq=a=b", "empty=", "csv=@data.csv")).toBe(
      '{"n":3,"on":true,"list":[1,"a"],"s":"3","name":"Ada Lovelace","eq":"a=b","empty":"","csv":"a,b\\n"}',
    );
  });

  it("lets --arg win over --args, and the later over the earlier", () => {
    expect(args('{"n":1,"m":2}', "n=3", "n=4")).toBe('{"n":4,"m":2}');
  });

  it("keeps all digits of large numbers", () => {
    expect(args('{"a":12345678901234567890}', "b=98765432109876543210")).toBe('{"a":12345678901234567890,"b":98765432109876543210}');
  });

  it("takes __proto__ for a name like any other", () => {
    expect(args('{"__proto__":1}', "constructor=2")).toBe('{"__proto__":1,"constructor":2}');
  });

  it.each([
    ["no JSON", ["{n: 3}"], "--args is not JSON"],
    ["no object", ["[1]"], "--args is not a JSON object"],
    ["no object in the file", ["@list.json"], "--args is not a JSON object"],
    ["no JSON in the file", ["@data.csv"], "data.csv is not JSON"],
    ["no name", [undefined, "=3"], "has no name"],
    ["no sign", [undefined, "n"], "has no name"],
  ] as const)("refuses %s", (_name, [json, ...pairs], message) => {
    expect(() => readJobArgs(json, pairs, read)).toThrow(message);
  });
});

describe("readTextFile", () => {
  it("refuses what is not there and what is not UTF-8", () => {
    const folder = mkdtempSync(join(tmpdir(), "millrace-args-"));
    writeFileSync(join(folder, "latin1"), Buffer.from([0x66, 0xfc, 0x72]));
    expect(() => readTextFile(join(folder, "none"))).toThrow("cannot be read");
    expect(() => readTextFile(join(folder, "latin1"))).toThrow("is not UTF-8 text");
  });
});
