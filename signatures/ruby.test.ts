import { describe, expect, it } from "vitest";
import { readRuby } from "./ruby.ts";
import { showSignature } from "./show-signature.ts";

const MAINS: readonly (readonly [code: string, expected: string])[] = [
  ["def main\n  1\nend\n", ""],
  ["def main(name, count = 3, *rest, key:, other: 'x', **opts, &block)\nend\n", 'name: any, count?: number = 3, key: any, other?: string = "x", ...'],
  ["def main name, limit = 10\n  name\nend\n", "name: any, limit?: number = 10"],
  ["def main(a) = a + 1\n", "a: any"],
  [
    "def main(a = 1_000, b = -2.5, c = true, d = nil, e = :sym, f = 0x1f)\nend\n",
    'a?: number = 1000, b?: number = -2.5, c?: boolean = true, d?: any = null, e?: string = "sym", f?: number = 31',
  ],
  [
    "def main(a = [1, 'x', [nil]], b = {k: 1, 'l' => [2]}, c = %w[x y], d = {1 => 2}, e = {})\nend\n",
    'a?: any[] = [1,"x",[null]], b?: {} = {"k":1,"l":[2]}, c?: any[] = ["x","y"], d?: any, e?: {} = {}',
  ],
  [
    'def main(a = \'it\\\'s \\n\', b = "\\tA\\u{42}\\q", c = "x#{a}", d = "")\nend\n',
    'a?: string = "it\'s \\\\n", b?: string = "\\tABq", c?: any, d?: string = ""',
  ],
  [
    "LIMIT = 10\nALIAS = LIMIT\nTAGS = %w[a b].freeze\nX = Y\nY = X\ndef main(a = ALIAS, b = TAGS, c = X, d = foo(1))\nend\n",
    'a?: number = 10, b?: any[] = ["a","b"], c?: any, d?: any',
  ],
  ["def main(...)\nend\n", "..."],
  ["def main(a)\nend\ndef main(b)\nend\n", "b: any"],
  ["def self.main(a)\nend\nclass A\n  def main(b)\n  end\nend\nmain = ->(c) {}\n", "no main"],
  ["require 'json'\n__END__\ndef main(a)\nend\n", "no main"],
  ["", "no main"],
];

describe("the main of a Ruby file", () => {
  it.each(MAINS)("%j", async (code, expected) => {
    const { signature, problems } = await readRuby(code);
    expect(problems).toEqual([]);
    expect(showSignature(signature)).toBe(expected);
  });

  it.each([
    ["def main(a)\n  x = [1, 2\nend\n", 3, 1, "unexpected `end`"],
    ["def main(a\n  1\nend\n", 2, 3, "unexpected `1`"],
    ["def main(a)\n  if a\n    1\n", 4, 1, "unexpected end of file"],
  ])("says where %j is broken", async (code, line, column, message) => {
    const { problems } = await readRuby(code);
    expect(problems.map((problem) => [problem.line, problem.column, problem.message])).toEqual([[line, column, message]]);
  });
});
