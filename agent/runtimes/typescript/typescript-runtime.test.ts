import { afterAll, describe, expect, it } from "vitest";
import { openTestExecution, runScript } from "../../runner/attempt-harness.ts";

const opened = await openTestExecution({ nodeHeapMb: 64, languages: ["typescript"] });
afterAll(() => opened.dispose());

describe.skipIf(opened.execution.runtimes.find("typescript") === undefined)("TypeScript", () => {
  const run = (code: string, args = "{}") => runScript(opened.execution, "typescript", code, { args });

  it.each([
    ["enum Size { S = 1, M }\nexport function main() { return Size.M; }", "{}", "2"],
    ["class A { constructor(public b: number) {} }\nexport const main = () => new A(3).b;", "{}", "3"],
    ["export function main(a: string, b = `${a}!`, c?: number) { return [a, b, c ?? null]; }", '{"a":"x"}', '["x","x!",null]'],
    ["export function main({ a, b = 2 }: { a: number; b?: number }) { return [a, b]; }", '{"a":1}', "[1,2]"],
    ["export function main(toString?: string) { return typeof toString; }", "{}", '"undefined"'],
    ["export function main() {}", "{}", "null"],
    ["export function main() { return [undefined, new Date(0), '\\ud800\\0']; }", "{}", '[null,"1970-01-01T00:00:00.000Z","\\ud800\\u0000"]'],
    [
      "export function main() { const shared = { a: 1 }; return { x: shared, y: [shared, { z: shared }] }; }",
      "{}",
      '{"x":{"a":1},"y":[{"a":1},{"z":{"a":1}}]}',
    ],
    ["export function main() { setInterval(() => {}, 1000); return 1; }", "{}", "1"],
    ["const x: number = await Promise.resolve(4);\nexport function main() { return x; }", "{}", "4"],
    ["import { createHash } from 'node:crypto';\nexport function main() { return createHash('md5').update('a').digest('hex').length; }", "{}", "32"],
  ])("runs %s", async (code, args, resultJson) => {
    expect(await run(code, args)).toMatchObject({ exit: { reason: "succeeded" }, resultJson, stderr: "" });
  });

  it.each([
    ["export function main(a: string) {}", '{"b":1}', "UnknownArgument", "`b`; it takes: a"],
    ["export function other() {}", "{}", "InvalidArgument", "no function `main`"],
    ["export function main() { throw 'text'; }", "{}", "Thrown", "text"],
    ["export function main() { throw { a: 1 }; }", "{}", "Thrown", '{"a":1}'],
    ["export function main() { JSON.parse('{'); }", "{}", "SyntaxError", "JSON"],
    ["JSON.parse('{');\nexport function main() {}", "{}", "SyntaxError", "JSON"],
    ["export function main() { return new Promise(() => {}); }", "{}", "Unfinished", "pending"],
    [
      "export async function main() { setTimeout(() => { throw new RangeError('late'); }); await new Promise((done) => setTimeout(done, 60000)); }",
      "{}",
      "RangeError",
      "late",
    ],
    [
      "export async function main() { Promise.reject(new RangeError('lost')); await new Promise((done) => setTimeout(done, 60000)); }",
      "{}",
      "RangeError",
      "lost",
    ],
    ["import './no-such-file.mjs';\nexport function main() {}", "{}", "Error", "no-such-file"],
  ])("explains %s", async (code, args, name, message) => {
    const outcome = await run(code, args);
    expect(outcome.exit).toMatchObject({ reason: "exit_code", code: 1 });
    expect(JSON.parse(outcome.resultJson).error).toMatchObject({ name, message: expect.stringContaining(message) });
  });

  it.each([
    ["a NaN", "({ a: [NaN] })", "at $.a[0]: NaN"],
    ["a Set", "({ a: new Set() })", "at $.a: a Set"],
    ["a function", "(() => 1)", "at $: a function"],
    ["a cycle", "(() => { const a: Record<string, unknown> = { b: { c: 1 } }; a.d = [a]; return a; })()", "at $.d[0]: the value contains itself"],
    ["a value nested too deep", "Array.from({ length: 200 }).reduce((a) => [a], 1)", "128 levels"],
  ])("refuses %s as a result", async (_, expression, message) => {
    const outcome = await run(`export function main() { return ${expression}; }`);
    expect(outcome.exit).toMatchObject({ reason: "result_invalid", message: expect.stringContaining(message) });
  });

  it("says that the heap was full", async () => {
    const outcome = await run("export function main() { const all: string[] = []; for (let i = 0; ; i++) all.push(`${i}`.repeat(100).split('').join('-')); }");
    expect(outcome.exit).toMatchObject({ reason: "out_of_memory" });
  });

  it("keeps the lines of a script that needs more than stripping", async () => {
    const outcome = await run("enum A {\n  B,\n  C,\n}\nexport function main() {\n  throw new Error(String(A.C));\n}\n");
    expect(JSON.parse(outcome.resultJson).error.stack).toContain("main.ts:6:9");
  });

  it("honours an exit code that was only set", async () => {
    expect((await run("export function main() { process.exitCode = 4; return 1; }")).exit).toMatchObject({ reason: "exit_code", code: 4 });
  });
});
