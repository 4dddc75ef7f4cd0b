import { describe, expect, it } from "vitest";
import { createArgsValidator } from "../control-plane/scripts/args-schema.ts";
import { fc } from "../kernel/fast-check.fixture.ts";
import { LANGUAGES } from "../kernel/languages.ts";
import { isStorableJson } from "../kernel/storable-text.ts";
import { readSignature } from "./read-signature.ts";
import { MAX_PROBLEMS } from "./source-position.ts";
import { signatureToJsonSchema } from "./to-json-schema.ts";
import { WorkBudget } from "./work-budget.ts";

const SEEDS: Readonly<Record<(typeof LANGUAGES)[number], readonly string[]>> = {
  typescript: [
    "type A<T> = { a: T; b?: A<T>[] } | null;\nexport async function main(a: A<string>, b: 'x' | 'y' = 'x', { c = 1 }: Record<string, number>, ...d: Date[]) {\n  return `${a}`;\n}\n",
    "enum E { A = 'a', B = 2 }\nconst L = ['x'] as const;\ninterface I extends J { [k: string]: E }\nexport const main = (a: (typeof L)[number], b?: Partial<I>) => ({ a, b });\n",
  ],
  javascript: ["export const main = async ({ a, b = { c: [1, -2, 'x'] }, ...rest }) => { for (const x of a) await x; };\n"],
  python3: [
    "from typing import Optional as O, Literal\nclass U(TypedDict, total=False):\n    x: 'list[U]'\n    y: Literal['a', 1]\nasync def main(a: O[U], *, b: dict[str, U] | None = {'x': [1, 'é']}, **k):\n    print(f'{a!r:>{b}}')\n",
    "@dec\ndef main(a=b'x', c: int = -1, /):\n    match a:\n        case [1, *r] if r: pass\n    return (\n        a\n    )\n",
  ],
  bash: ['#!/bin/bash\nname="$1"\nlimit="${2:-${DEFAULT:-10}}"\ncat <<-EOF\n\tx=$1\nEOF\n'],
  go: [
    'package inner\ntype A struct {\n\tB []*A `json:"b,omitempty"`\n\tC map[string]struct{ D any }\n\tBase\n}\nfunc main(a A, b, c *int, d ...[]byte) (interface{}, error) {\n\treturn a, nil\n}\n',
  ],
  rust: [
    '#[derive(Deserialize)]\n#[serde(rename_all = "camelCase")]\nstruct A { #[serde(default, rename = "x")] a_b: Option<Vec<A>>, c: E }\nenum E { U, T(i64), S { v: &\'static str } }\npub fn main(mut a: A, (b, c): (i32, String), _: HashMap<String, E>) -> Result<(), String> { Ok(()) }\n',
  ],
  java: [
    "import java.util.*;\npublic class Main {\n  record P(String a, Integer... b) {}\n  enum E { A, B(1) }\n  static class Q extends P { int[] x = {1}, y; }\n  public static Object main(final P p, Map<String, List<? extends E>> m, byte[][] b) { return null; }\n}\n",
  ],
  php: [
    "<?php\nnamespace A;\nenum S: string { case X = 'x'; }\nclass P { public ?int $a = null; function __construct(public readonly S|null $b = null) {} }\nconst L = ['a' => [1, -2]];\nfunction main(P $p, int|string &$q = 0x1F, array $r = L, $s = \"a\\n\\u{41}\", ...$t): array { return []; }\n",
  ],
  ruby: ["LIMIT = {a: [1, :b], 'c' => %w[d e]}.freeze\ndef main(a, b = LIMIT, *c, d:, e: -1.5, f: \"x\\u{41}#{a}\", **g, &h)\n  a ||= <<~X\n    y\n  X\nend\n"],
  perl: [
    "use strict;\nmy $x = <<'EOT' . q{a{b}} =~ s/x/y/r;\nsub main {\nEOT\nsub main :prototype($$) {\n  my ($a, %b) = @_;\n  my $c = shift(@_) // { k => [1, qw(x y)], 'l' => undef };\n}\n",
    "sub main($a, $b = [1, -2, 'x'], $c //= \"y\\x{41}\", @d) { return $a / $b; }\n=pod\n=cut\n__END__\n",
  ],
  r: ["library(x)\nmain <- function(a, b = c(1L, -2.5e3), `c d` = list(x = 'y', z = list(NA)), e = r\"(f)\", ...) {\n  a[[1]] %in% b # g\n}\n"],
  postgresql: [
    "-- database f/a/b\n-- $1 name (varchar(20)[]) = ['x']\n-- $2 (int)\nSELECT $1::text[], $3 :: int, $q$ $4 $q$, E'\\'$5' /* $6 /* */ */ FROM \"t\" -- $7\n",
  ],
  mysql: ["-- ? name (text) = null\n# :x\nSELECT ?, ?, :y, 'a\\'b', `c?`\n"],
  sqlite: ['-- :a (int) = 3\nSELECT :a, $b, @c, ?1, ?, [d], "e"\n'],
  duckdb: ["-- $a (timestamp)\nSELECT $a, $1, x::int, $$ $b $$\n"],
  graphql: [
    'query Q($a: [ID!]! = ["x"], $b: In = {k: [1.5, null], l: R}, $c: String = """d""" @e(f: {g: 1})) {\n  a(b: $a) { ...F @include(if: $c) } # c\n}\nfragment F on T { x }\n',
  ],
  http: ['{"method": "POST", "url": "https://{host}/{{x}}", "query": {"a": ["{b}"]}, "body": {"c": "{d}", "e": "{b}"}}'],
};

