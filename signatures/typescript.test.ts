import { describe, expect, it } from "vitest";
import { showSignature } from "./show-signature.ts";
import { readTypeScript } from "./typescript.ts";
import { WorkBudget } from "./work-budget.ts";

/** Declarations in front of `main`, the parameter list, the expected signature. */
const TYPES: readonly (readonly [declarations: string, parameters: string, expected: string])[] = [
  ["", "", ""],
  ["", "a: string, b: number, c: boolean", "a: string, b: number, c: boolean"],
  ["", "a: bigint", "a: integer"],
  ["", "a: Date", "a: date-time"],
  ["", "a: null", "a: null"],
  ["", "a: any, b: unknown, c: object, d: {}", "a: any, b: any, c: {}, d: {}"],
  ["", "a", "a: any"],
  ["", "a: string[], b: Array<number>, c: ReadonlyArray<Date>, d: readonly string[]", "a: string[], b: number[], c: date-time[], d: string[]"],
  ["", "a: (string | number)[]", "a: (string | number)[]"],
  ["", "a: [string, number]", "a: any[]"],
  ["", "a: Set<string>, b: Map<string, number>", "a: string[], b: {[*]: number}"],
  ["", "a: Record<string, number>", "a: {[*]: number}"],
  ["", "a: Record<string, any>", "a: {}"],
  ["", 'a: Record<"x" | "y", number>', "a: {x: number, y: number}"],
  ["", "a: { [key: string]: boolean }", "a: {[*]: boolean}"],
  ["", "a: { name: string; age?: number }", "a: {name: string, age?: number}"],
  ["", "a: { deep: { deeper: { x: Date }[] } }", "a: {deep: {deeper: {x: date-time}[]}}"],
  ["", "a: { 'quoted-name': string; 7: number; m(): void; [Symbol.iterator]: any }", "a: {quoted-name: string, 7: number}"],
  ["", 'a: "x" | "y"', 'a: "x"|"y"'],
  ["", 'a: "only"', 'a: "only"'],
  ["", "a: 1 | 2 | -3", "a: 1|2|-3"],
  ["", "a: true | false", "a: boolean"],
  ["", 'a: "x" | string', "a: string"],
  ["", 'a: "x" | null', 'a: "x" | null'],
  ["", "a: string | null", "a: string | null"],
  ["", "a: string | undefined", "a?: string"],
  ["", "a: (number | (null | undefined))", "a?: number | null"],
  ["", "a: { x: string | undefined }", "a: {x?: string}"],
  ["", "a: string | any", "a: any"],
  ["", "a?: number", "a?: number"],
  ["", "a: `id-${string}`", "a: string"],
  ["", "a = 5, b = 'x', c = true, d = null", 'a?: number = 5, b?: string = "x", c?: boolean = true, d?: any = null'],
  ["", "a: number = -1.5, b: string[] = ['x', 'y'], c = { k: [1, { z: null }] }", 'a?: number = -1.5, b?: string[] = ["x","y"], c?: {} = {"k":[1,{"z":null}]}'],
  ["", "a: Date = new Date(), b = process.env.X, c = [...x], d = `a${1}`, e = `plain`", 'a?: date-time, b?: any, c?: any, d?: any, e?: string = "plain"'],
  ["const LIMIT = 10; const OPTIONS = { n: LIMIT } as const;", "a = LIMIT, b = OPTIONS, c = LATER", 'a?: number = 10, b?: {} = {"n":10}, c?: any'],
  ["const A = B; const B = A;", "a = A", "a?: any"],
  ["", "a = 9007199254740993n, b = 1e999, c = 12n", "a?: any, b?: any, c?: number = 12"],
  ["type Name = string; type Names = Name[];", "a: Names", "a: string[]"],
  ['type Level = "low" | "high" | undefined;', "a: Level", 'a?: "low"|"high"'],
  ["interface User { id: number; tags?: string[] }", "a: User, b: User[]", "a: {id: number, tags?: string[]}, b: {id: number, tags?: string[]}[]"],
  ["interface A { x: string } interface B extends A { y: number } interface B { z: boolean }", "a: B", "a: {x: string, y: number, z: boolean}"],
  ["export type P = { a: string } & { b: number };", "a: P", "a: {a: string, b: number}"],
  ["type Id = string & { readonly brand: unique symbol };", "a: Id", "a: string"],
  ["interface Tree { value: string; children: Tree[] }", "a: Tree", "a: {value: string, children: any[]}"],
  ["type A = B; type B = A;", "a: A", "a: any"],
  [
    "type Page<T, K = string> = { items: T[]; next: K };",
    "a: Page<number>, b: Page<Page<Date>, null>",
    "a: {items: number[], next: string}, b: {items: {items: date-time[], next: string}[], next: null}",
  ],
  [
    "type U = { a: string; b?: number; c: Date };",
    "a: Partial<U>, b: Required<U>",
    "a: {a?: string, b?: number, c?: date-time}, b: {a: string, b: number, c: date-time}",
  ],
  [
    "type U = { a: string; b?: number; c: Date };",
    'a: Pick<U, "a" | "b">, b: Omit<U, "c">, c: Readonly<U>["a"]',
    "a: {a: string, b?: number}, b: {a: string, b?: number}, c: any",
  ],
  ['enum Colour { Red = "red", Blue = "blue" } enum Size { S, M = 5, L }', "a: Colour, b: Size", 'a: "red"|"blue", b: 0|5|6'],
  ['const LEVELS = ["low", "high"] as const;', "a: (typeof LEVELS)[number]", 'a: "low"|"high"'],
  ["const TABLE = { x: 1, y: 2 };", "a: keyof typeof TABLE, b: (typeof TABLE)[keyof typeof TABLE], c: keyof X", 'a: "x"|"y", b: 1|2, c: any'],
  ["", "a: Postgresql, b: CSlackBot, c: RT.GitHub", "a: $postgresql, b: $c_slack_bot, c: $git_hub"],
  [
    'import type { Colour } from "./x.ts"; import * as wmill from "windmill-client";',
    "a: Colour, b: wmill.Base64, c: wmill.Other<string>",
    "a: any, b: bytes, c: any",
  ],
  ["", "a: Buffer, b: Uint8Array, c: Base64, d: Email, e: Sql", "a: bytes, b: bytes, c: bytes, d: email, e: string"],
  [
    "",
    "a: () => void, b: typeof x, c: A extends B ? C : D, d: { [K in X]: string }, e: import('x').Y, f: lower",
    "a: any, b: any, c: any, d: any, e: any, f: any",
  ],
  ["class Point { x = 1 }", "a: Point", "a: {}"],
  ["", "this: Context, a: string", "a: string"],
  ["", "a: string, ...rest: number[]", "a: string"],
  ["", "{ a, b = 2 }: { a: string; b?: number; c: Date }", "a: string, b?: number = 2, c: date-time"],
  ["", "{ a, b = 2, ...rest }", "a: any, b?: number = 2, ..."],
  ["", "{ a } = {}", "a?: any"],
  ["interface In { a: string; b: { c: number } }", "{ a, b: { c } }: In", "a: string, b: {c: number}"],
  ["", "{ a }: Record<string, number>", "a?: number, ..."],
  ["", "{ a }: any", "a?: any, ..."],
  ["", "{ a }: { a: string }, b: number, [c]", "arg1: {a: string}, b: number, arg3: any[]"],
];

