import { describe, expect, it } from "vitest";
import { readJava } from "./java.ts";
import { showSignature } from "./show-signature.ts";

/** Members beside `main`, the parameter list, the expected signature. */
const TYPES: readonly (readonly [members: string, parameters: string, expected: string])[] = [
  ["", "", ""],
  [
    "",
    "String name, int count, final long big, double ratio, boolean on, char c",
    "name: string, count: integer, big: integer, ratio: number, on: boolean, c: string",
  ],
  [
    "",
    "Integer a, Long b, Double c, Boolean d, Character e",
    "a?: integer | null, b?: integer | null, c?: number | null, d?: boolean | null, e?: string | null",
  ],
  ["", "List<String> a, Set<Integer> b, java.util.List<List<Long>> c, List d", "a: string[], b: (integer | null)[], c: (integer | null)[][], d: any[]"],
  ["", "Map<String, Object> a, Map<String, Integer> b, Map c", "a: {}, b: {[*]: integer | null}, c: {}"],
  ["", "int[] a, String[][] b, byte[] c, int d[], String... e", "a: integer[], b: string[][], c: bytes, d: integer[], e?: string[]"],
  ["", "Object a, Optional<String> b, List<? extends Number> c, List<?> d, T e", "a: any, b?: string | null, c: number[], d: any[], e: any"],
  ["", "java.time.Instant a, LocalDate b, java.util.UUID c, BigDecimal d, BigInteger e", "a: date-time, b: date, c: uuid, d: number | string, e: integer"],
  [
    "public record P(String a, Integer b, List<P> c) {}",
    "P p, List<P> ps",
    "p: {a: string, b?: integer | null, c: any[]}, ps: {a: string, b?: integer | null, c: any[]}[]",
  ],
  ["enum C { RED, GREEN(1) { void x() {} }; int v; }", "C c", 'c: "RED"|"GREEN"'],
  [
    "static class Base { int id; static int N; transient int t; }\n  static class Q extends Base { private String name; int limit = 10, rest; void m() {} }",
    "Q q",
    "q: {id: integer, name: string, limit?: integer, rest: integer}",
  ],
  ["static class A extends B { int a; }\n static class B extends A { int b; }\n interface I {}", "A a, I i", "a: {b: integer, a: integer}, i: any"],
  ["", "@Nullable String a, List<@NonNull String> b", "a: string, b: string[]"],
];

describe("parameter types of Java", () => {
  it.each(TYPES)("%s main(%s)", async (members, parameters, expected) => {
    const code = `import java.util.*;\npublic class Main {\n  ${members}\n  public static Object main(${parameters}) throws Exception {\n    return null;\n  }\n}\n`;
    const { signature, problems } = await readJava(code);
    expect(problems).toEqual([]);
    expect(showSignature(signature)).toBe(expected);
  });
});

describe("the main of a Java file", () => {
  it.each([
    ["class Main { static int main(P p) { return 1; } }\nrecord P(int a) {}\n", "p: {a: integer}"],
    ["public class Main {\n  public static void main(String[] args) {}\n  public static int main(int a) { return a; }\n}\n", "a: integer"],
    ["public class Main { public static void main(String[] args) {} }\n", "args: string[]"],
    ["public class Main { public Object main(int a) { return a; } }\n", "no main"],
    ["public class Other { public static void main(int a) {} }\n", "no main"],
    ["", "no main"],
  ])("%j", async (code, expected) => {
    const { signature, problems } = await readJava(code);
    expect(problems).toEqual([]);
    expect(showSignature(signature)).toBe(expected);
  });

  it.each([
    ["public class Main {\n  static int main(int a) {\n    return a +;\n  }\n}\n", 3, 15, "unexpected `;`"],
    ["public class Main {\n  static int main(int a) {\n    return a\n  }\n}\n", 4, 3, "unexpected `}`"],
    ["public class Main {\n  static int main(int a) {\n    return a;\n  }\n", 1, 19, "'{' is never closed"],
  ])("says where %j is broken", async (code, line, column, message) => {
    const { problems } = await readJava(code);
    expect(problems.map((problem) => [problem.line, problem.column, problem.message])).toEqual([[line, column, message]]);
  });

  it("reads what it can from broken code", async () => {
    const { signature } = await readJava("public class Main {\n  static int main(int a, List<String> b) {\n    return a +;\n  }\n}\n");
    expect(showSignature(signature)).toBe("a: integer, b: string[]");
  });
});
