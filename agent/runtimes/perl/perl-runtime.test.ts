import { afterAll, describe, expect, it } from "vitest";
import { openTestExecution, runScript } from "../../runner/attempt-harness.ts";

const opened = await openTestExecution({ languages: ["perl"] });
afterAll(() => opened.dispose());

describe.skipIf(opened.execution.runtimes.find("perl") === undefined)("Perl", () => {
  const run = (code: string, args = "{}") => runScript(opened.execution, "perl", code, { args });

  it.each([
    ["sub main { my ($a, $b) = @_; [$a, $b] }", '{"b":2}', "[null,2]"],
    ["sub main {\n  # two of them\n  my $a = shift;\n  my $b = shift // 7;\n  return [$a, $b];\n}", '{"a":1}', "[1,7]"],
    ["sub main { my ($a, %rest) = @_; [$a, \\%rest] }", '{"a":1,"x":2}', '[1,{"x":2}]'],
    ["sub main { my $b = $_[2]; my $a = $_[0] // 1; [$a, $b] }", '{"b":2}', "[1,2]"],
    ["sub main { my %args = @_; \\%args }", '{"x":[1.5,true,null]}', '{"x":[1.5,true,null]}'],
    ["sub main { return { @_ } }", '{"x":"y"}', '{"x":"y"}'],
    ["use v5.36;\nsub main ($a, $b = [1, 2], $c = { d => 1, e => 2 }) { [$a, $b, $c] }", '{"a":1,"b":2}', '[1,2,{"d":1,"e":2}]'],
    ["use v5.36;\nsub main ($a, %rest) { [$a, \\%rest] }", '{"a":1,"x":2}', '[1,{"x":2}]'],
    ['print "the whole file\\n";', "{}", "null"],
    ["sub main { return (1, 'two', 3) }", "{}", '[1,"two",3]'],
    ["sub main { return }", "{}", "null"],
    ["sub main { my ($a) = @_; return $a . length $a }", '{"a":"ü€"}', '"ü€2"'],
    ["sub main { return 'ü' . length 'ü' }", "{}", '"ü1"'],
    ["sub main { [1 == 1, 'a' eq 'b', '', \"\\x01\\\\\"] }", "{}", '[true,false,"","\\u0001\\\\"]'],
    ["sub main { [\\1, \\0, JSON::PP::true(), undef, 0.5, '5', 5, 1/3, 1e300] }", "{}", '[true,false,true,null,0.5,"5",5,0.3333333333333333,1e+300]'],
    ["sub main { my ($a) = @_; return $a + 1 }", '{"a":12345678901234567890123}', "12345678901234567890124"],
    ["sub main { my ($a) = @_; return $a }", '{"a":0.1234567890123456}', "0.1234567890123456"],
    ["sub main { local $/; return scalar <DATA> }\n__DATA__\ntext", "{}", '"text"'],
    ["use lib '/tmp';\nsub main { return scalar grep { $_ eq '/tmp' } @INC }", "{}", "1"],
    ["sub main { if (!fork) { return 'child' } wait; return 'parent' }", "{}", '"parent"'],
    ["END { print 'late' }\nsub main { 1 }", "{}", "1"],
    ["package Local::Thing; sub TO_JSON { { a => 1 } }\npackage main;\nsub main { return bless {}, 'Local::Thing' }", "{}", '{"a":1}'],
  ])("runs %s", async (code, args, resultJson) => {
    expect(await run(code, args)).toMatchObject({ exit: { reason: "succeeded", message: "" }, resultJson });
  });

  it.each([
    ["use v5.36;\nsub main ($a) {}", "{}", "MissingArgument", "`a`"],
    ["sub main { my ($a, $b) = @_; }", '{"a":1,"c":2}', "UnknownArgument", "`c`; it takes: a, b"],
    ["use v5.36;\nsub main ($a = 1, $b = 2) {}", '{"b":2}', "InvalidArgument", "`b` cannot be given without `a`"],
    ["1;", '{"a":1}', "NoMain", "main"],
    ["sub main { die 'no' }", "{}", "Error", "no"],
    ["sub main { die { message => 'from a hash' } }", "{}", "HASH", "from a hash"],
    ["sub main { eval '1 +' or die $@ }", "{}", "Error", "syntax error"],
    ["die 'at load'", "{}", "Error", "at load"],
    ["use No::Such::Module;", "{}", "Error", "Can't locate No/Such/Module.pm"],
  ])("explains %s", async (code, args, name, message) => {
    const outcome = await run(code, args);
    expect(outcome.exit).toMatchObject({ reason: "exit_code", code: 1 });
    expect(JSON.parse(outcome.resultJson).error).toMatchObject({ name, message: expect.stringContaining(message) });
  });

  it("lists the script's own frames", async () => {
    const { error } = JSON.parse((await run("sub inner {\n  die 'deep'\n}\nsub main {\n  eval { die 'other' };\n  inner();\n}\n")).resultJson);
    expect(error.stack).toBe("deep at main.pl line 2\n\tat main.pl line 2\n\tat main.pl line 6, calling main::inner");
  });

  it("finds the line of an unknown variable under strict", async () => {
    const outcome = await run("use strict;\nsub main {\n  $x = 1;\n}\n");
    expect([outcome.exit.reason, JSON.parse(outcome.resultJson).error.line]).toEqual(["syntax_error", 3]);
  });

  it.each([
    ["a code reference", "sub main { { a => sub {} } }", "at $.a: a value of type CODE"],
    ["an object", "sub main { bless {}, 'Thing' }", "at $: a value of type Thing"],
    ["NaN", "sub main { [1, 9**9**9 / 9**9**9] }", "at $[1]:"],
    ["a cycle", "sub main { my $a = []; push @$a, $a; $a }", "at $[0]: the value contains itself"],
    ["a value nested too deep", "sub main { my $a = 1; $a = [$a] for 1 .. 200; $a }", "128 levels"],
  ])("refuses %s as a result", async (_, code, message) => {
    expect((await run(code)).exit).toMatchObject({ reason: "result_invalid", message: expect.stringContaining(message) });
  });
});