describe("parameter types of TypeScript", () => {
  it.each(TYPES)("%s main(%s)", (declarations, parameters, expected) => {
    const { signature, problems } = readTypeScript(`${declarations}\nexport async function main(${parameters}) {}`, "typescript");
    expect(problems).toEqual([]);
    expect(showSignature(signature)).toBe(expected);
  });
});

const MAINS: readonly (readonly [code: string, expected: string])[] = [
  ["export function main(a: string) {}", "a: string"],
  ["export async function* main(a: string) {}", "a: string"],
  ["export const main = (a: string) => a;", "a: string"],
  ["export const main = async function (a: string) {};", "a: string"],
  ["export const other = 1, main = ((a: string) => a) as Handler;", "a: string"],
  ["export let main = async <T extends { x: number }>(a: T, b: T[]) => a;", "a: {x: number}, b: {x: number}[]"],
  ["function main(a: string) {}\nexport { main };", "a: string"],
  ["export { run as main };\nconst run = (a: number) => a;", "a: number"],
  ["export function main(a: string): void;\nexport function main(a: number): void;\nexport function main(a: any) {}", "a: any"],
  ['export { main } from "./other.ts";', "..."],
  ["export const main = wrap((a: string) => a);", "..."],
  ["export { main };\nimport main from './other.ts';", "..."],
  ["function main(a: string) {}", "no main"],
  ["export default function main(a: string) {}", "no main"],
  ["export type main = string;", "no main"],
  ["export const other = () => { function main() {} };", "no main"],
  ["", "no main"],
];

describe("the main of a TypeScript file", () => {
  it.each(MAINS)("%s", (code, expected) => {
    const { signature, problems } = readTypeScript(code, "typescript");
    expect(problems).toEqual([]);
    expect(showSignature(signature)).toBe(expected);
  });

  it("reads JavaScript too", () => {
    expect(showSignature(readTypeScript("#!/usr/bin/env node\nexport async function main(a, b = 3, { c } = {}) {}", "javascript").signature)).toBe(
      "a: any, b?: number = 3, arg3?: {} = {}",
    );
  });
});

