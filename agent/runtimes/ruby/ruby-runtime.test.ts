import { afterAll, describe, expect, it } from "vitest";
import { openTestExecution, runScript } from "../../runner/attempt-harness.ts";
import { readGemfile } from "./gemfile.ts";

const opened = await openTestExecution({ languages: ["ruby"] });
afterAll(() => opened.dispose());

describe.skipIf(opened.execution.runtimes.find("ruby") === undefined)("Ruby", () => {
  const run = (code: string, args = "{}") => runScript(opened.execution, "ruby", code, { args });

  it.each([
    ["def main(a, b = 2, *rest, c:, d: 4, **more)\n  [a, b, rest, c, d, more]\nend", '{"a":1,"c":3,"x":9}', '[1,2,[],3,4,{"x":9}]'],
    ["def main(a:, b: a + 1)\n  [a, b]\nend", '{"a":1}', "[1,2]"],
    ["puts 'the whole file'", "{}", "null"],
    [
      "require 'date'\nrequire 'time'\ndef main = [Time.at(0).utc, Date.new(2026, 1, 2), :sym, 2**70, 1.0, nil]",
      "{}",
      '["1970-01-01T00:00:00+00:00","2026-01-02","sym",1180591620717411303424,1.0,null]',
    ],
    ["Point = Struct.new(:x)\ndef main = Point.new(1)", "{}", '{"x":1}'],
    ["def main = { 1 => 'a', nil => 'ü' }", "{}", '{"1":"a","":"ü"}'],
    ["def main\n  fork { return 'child' }\n  Process.wait\n  'parent'\nend", "{}", '"parent"'],
    ["def main\n  at_exit { puts 'late' }\n  1\nend", "{}", "1"],
    ["def main = DATA.read\n__END__\ntext", "{}", '"text"'],
    ["def main = [__FILE__, $0, File.basename(__dir__).empty?]", "{}", '["main.rb","main.rb",false]'],
    ["require 'set'\nrequire 'securerandom'\nrequire 'net/http'\nrequire 'digest'\ndef main = SecureRandom.hex(2).size", "{}", "4"],
    ["require 'rubygems'\ndef main = Gem::Version.new('1.10') > Gem::Version.new('1.9')", "{}", "true"],
    ["def main(a) = a.encoding.to_s", '{"a":"x"}', '"UTF-8"'],
  ])("runs %s", async (code, args, resultJson) => {
    expect(await run(code, args)).toMatchObject({ exit: { reason: "succeeded", message: "" }, resultJson });
  });

  it.each([
    ["def main(a)\nend", "{}", "MissingArgument", "`a`"],
    ["def main(a:)\nend", "{}", "MissingArgument", "`a`"],
    ["def main(a, b: 1)\nend", '{"a":1,"c":2}', "UnknownArgument", "`c`; it takes: a, b"],
    ["def main(a = 1, b = 2)\nend", '{"b":2}', "InvalidArgument", "`b` cannot be given without `a`"],
    ["x = 1", '{"a":1}', "NoMain", "main"],
    ["def main\n  nil.foo\nend", "{}", "NoMethodError", "undefined method `foo'"],
    ["def main\n  eval('1 +')\nend", "{}", "SyntaxError", "unexpected"],
    ["raise 'at load'", "{}", "RuntimeError", "at load"],
    ["require 'no_such_library'", "{}", "LoadError", "no_such_library"],
    ["def main\n  abort 'sorry'\nend", "{}", "ExitCode", "exit code 1"],
    ["def main\n  raise Interrupt\nend", "{}", "Signal", "SIGINT"],
  ])("explains %s", async (code, args, name, message) => {
    const { exit, resultJson } = await run(code, args);
    expect(["exit_code", "signal"]).toContain(exit.reason);
    expect(JSON.parse(resultJson).error).toMatchObject({ name, message: expect.stringContaining(message) });
  });

  it("lists the script's own frames and the cause", async () => {
    const code = "def inner\n  raise 'deep'\nend\ndef main\n  inner\nrescue RuntimeError\n  raise ArgumentError, 'outer'\nend\n";
    const { stack } = JSON.parse((await run(code)).resultJson).error;
    expect(stack.split("\n").slice(0, 2)).toEqual(["ArgumentError: outer", "  at main.rb:7:in `rescue in main'"]);
    expect(stack).toContain("caused by RuntimeError: deep\n  at main.rb:2:in `inner'\n  at main.rb:5:in `main'");
    expect(stack).not.toContain("wrapper");
  });

  it.each([
    ["a set", "require 'set'\ndef main = { a: Set[1] }", "at $.a: a value of type Set"],
    ["an infinity", "def main = [1, Float::INFINITY]", "at $[1]: Infinity"],
    ["a cycle", "def main\n  a = []\n  a << a\nend", "at $[0]: the value contains itself"],
    ["bytes", 'def main = { a: "\\xff" }', "at $.a: a string that is not UTF-8"],
    ["an object", "def main = Object.new", "at $: a value of type Object"],
    ["a key that is no text", "def main = { [1] => 2 }", "a key of type Array"],
    ["a value nested too deep", "def main\n  a = 1\n  200.times { a = [a] }\n  a\nend", "128 levels"],
  ])("refuses %s as a result", async (_, code, message) => {
    expect((await run(code)).exit).toMatchObject({ reason: "result_invalid", message: expect.stringContaining(message) });
  });
});

describe("the gems that a script declares", () => {
  const inBlock = (...lines: string[]): string => ["gemfile do", ...lines, "end", "def main", "end"].join("\n");

  it.each([
    [
      "one with versions",
      inBlock("source 'https://gems.example'", "gem 'a', '~> 1.0', \">= 1.0.2\""),
      'source allowed.call("https://gems.example")\ngem "a", "~> 1.0", ">= 1.0.2", require: false\n',
    ],
    [
      "what to require",
      inBlock("gem('a', require: false)", "gem 'b', :require => 'b/c'"),
      'source known.first\ngem "a", require: false\ngem "b", require: false\n',
    ],
    [
      "nested blocks",
      inBlock("source 'https://x.example' do", "  gem 'a'", "end", "group :test do", "  gem 'b'", "end"),
      'source allowed.call("https://x.example")\ngem "a", require: false\ngem "b", require: false\n',
    ],
  ])("are read: %s", (_, code, text) => {
    expect(readGemfile(code)).toEqual({ kind: "gemfile", text: expect.stringMatching(/^known = /), native: [] });
    expect(readGemfile(code)).toMatchObject({ text: expect.stringContaining(`end\n${text}`) });
  });

  it.each([
    ["gem 'a', git: 'https://x.example/a'"],
    ["gem 'a', path: '/etc'"],
    ['gem "a#{`env`}"'],
    ["gem 'a'; system('env')"],
    ["eval_gemfile 'x'"],
    ["source ENV['X']"],
  ])("are refused: %s", (line) => {
    expect(readGemfile(inBlock("", line))).toMatchObject({ kind: "fault", message: expect.stringContaining("line 3") });
  });
});
