import { describe, expect, it } from "vitest";
import { readGo } from "./go.ts";
import { showSignature } from "./show-signature.ts";

/** Declarations beside `main`, the parameter list, the expected signature. */
const TYPES: readonly (readonly [declarations: string, parameters: string, expected: string])[] = [
  ["", "", ""],
  ["", "name string, count int, ratio float64, on bool", "name: string, count: integer, ratio: number, on: boolean"],
  ["", "a, b int64, c ...string", "a: integer, b: integer, c?: string[]"],
  ["", "a []int, b [3]string, c [][]bool, d []byte, e [4]byte", "a: integer[], b: string[], c: boolean[][], d: bytes, e: integer[]"],
  ["", "a map[string]int, b map[string]interface{}, c map[string][]any", "a: {[*]: integer}, b: {}, c: {[*]: any[]}"],
  ["", "a interface{}, b any, c error, d func(int) error, e chan int", "a: any, b: any, c: any, d: any, e: any"],
  ["", "a *string, b *[]int", "a?: string | null, b?: integer[] | null"],
  [
    'import ("time"; "encoding/json")',
    "a time.Time, b time.Duration, c json.RawMessage, d json.Number, e *time.Time",
    "a: date-time, b: integer, c: any, d: number, e?: date-time | null",
  ],
  ["", 'opts struct{ A int `json:"a"`; B string `json:"b,omitempty"`; C *int `json:"c"` }', "opts: {a: integer, b?: string, c?: integer | null}"],
  ['type User struct {\n\tName string\n\tage int\n\tSkip int `json:"-"`\n}', "u User, us []User", "u: {Name?: string}, us: {Name?: string}[]"],
  [
    'type Base struct { ID int "json:\\"id\\"" }\ntype User struct {\n\tBase\n\tName string `yaml:"n" json:"name"`\n}',
    "u User",
    "u: {id: integer, name: string}",
  ],
  ['type Base struct { ID int `json:"id"` }\ntype User struct { *Base; In Base `json:"in"` }', "u User", "u: {id: integer, in: {id: integer}}"],
  ['type N struct { ID int `json:"id,string"` }', "n N", "n: {id: string}"],
  ['type Node struct { Next *Node `json:"next"`; All []Node `json:"all"` }', "n Node", "n: {next?: any, all: any[]}"],
  ["type Kind string\ntype Ids = []Kind\ntype (\n\tA int\n\tB struct{}\n)", "k Kind, i Ids, a A, b B", "k: string, i: string[], a: integer, b: {}"],
  ["type T T\ntype A []B\ntype B []A", "t T, a A", "t: any, a: any[][]"],
  ["", "string, int", "arg1: string, arg2: integer"],
  ["", "_ int, b string", "arg1: integer, b: string"],
  ['type Pair[T any] struct { V T `json:"v"` }', "p Pair[int], q pq.Conn", "p: any, q: any"],
];

describe("parameter types of Go", () => {
  it.each(TYPES)("%s main(%s)", async (declarations, parameters, expected) => {
    const { signature, problems } = await readGo(`package inner\n${declarations}\nfunc main(${parameters}) (interface{}, error) {\n\treturn nil, nil\n}\n`);
    expect(problems).toEqual([]);
    expect(showSignature(signature)).toBe(expected);
  });
});

describe("the main of a Go file", () => {
  it.each([
    ["package main\nfunc Main(a int) int { return a }\n", "a: integer"],
    ["package main\nfunc main() {}\n", ""],
    ["package inner\nfunc Main(a int) {}\nfunc main(b string) {}\n", "b: string"],
    ["package inner\ntype T int\nfunc (t T) main(a int) {}\n", "no main"],
    ["package inner\nvar main = func(a int) {}\n", "no main"],
    ["", "no main"],
  ])("%j", async (code, expected) => {
    const { signature, problems } = await readGo(code);
    expect(problems).toEqual([]);
    expect(showSignature(signature)).toBe(expected);
  });

  it.each([
    ["package inner\n\nfunc main(a int) int {\n\treturn a +\n}\n", 5, 1, "unexpected `}`"],
    ["package inner\nfunc main(a int {\n}\n", 2, 17, "unexpected `{`"],
    ["package inner\nfunc main(a int) {\n\tif a > 1 {\n\t}\n", 2, 18, "'{' is never closed"],
    ["package inner\nfunc main() { x := 'ab }\n", 2, 20, "unexpected `'`"],
  ])("says where %j is broken", async (code, line, column, message) => {
    const { problems } = await readGo(code);
    expect(problems.map((problem) => [problem.line, problem.column, problem.message])).toEqual([[line, column, message]]);
  });

  it("reads what it can from broken code", async () => {
    const { signature } = await readGo("package inner\nfunc main(a int, b []string) int {\n\treturn a +\n}\n");
    expect(showSignature(signature)).toBe("a: integer, b: string[]");
  });
});