const BROKEN: readonly (readonly [code: string, line: number, column: number, message: RegExp])[] = [
  ["export function main( {\n", 2, 1, /^expected/],
  ["const a = 1;\nconst b = ;\n", 2, 11, /^unexpected token/],
  ["export function main(a: string {}\n", 1, 32, /^expected `,` or `\)`/],
  ["const s = 'abc;\n", 1, 11, /unterminated/i],
  ["const s = `abc\n\n", 1, 11, /unterminated/i],
  ["if (a {\n}\n", 1, 7, /^expected/],
  ["export function main() {\r\n  return [1, 2;\r\n}\r\n", 2, 15, /^expected/],
  ["const é = '😀', b = = 1;", 1, 21, /^unexpected token/],
  ["def main(x):\n    return x\n", 1, 4, /semicolon/],
  ["a\nb\n}\n", 3, 1, /^unexpected token/],
  ["let a = 08n;", 1, 11, /^expected|semicolon|invalid/i],
  ["/* never closed\n", 1, 1, /unterminated|comment/i],
];

describe("syntax errors in TypeScript", () => {
  it.each(BROKEN)("%j", (code, line, column, message) => {
    const [problem] = readTypeScript(code, "typescript").problems;
    expect(problem).toMatchObject({ line, column });
    expect(problem?.message).toMatch(message);
    expect(problem?.text).toBe(code.split(/\r?\n/)[line - 1]);
  });

  it("allows types in TypeScript and refuses them in JavaScript", () => {
    const code = "export function main(a: string) {}";
    expect(readTypeScript(code, "typescript").problems).toEqual([]);
    expect(readTypeScript(code, "javascript").problems).toHaveLength(1);
  });

  it("accepts CommonJS in JavaScript without module syntax", () => {
    expect(readTypeScript("with (a) { b }\nreturn 1;", "javascript").problems).toEqual([]);
    expect(readTypeScript("const x = await f();", "javascript").problems).toEqual([]);
  });

  it("lets pass what only a type checker minds", () => {
    const { signature, problems } = readTypeScript("export function main(a?: string, b: number) {}", "typescript");
    expect(problems).toEqual([]);
    expect(showSignature(signature)).toBe("a?: string, b: number");
  });

  it("reads modern syntax without a problem", () => {
    const code = `
      import fs, { type Stats } from "node:fs";
      export const main = async (a: string) => {
        await using file = await open(a);
        label: for await (const x of y) { if (x?.#p ?? 1n ** 2n) continue label; }
        class A<const T> extends B { static { this.x ||= 1; } accessor y = 2; #z; declare q: string }
        const z = a satisfies string; const r = /[\\p{L}--[a-z]]/v; const t = tag\`x\${1}\`;
        abstract class C { abstract m(): void } enum E { A } namespace N { export const q = 1 }
        return import.meta.url as const;
      };
      @decorator export class D { constructor(private readonly a: string) {} }`;
    expect(readTypeScript(code.replace("as const", ""), "typescript").problems).toEqual([]);
  });
});

describe("bounds", () => {
  it("reads a type of astronomical size as anything beyond the budget", () => {
    const doubling = Array.from({ length: 60 }, (_, index) => `type T${index + 1} = { a: T${index}; b: T${index} };`).join("\n");
    const budget = new WorkBudget();
    const { signature } = readTypeScript(`type T0 = string;\n${doubling}\nexport function main(a: T60) {}`, "typescript", budget);
    expect(budget.spent).toBe(budget.limit);
    expect(JSON.stringify(signature).length).toBeLessThan(2_000_000);
  });

  it("counts what generic arguments cost when they are written out", () => {
    const nested = `${"D<".repeat(25)}string${">".repeat(25)}`;
    const budget = new WorkBudget();
    const { signature } = readTypeScript(`type D<T> = { a: T; b: T };\nexport function main(a: ${nested}) {}`, "typescript", budget);
    expect(budget.spent).toBe(budget.limit);
    expect(JSON.stringify(signature).length).toBeLessThan(4_000_000);
  });

  it("keeps members with dangerous names as plain members", () => {
    const { signature } = readTypeScript("export function main(__proto__: string, a: { constructor: string } = { ['__proto__']: 1 }) {}", "typescript");
    expect(signature.parameters.map((parameter) => parameter.name)).toEqual(["__proto__", "a"]);
    expect(Object.hasOwn(Object(signature.parameters[1]?.default), "__proto__")).toBe(true);
  });
});
