import { describe, expect, it } from "vitest";
import { readSignature } from "./read-signature.ts";

function names(code: string, language: "typescript" | "javascript" = "typescript"): unknown {
  const signature = readSignature(code, language);
  return signature.kind === "signature" ? signature.parameters.map((parameter) => (parameter.whole ? "{}" : parameter.name)) : signature.kind;
}

describe("readSignature", () => {
  it.each([
    ["export function main(a: string, b = 2, c?: boolean) {}", ["a", "b", "c"]],
    ["export async function main(a: string): Promise<void> {}", ["a"]],
    ["export const main = async (a: number, ...rest: string[]) => {};", ["a"]],
    ["export const main = (function (a) {}) as unknown as () => void;", ["a"]],
    ["function main(a) {}\nexport { main };", ["a"]],
    ["const run = (x, y) => 1;\nexport { run as main };", ["x", "y"]],
    ["export function main(a: string): void;\nexport function main(a: unknown, b?: number) {}", ["a", "b"]],
    ["export function main(this: Window, a) {}", ["a"]],
    ["export function main({ a, b }: { a: string; b: number }) {}", ["{}"]],
    ["export function main({ a } = { a: 1 }) {}", ["{}"]],
    ["export function main({ a }, b) {}", ["arg1", "b"]],
    ["export function main() {}\nexport function other(a) {}", []],
  ])("reads %s", (code, expected) => {
    expect(names(code)).toEqual(expected);
  });

  it.each([
    "export function other() {}",
    "function main() {}",
    "export default function main() {}",
    "export { main } from './x';",
    "export const main = wrap(1);",
    "export type main = string;",
  ])("finds no main in %s", (code) => {
    expect(names(code)).toBe("no_main");
  });

  it("reports where the code does not parse", () => {
    expect(readSignature("export function main() {\n  const ä = '😀'; let x = ;\n}", "typescript")).toEqual({
      kind: "syntax",
      fault: { message: "Unexpected token", line: 2, column: 27, text: "  const ä = '😀'; let x = ;" },
    });
    expect(names("export function main(a: string) {}", "javascript")).toBe("syntax");
  });

  it.each([
    ["enum A { B }", true],
    ["const enum A { B }", true],
    ["namespace A { export const b = 1; }", true],
    ["class A { constructor(private b: string) {} }", true],
    ["declare enum A { B }", false],
    ["declare namespace A { const b: number; }", false],
    ["interface A { b: string }\ntype C = A['b'];\nconst d = 1 as number;", false],
  ])("knows whether %s needs more than stripping", (code, expected) => {
    expect(readSignature(`${code}\nexport function main() {}`, "typescript")).toMatchObject({ needsTransform: expected });
  });
});
