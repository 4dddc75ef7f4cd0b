import { afterEach, describe, expect, it } from "vitest";
import { inferSignature } from "./infer.ts";
import { ParserProcess, type ParserProcessOptions } from "./parser-process.ts";
import { showSignature } from "./show-signature.ts";

const open: ParserProcess[] = [];
function parserProcess(options: ParserProcessOptions = {}): ParserProcess {
  const created = new ParserProcess(options);
  open.push(created);
  return created;
}
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop("test");
});

const PYTHON = "def main(a: int): ...\n";

describe("inferSignature", () => {
  it("reads all languages", async () => {
    const readings = await Promise.all([
      inferSignature("python3", PYTHON),
      inferSignature("typescript", "export function main(a: string) {}"),
      inferSignature("javascript", "export function main(a) {}"),
      inferSignature("bash", 'a="$1"\n'),
    ]);
    expect(readings.map(({ signature }) => showSignature(signature))).toEqual(["a: integer", "a: string", "a: any", "a: string | number | boolean"]);
  });

  it("gives syntax errors as values", async () => {
    const { problems } = await inferSignature("python3", "def main(x)\n    pass\n");
    expect(problems).toEqual([{ message: "unexpected end of line", line: 1, column: 12, text: "def main(x)" }]);
  });
});

const DEEP: readonly (readonly ["typescript" | "python3" | "javascript" | "bash", string, string])[] = [
  ["typescript", "100,000 opening parentheses", "(".repeat(100_000)],
  ["typescript", "100,000 nested object types", `type A = ${"{a:".repeat(100_000)}1${"}".repeat(100_000)}`],
  ["javascript", "100,000 times else if", `if(a){}${"else if(a){}".repeat(80_000)}`],
  ["javascript", "100,000 operators", `x = 1${"+1".repeat(100_000)}`],
];

describe("the parser process", () => {
  it.each(DEEP)("outlives %s with %s", async (language, _name, code) => {
    const parser = parserProcess();
    expect((await parser.read(language, code)).problems[0]?.message).toBe("the code is nested too deeply");
    expect(showSignature((await parser.read("python3", PYTHON)).signature)).toBe("a: integer");
  });

  it("reads deeply nested Python without harm", async () => {
    const parser = parserProcess();
    expect((await parser.read("python3", "(".repeat(100_000))).problems[0]).toMatchObject({ message: "'(' is never closed", line: 1 });
    expect((await parser.read("python3", `x = ${"[".repeat(50_000)}${"]".repeat(50_000)}\n${PYTHON}`)).problems).toEqual([]);
  });

  it("gives up on code that takes too long, and goes on with the next", async () => {
    const parser = parserProcess({ timeoutMs: 400 });
    // Each level doubles the work: this would take days.
    const slow = parser.read("typescript", `x=${"f<(a=".repeat(40)}1`);
    const next = parser.read("bash", 'a="$1"\n');
    expect((await slow).problems[0]?.message).toBe("the code takes too long to read: it is too complex");
    expect(showSignature((await next).signature)).toBe("a: string | number | boolean");
  });

  it("serves requests in order with one child", async () => {
    const parser = parserProcess();
    const readings = await Promise.all(Array.from({ length: 30 }, (_, index) => parser.read("python3", `def main(a${index}): ...\n`)));
    expect(readings.map(({ signature }) => signature.parameters[0]?.name)).toEqual(Array.from({ length: 30 }, (_, index) => `a${index}`));
  });

  it("tries again when somebody else killed the child", async () => {
    const parser = parserProcess();
    await parser.read("bash", "");
    const { pid } = parser;
    const reading = parser.read("python3", `${"x = [1, 2, 3]\n".repeat(10_000)}${PYTHON}`);
    if (pid !== undefined) process.kill(pid, "SIGKILL");
    expect(showSignature((await reading).signature)).toBe("a: integer");
    expect(parser.pid).not.toBe(pid);
  });

  it("refuses more waiting requests than its bound", async () => {
    const parser = parserProcess({ maxWaiting: 2 });
    const accepted = [parser.read("bash", ""), parser.read("bash", "")];
    await expect(parser.read("bash", "")).rejects.toMatchObject({ code: "resource_exhausted", retryable: true });
    await expect(Promise.all(accepted)).resolves.toHaveLength(2);
  });

  it("refuses requests after it was stopped, those that wait included", async () => {
    const parser = parserProcess();
    const waiting = parser.read("bash", "");
    const refused = expect(waiting).rejects.toMatchObject({ code: "unavailable" });
    await parser.stop("test");
    await refused;
    await expect(parser.read("bash", "")).rejects.toMatchObject({ code: "unavailable" });
    expect(parser.pid).toBeUndefined();
  });

  it("gives its child no environment", async () => {
    const parser = parserProcess();
    await parser.read("bash", "");
    const { readFile } = await import("node:fs/promises");
    const environment = await readFile(`/proc/${parser.pid ?? 0}/environ`, "utf8");
    expect(environment.split("\0").filter((entry) => entry !== "" && !entry.startsWith("NODE_CHANNEL_"))).toEqual([]);
  });
});
