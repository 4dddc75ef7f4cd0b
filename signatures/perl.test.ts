import { describe, expect, it } from "vitest";
import { readPerl } from "./perl.ts";
import { showSignature } from "./show-signature.ts";

const MAINS: readonly (readonly [code: string, expected: string])[] = [
  ["sub main { return 1; }\n", "..."],
  ["use strict;\nuse warnings;\nsub main {\n    my ($name, $count) = @_;\n    return $name;\n}\n", "name: any, count: any"],
  ["sub main ($name, $count = 3, $, @rest) { }\n", "name: any, count?: number = 3, arg3: any"],
  ["sub main($a, $b //= 'x', %opts) { }\n", 'a: any, b?: string = "x", ...'],
  ["sub main($$;@) {\n  my ($a, $b, @rest) = @_;\n}\n", "a: any, b: any"],
  ["sub main :prototype($$) ($a, $b) { }\n", "a: any, b: any"],
  [
    "sub main {\n  my $a = shift;\n  my $b = shift // 10;\n  my $c = shift(@_) || 'x';\n  my $d = other();\n  my $e = shift;\n}\n",
    'a: any, b?: number = 10, c?: string = "x"',
  ],
  ["sub main {\n  my $a = $_[0];\n  my $b = $_[1] // undef;\n}\n", "a: any, b?: any = null"],
  ["sub main { my %args = @_; }\n", "..."],
  [
    "sub main ($a = [1, 'x', qw(y z)], $b = { k => 1, 'l' => [undef] }, $c = -1.5, $d = foo(1), $e = \"a\\n\", $f = \"$x\", $g = 1 + 2) { }\n",
    'a?: any[] = [1,"x","y","z"], b?: {} = {"k":1,"l":[null]}, c?: number = -1.5, d?: any, e?: string = "a\\n", f?: any, g?: any',
  ],
  ["# sub main($a) {}\nmy $x = 'sub main($b) {}';\nmy $y = q{sub main($c) {}};\nprint <<EOT;\n sub main($d) {}\nEOT\n", "no main"],
  ["=pod\n\nsub main($a) {}\n\n=cut\n\nsub main($b) {}\n", "b: any"],
  ["for (@_) { s/^'+//; s,',\\\",g; }\nsub main($c) {}\n", "c: any"],
  ["my $x = $a / $b; my @y = split /sub main {/, $z;\n$x =~ s/'/\"/g; $h{s} = $h->{y};\nsub main($c) {}\n", "c: any"],
  ["sub main($a) {}\n__END__\nsub main($b) {}\n", "a: any"],
  ["sub other { } sub mainly($a) {} $obj->main($b);\n", "no main"],
  ["my $odd = y;\nmy $broken = 'never ends;\nsub main($a, $b = 2) {}\n", "a: any, b?: number = 2"],
  ["", "no main"],
];

describe("the main of a Perl file", () => {
  it.each(MAINS)("%j", (code, expected) => {
    const { signature, problems } = readPerl(code);
    expect(problems).toEqual([]);
    expect(showSignature(signature)).toBe(expected);
  });
});
