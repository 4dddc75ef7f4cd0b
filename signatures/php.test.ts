import { describe, expect, it } from "vitest";
import { readPhp } from "./php.ts";
import { showSignature } from "./show-signature.ts";

/** Declarations beside `main`, the parameter list, the expected signature. */
const TYPES: readonly (readonly [declarations: string, parameters: string, expected: string])[] = [
  ["", "", ""],
  ["", "$a, string $b, int $c, float $d, bool $e, mixed $f", "a: any, b: string, c: integer, d: number, e: boolean, f: any"],
  ["", "?string $a, int|string|null $b, string|false $c, null|int $d", "a: string | null, b: integer | string | null, c: false | string, d: null | integer"],
  ["", "array $a, iterable $b, object $c, \\stdClass $d", "a: any[] | {}, b: any[] | {}, c: {}, d: {}"],
  ["", "int $a = 3, float $b = -2.5e3, string $c = 'it\\'s', bool $d = TRUE", 'a?: integer = 3, b?: number = -2500, c?: string = "it\'s", d?: boolean = true'],
  [
    "",
    '$a = 1_000, $b = 0x1F, $c = 017, $d = "x\\n\\u{41}\\$", $e = null',
    'a?: number = 1000, b?: number = 31, c?: number = 15, d?: string = "x\\nA$", e?: any = null',
  ],
  ["", "string $a = null, ?array $b = null", "a?: string | null = null, b?: any[] | {} | null = null"],
  [
    "",
    "$a = [1, 'x', [true]], $b = ['k' => [null]], $c = array('k' => 1), $d = []",
    'a?: any[] = [1,"x",[true]], b?: {} = {"k":[null]}, c?: {} = {"k":1}, d?: any[] = []',
  ],
  ["const LIMIT = 10;\nconst X = Y;\nconst Y = X;", "int $a = LIMIT, $b = X, $c = PHP_EOL, $d = P::X", "a?: integer = 10, b?: any, c?: any, d?: any"],
  ["", '$a = new Foo(), $b = "x$y", $c = 1 + 2, $d = [1, "k" => 2]', "a?: any, b?: any, c?: any, d?: any"],
  ["", "int $a, &$b, int ...$rest", "a: integer, b: any, ..."],
  ["", "DateTimeImmutable $a, \\DateTime $b, callable $c, A&B $d", "a: date-time, b: date-time, c: any, d: any"],
  ["", "Postgresql $a, ?CSlack $b, Foo\\Bar $c", "a: $postgresql, b: $c_slack | null, c: any"],
  ["enum Suit: string { const X = 1; case Hearts = 'h'; case Spades = 's'; }\nenum Plain { case A; case B; }", "Suit $a, Plain $b", 'a: "h"|"s", b: "A"|"B"'],
  [
    "class User { public string $name; public ?int $age = null; private int $x; public static $n; public array $tags = []; }",
    "User $u",
    "u: {name: string, age?: integer | null = null, tags?: any[] | {} = []}",
  ],
  [
    "class P { public function __construct(public readonly int $x, private string $y = 'a', ?P $z = null) {} }",
    "P $p",
    'p: {x: integer, y?: string = "a", z?: any = null}',
  ],
];

describe("parameter types of PHP", () => {
  it.each(TYPES)("%s main(%s)", async (declarations, parameters, expected) => {
    const { signature, problems } = await readPhp(`<?php\n${declarations}\nfunction main(${parameters}) {\n    return 1;\n}\n`);
    expect(problems).toEqual([]);
    expect(showSignature(signature)).toBe(expected);
  });
});

describe("the main of a PHP file", () => {
  it.each([
    ["<?php\nnamespace App;\nfunction main(int $a): array { return []; }\n", "a: integer"],
    ["<?php\nnamespace App { function main(int $a) {} }\n", "a: integer"],
    ["#!/usr/bin/env php\n<?php declare(strict_types=1);\nfunction main(int $a) {}\n?>\ntext\n", "a: integer"],
    ["<?php\nclass A { function main($a) {} }\nif (true) { function other() {} }\n", "no main"],
    ["function main($a) {}\n", "no main"],
    ["", "no main"],
  ])("%j", async (code, expected) => {
    const { signature, problems } = await readPhp(code);
    expect(problems).toEqual([]);
    expect(showSignature(signature)).toBe(expected);
  });

  it.each([
    ["<?php\nfunction main(int $a) {\n    return $a +;\n}\n", 3, 16, "unexpected `;`"],
    ["<?php\nfunction main(int $a {\n}\n", 2, 22, "unexpected `{`"],
    ["<?php\nfunction main() {\n    if (true) {\n    }\n", 2, 17, "'{' is never closed"],
  ])("says where %j is broken", async (code, line, column, message) => {
    const { problems } = await readPhp(code);
    expect(problems.map((problem) => [problem.line, problem.column, problem.message])).toEqual([[line, column, message]]);
  });
});
