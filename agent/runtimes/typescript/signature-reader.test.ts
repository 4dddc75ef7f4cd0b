import { afterEach, describe, expect, it } from "vitest";
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
    expect(await nested).toMatchObject({ kind: "syntax", fault: { message: expect.stringContaining("nested") } });
    expect(await next).toMatchObject({ kind: "signature", parameters: [{ name: "a" }] });
  });

  it("answers many questions at once, each its own, and keeps languages apart", async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => reader.read(`export function main(a${index}) {}`, "typescript")));
    expect(answers.map((answer) => (answer.kind === "signature" ? answer.parameters[0]?.name : ""))).toEqual(
      Array.from({ length: 50 }, (_, index) => `a${index}`),
    );
    const typed = "export function main(a: string) {}";
    expect((await reader.read(typed, "typescript")).kind).toBe("signature");
    expect((await reader.read(typed, "javascript")).kind).toBe("syntax");
  });

  it("asks once for the same code", async () => {
    const [first, second] = await Promise.all([reader.read("export function main() {}", "typescript"), reader.read("export function main() {}", "typescript")]);
    expect(second).toBe(first);
  });
});
