import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { AGENT_NODE_FLAGS } from "../../node-flags.ts";
import { childrenOf } from "../../sandbox/children.ts";
import { SignatureReader } from "./signature-reader.ts";

let reader = new SignatureReader();
afterEach(() => {
  reader.close();
  reader = new SignatureReader();
});

describe("SignatureReader", () => {
  it("survives code that ends the parser's process, and answers the next question", async () => {
    const nested = reader.read(`export function main() { return ${"(".repeat(300_000)}`, "typescript");
    const next = reader.read("export function main(a) {}", "typescript");
    expect(await nested).toMatchObject({ signature: { kind: "syntax", fault: { message: expect.stringContaining("nested") } } });
    expect(await next).toMatchObject({ signature: { kind: "signature", parameters: [{ name: "a" }] } });
  });

  it("has a helper that is started as agents are: one that reads much had 300 MB otherwise, and kept them", async () => {
    await reader.read("export function main() {}", "typescript");
    const commands = childrenOf(process.pid).map((pid) => readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0"));
    const helper = commands.find((words) => words.some((word) => word.endsWith("/signature-helper.ts")));
    expect(helper?.slice(1, -2)).toEqual(AGENT_NODE_FLAGS);
  });

  it("says so when its helper cannot be started, and answers when it can again", async () => {
    const { execPath } = process;
    process.execPath = "/nowhere/node";
    try {
      await expect(reader.read("export function main(a) {}", "typescript")).rejects.toMatchObject({ code: "unavailable" });
    } finally {
      process.execPath = execPath;
    }
    expect(await reader.read("export function main(b) {}", "typescript")).toMatchObject({ signature: { kind: "signature", parameters: [{ name: "b" }] } });
  });

  it("answers many questions at once, each its own, and keeps languages apart", async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => reader.read(`export function main(a${index}) {}`, "typescript")));
    expect(answers.map(({ signature }) => (signature.kind === "signature" ? signature.parameters[0]?.name : ""))).toEqual(
      Array.from({ length: 50 }, (_, index) => `a${index}`),
    );
    const typed = "export function main(a: string) {}";
    expect((await reader.read(typed, "typescript")).signature.kind).toBe("signature");
    expect((await reader.read(typed, "javascript")).signature.kind).toBe("syntax");
  });

  it("asks once for the same code", async () => {
    const [first, second] = await Promise.all([reader.read("export function main() {}", "typescript"), reader.read("export function main() {}", "typescript")]);
    expect(second).toBe(first);
  });

  it("blanks out types, so that every line and column stays, and leaves to Node what it cannot", async () => {
    const plainOf = async (code: string, language: "typescript" | "javascript" = "typescript"): Promise<string | undefined> =>
      (await reader.read(code, language)).plain;
    expect(await plainOf("export function main(a: string): number {\n  return 1 as number;\n}\n")).toBe(
      "export function main(a        )         {\n  return 1          ;\n}\n",
    );
    expect(await plainOf("export function main() {\n  return <number>1;\n}\n")).toBeUndefined();
    expect(await plainOf("enum A { B }\nexport function main() {}\n")).toBeUndefined();
    expect(await plainOf("export function main() {}\n", "javascript")).toBeUndefined();
  });

  it("forgets the oldest when what it keeps becomes large", async () => {
    const large = (n: number): string => `export function main() {}\n// ${n}${"x".repeat(6_000_000)}\n`;
    const first = await reader.read(large(1), "typescript");
    expect(await reader.read(large(1), "typescript")).toBe(first);
    await reader.read(large(2), "typescript");
    await reader.read(large(3), "typescript");
    const again = await reader.read(large(1), "typescript");
    expect([again === first, again.plain?.length]).toEqual([false, large(1).length]);
  });
});
