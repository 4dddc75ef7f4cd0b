import { describe, expect, it } from "vitest";
import { readRust } from "./rust.ts";
import { showSignature } from "./show-signature.ts";

/** Declarations beside `main`, the parameter list, the expected signature. */
const TYPES: readonly (readonly [declarations: string, parameters: string, expected: string])[] = [
  ["", "", ""],
  ["", "name: String, count: i64, ratio: f32, on: bool", "name: string, count: integer, ratio: number, on: boolean"],
  ["", "a: &str, b: &'static str, mut c: usize, d: char, e: &mut Vec<u8>", "a: string, b: string, c: integer, d: string, e: integer[]"],
  ["", "a: Option<Vec<String>>, b: std::option::Option<i32>", "a?: string[] | null, b?: integer | null"],
  ["", "a: Vec<Vec<i32>>, b: [f64; 3], c: &[String], d: (i64, String), e: ()", "a: integer[][], b: number[], c: string[], d: (integer | string)[], e: null"],
  [
    "use std::collections::HashMap;",
    "a: HashMap<String, i32>, b: std::collections::BTreeMap<String, serde_json::Value>, c: serde_json::Map<String, Value>",
    "a: {[*]: integer}, b: {}, c: {}",
  ],
  ["", "a: serde_json::Value, b: Value, c: impl Into<String>, d: T", "a: any, b: any, c: any, d: any"],
  ["", "a: Box<i32>, b: std::borrow::Cow<'static, str>, c: Arc<Mutex<Vec<bool>>>", "a: integer, b: string, c: boolean[]"],
  ["", "a: chrono::DateTime<Utc>, b: NaiveDate, c: uuid::Uuid, d: Decimal", "a: date-time, b: date, c: uuid, d: number | string"],
  ["#[derive(Deserialize)]\nstruct P { a: i32, pub b: Option<String>, r#type: bool }", "p: P", "p: {a: integer, b?: string | null, type: boolean}"],
  [
    '#[derive(Deserialize)]\n#[serde(rename_all = "camelCase")]\nstruct P {\n    first_name: String,\n    #[serde(default)]\n    old_age: i32,\n    #[serde(rename = "x")]\n    y: i32,\n    #[serde(skip)]\n    z: i32,\n}',
    "p: P, ps: Vec<P>",
    "p: {firstName: string, oldAge?: integer, x: integer}, ps: {firstName: string, oldAge?: integer, x: integer}[]",
  ],
  ["struct B { id: i64 }\nstruct P {\n    #[serde(flatten)]\n    /// doc\n    b: B,\n    n: i32 }", "p: P", "p: {id: integer, n: integer}"],
  [
    "struct W(i64);\nstruct Q(i64, String);\nstruct U;\n#[serde(transparent)]\nstruct T { v: Vec<i32> }",
    "w: W, q: Q, u: U, t: T",
    "w: integer, q: (integer | string)[], u: null, t: integer[]",
  ],
  ["enum C { Red, Blue }", "c: C", 'c: "Red"|"Blue"'],
  ['#[serde(rename_all = "kebab-case")]\nenum C { DarkRed, #[serde(rename = "b")] Blue, #[serde(skip_deserializing)] No }', "c: C", 'c: "dark-red"|"b"'],
  ["enum E { A, B(i64), C { x: String } }", "e: E", 'e: "A" | {B: integer} | {C: {x: string}}'],
  ['#[serde(untagged)]\nenum E { A(i64), B(String) }\n#[serde(tag = "t")]\nenum F { X { a: i32 } }', "e: E, f: F", "e: integer | string, f: {}"],
  ["type Ids = Vec<Id>;\ntype Id = i64;", "a: Ids", "a: integer[]"],
  ["struct N { next: Option<Box<N>>, all: Vec<N> }", "n: N", "n: {next?: any, all: any[]}"],
  ["", "_: i32, (a, b): (i32, i32)", "arg1: integer, arg2: integer[]"],
];

describe("parameter types of Rust", () => {
  it.each(TYPES)("%s main(%s)", async (declarations, parameters, expected) => {
    const { signature, problems } = await readRust(`${declarations}\nfn main(${parameters}) -> anyhow::Result<i64> {\n    Ok(1)\n}\n`);
    expect(problems).toEqual([]);
    expect(showSignature(signature)).toBe(expected);
  });
});

describe("the main of a Rust file", () => {
  it.each([
    ["#[tokio::main]\npub async fn main(a: i32) -> Result<(), String> { Ok(()) }\n", "a: integer"],
    ["//! ```cargo\n//! [dependencies]\n//! ```\nfn main() {}\n", ""],
    ["mod inner { fn main(a: i32) {} }\nimpl X { fn main(&self) {} }\n", "no main"],
    ["", "no main"],
  ])("%j", async (code, expected) => {
    const { signature, problems } = await readRust(code);
    expect(problems).toEqual([]);
    expect(showSignature(signature)).toBe(expected);
  });

  it.each([
    ["fn main(a: i32) -> i32 {\n    a +\n}\n", 3, 1, "unexpected `}`"],
    ["fn main(a: i32 -> i32 { a }\n", 1, 16, "unexpected `-`"],
    ["fn main() {\n    let x = vec![1, 2;\n}\n", 3, 1, "unexpected `}`"],
    ["fn main() {\n    if true {\n    }\n", 1, 11, "'{' is never closed"],
  ])("says where %j is broken", async (code, line, column, message) => {
    const { problems } = await readRust(code);
    expect(problems.map((problem) => [problem.line, problem.column, problem.message])).toEqual([[line, column, message]]);
  });

  it("reads what it can from broken code", async () => {
    const { signature } = await readRust("fn main(a: i32, b: Vec<String>) -> i32 {\n    a +\n}\n");
    expect(showSignature(signature)).toBe("a: integer, b: string[]");
  });
});