/** A source with some pieces cut out, doubled or replaced by noise. */
function mutated(seed: string): fc.Arbitrary<string> {
  const noise = fc.oneof(
    fc.string({ unit: "binary", maxLength: 6 }),
    fc.constantFrom("(", ")", "[", "{", "}", "'", '"', "`", "\\\n", "\n  ", "\t", ":", "=", "=>", "<", "${", "#", "\0", "\ud800", "def ", "class "),
  );
  const edit = fc.record({ at: fc.nat(seed.length), cut: fc.nat(12), insert: noise });
  return fc.array(edit, { maxLength: 6 }).map((edits) => {
    let code = seed;
    for (const { at, cut, insert } of edits) code = code.slice(0, at) + insert + code.slice(at + cut);
    return code;
  });
}

const WORK_PER_CHARACTER = 200;

describe.each(LANGUAGES)("reading %s", (language) => {
  const source = fc.oneof(fc.string({ unit: "binary", maxLength: 60 }), fc.string({ unit: "grapheme", maxLength: 60 }), ...SEEDS[language].map(mutated));
  const validator = createArgsValidator({ maxSchemas: 10 });

  it("never throws, stays within its work and gives what its model promises", async () => {
    await fc.assert(
      fc.asyncProperty(source, async (code) => {
        const budget = new WorkBudget();
        const { signature, problems } = await readSignature(language, code, budget);
        expect(budget.spent).toBeLessThanOrEqual(WORK_PER_CHARACTER * (code.length + 1));
        expect(problems.length).toBeLessThanOrEqual(MAX_PROBLEMS);
        const lines = code.split(/\r\n|\n|\r/);
        for (const problem of problems) {
          expect(problem.line).toBeGreaterThanOrEqual(1);
          expect(problem.line).toBeLessThanOrEqual(lines.length);
          expect(problem.column).toBeGreaterThanOrEqual(1);
          expect(problem.text).toBe((lines[problem.line - 1] ?? "").slice(0, 200));
          expect(problem.message).not.toBe("");
        }
        // Whatever came out can travel as JSON, and its schema compiles and judges if a deploy takes it.
        expect(JSON.parse(JSON.stringify(signature))).toEqual(signature);
        const schema = signatureToJsonSchema(signature);
        if (isStorableJson(schema)) expect(Array.isArray(validator.validate(code, schema, {}))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it("gives the same reading every time", async () => {
    await fc.assert(
      fc.asyncProperty(source, async (code) => {
        expect(await readSignature(language, code)).toEqual(await readSignature(language, code));
      }),
      { numRuns: 50 },
    );
  });
});

describe("defaults", () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/), { minLength: 1, maxLength: 5 });
  const value = fc.jsonValue({ maxDepth: 2, noUnicodeString: false }).filter((one) => !JSON.stringify(one).includes("e"));

  it("of TypeScript come out as they went in", async () => {
    await fc.assert(
      fc.asyncProperty(names, value, async (parameterNames, fallback) => {
        const list = parameterNames.map((name) => `_${name} = ${JSON.stringify(fallback)}`).join(", ");
        const { signature } = await readSignature("typescript", `export function main(${list}) {}`);
        expect(signature.parameters.map(({ name }) => name)).toEqual(parameterNames.map((name) => `_${name}`));
        for (const parameter of signature.parameters) expect(JSON.stringify(parameter.default)).toBe(JSON.stringify(fallback));
      }),
      { numRuns: 100 },
    );
  });
});
