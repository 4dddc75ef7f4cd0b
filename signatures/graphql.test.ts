import { describe, expect, it } from "vitest";
import { readGraphql } from "./graphql.ts";
import { showSignature } from "./show-signature.ts";

const API = "api: $graphql | string";

describe("the arguments of a GraphQL document", () => {
  it.each([
    ["{ me { name } }", API],
    ["query { me(id: 1) { name } }", API],
    ["query Q($id: ID!, $n: Int = 3, $s: String) { a(id: $id) { b } }", `${API}, id: string | integer, n?: integer | null = 3, s?: string | null`],
    ["mutation ($a: [String!]!, $b: [[Int]], $c: Boolean! = true) { a }", `${API}, a: string[], b?: ((integer | null)[] | null)[] | null, c?: boolean = true`],
    ['query ($in: UserInput!, $f: Float! @deprecated(reason: "x") $e: Color = RED) { a }', `${API}, in: any, f: number, e?: any = "RED"`],
    [
      'query ($a: [Int] = [1, 2], $b: X = {k: "v\\n", l: [null]}, $c: String = """\nblock "x"\n""") { a }',
      `${API}, a?: (integer | null)[] | null = [1,2], b?: any = {"k":"v\\n","l":[null]}, c?: string | null = "block \\"x\\""`,
    ],
    ["# query ($no: Int) {}\nfragment F on User { query }\n\nsubscription S($x: Int) { a ...F }\nquery Other($y: Int) { b }", `${API}, x?: integer | null`],
  ])("%j", (code, expected) => {
    const { signature, problems } = readGraphql(code);
    expect(problems).toEqual([]);
    expect(showSignature(signature)).toBe(expected);
  });

  it.each([
    ["query ($id ID!) { a }", 1, 12, "unexpected `ID`"],
    ["query ($id: ID! {\n  a\n}", 1, 7, "'(' is never closed"],
    ["query {\n  a {\n}", 1, 7, "'{' is never closed"],
    ['query { a(b: "x) }', 1, 14, "this string is never closed"],
    ["query { a ; }", 1, 11, "unexpected `;`"],
    ["fragment F on User { a }", 1, 25, "there is no operation"],
    ["", 1, 1, "there is no operation"],
  ])("says where %j is broken", (code, line, column, message) => {
    const { problems } = readGraphql(code);
    expect(problems.map((problem) => [problem.line, problem.column, problem.message])).toEqual([[line, column, message]]);
  });
});
