import { afterAll, describe, expect, it } from "vitest";
import { openTestExecution, runScript } from "../../runner/attempt-harness.ts";

const opened = await openTestExecution({ languages: ["php"] });
afterAll(() => opened.dispose());

describe.skipIf(opened.execution.runtimes.find("php") === undefined)("PHP", () => {
  const run = (code: string, args = "{}") => runScript(opened.execution, "php", code, { args });

  it.each([
    ["<?php function main($a, int $b = 2, ...$more) { return [$a, $b, $more]; }", '{"a":1,"x":9}', '[1,2,{"x":9}]'],
    ["<?php function main($a = 1, $b = 2) { return [$a, $b]; }", '{"b":5}', "[1,5]"],
    ["function main() { return 'no tag'; }", "{}", '"no tag"'],
    ["<?php namespace Mine; const A = 1; function main() { return \\Mine\\A; }", "{}", "1"],
    ["<?php $top = 3; function main() { global $top; return $top; }", "{}", "3"],
    ["<?php function main(array $a, $b) { return [$a['k'], $b->k]; }", '{"a":{"k":1.0},"b":{"k":{}}}', "[1.0,{}]"],
    ["<?php function main(Postgresql $db) { return [get_class($db) !== '', $db->host]; }", '{"db":{"host":"h"}}', '[true,"h"]'],
    [
      "<?php class Point { public function __construct(public int $x, public int $y = 7) {} }\nfunction main(Point $p) { return $p; }",
      '{"p":{"x":1}}',
      '{"x":1,"y":7}',
    ],
    ["<?php enum Mode: string { case On = 'on'; }\nfunction main(Mode $m) { return [$m, $m->name]; }", '{"m":"on"}', '["on","On"]'],
    ["<?php function main(DateTimeImmutable $at) { return $at; }", '{"at":"2026-01-02T03:04:05Z"}', '"2026-01-02T03:04:05+00:00"'],
    [
      '<?php function main(?int $a) { return [$a, [], new stdClass, 1.5, "é/\\u{2028}", PHP_INT_MAX]; }',
      '{"a":null}',
      '[null,[],{},1.5,"é/\u2028",9223372036854775807]',
    ],
    ["<?php function main(string $a) { return $a; }", '{"a":123456789012345678901}', '"123456789012345678901"'],
    ["<?php function main() { register_shutdown_function(fn() => print('late')); return 1; }", "{}", "1"],
    ["<?php function main() { if (pcntl_fork() === 0) return 'child'; pcntl_wait($s); return 'parent'; }", "{}", '"parent"'],
    ["<?php function main() { exit('bye'); }", "{}", "null"],
    ["<?php function main() { return mb_strtoupper('é') . json_encode(ctype_digit('1')); }", "{}", '"Étrue"'],
    ["<?php function main(): void {}", "{}", "null"],
  ])("runs %s", async (code, args, resultJson) => {
    expect(await run(code, args)).toMatchObject({ exit: { reason: "succeeded", message: "" }, resultJson });
  });

  it.each([
    ["<?php function main($a) {}", "{}", "MissingArgument", "`a`"],
    ["<?php function main($a, $b = 1) {}", '{"a":1,"c":2}', "UnknownArgument", "`c`; it takes: a, b"],
    ["<?php function main(...$rest) {}", '{"0":1}', "UnknownArgument", "`0`"],
    ["<?php function main(int $a) {}", '{"a":"x"}', "InvalidArgument", "`a` must be of type int, string given"],
    ["<?php class P { public int $x; } function main(P $p) {}", '{"p":{"x":"y"}}', "InvalidArgument", "`p` does not fit P"],
    ["<?php $x = 1;", "{}", "NoMain", "main"],
    ["<?php function main() { strlen([]); }", "{}", "TypeError", "strlen(): Argument #1"],
    ["<?php function main() { undefined_one(); }", "{}", "Error", "undefined_one"],
    ["<?php throw new LogicException('at load'); function main() {}", "{}", "LogicException", "at load"],
    ["<?php function main() { eval('a b'); }", "{}", "ParseError", "unexpected"],
  ])("explains %s", async (code, args, name, message) => {
    const outcome = await run(code, args);
    expect(outcome.exit).toMatchObject({ reason: "exit_code", code: 1 });
    expect(JSON.parse(outcome.resultJson).error).toMatchObject({ name, message: expect.stringContaining(message) });
  });

  it("lists the script's own frames and the cause", async () => {
    const code =
      "<?php\nfunction inner() { throw new DomainException('deep'); }\nfunction main() {\n  try { inner(); } catch (Exception $e) { throw new LogicException('outer', 0, $e); }\n}\n";
    expect(JSON.parse((await run(code)).resultJson).error.stack).toBe(
      "LogicException: outer\n  at main.php:4\ncaused by DomainException: deep\n  at main.php:2\n  at main.php:4, calling inner",
    );
  });

  it("keeps warnings out of the result and shows them on stderr", async () => {
    const outcome = await run("<?php\nfunction main() {\n  return [] === @$x ? 1 : $y ?? $z;\n}\n");
    expect(outcome).toMatchObject({ exit: { reason: "succeeded" }, stdout: "" });
    expect(outcome.stderr).toMatch(/Warning: Undefined variable \$z in .*main\.php on line 3/);
  });

  it.each([
    ["a class declared twice", "<?php\nfunction main() {}\nfunction main() {}\n", 3],
    ["an open brace", "<?php\nfunction main() {\n", 3],
  ])("finds the line of %s", async (_, code, line) => {
    const outcome = await run(code);
    expect([outcome.exit.reason, JSON.parse(outcome.resultJson).error.line]).toEqual(["syntax_error", line]);
  });

  it.each([
    ["an infinity", "<?php function main() { return [1, INF]; }", "at $[1]: INF"],
    ["a generator", "<?php function main() { yield 1; }", "at $: a value of type Generator"],
    ["bytes", "<?php function main() { return ['a' => \"\\xff\"]; }", "at $.a: a string that is not UTF-8"],
    ["an open file", "<?php function main() { return STDOUT; }", "at $: a resource"],
    ["an object in itself", "<?php function main() { $a = new stdClass; $a->a = $a; return $a; }", "128 levels"],
    ["a value nested too deep", "<?php function main() { $a = 1; for ($i = 0; $i < 200; $i++) $a = [$a]; return $a; }", "128 levels"],
  ])("refuses %s as a result", async (_, code, message) => {
    expect((await run(code)).exit).toMatchObject({ reason: "result_invalid", message: expect.stringContaining(message) });
  });

  it("tells that it ran out of memory", async () => {
    expect((await run("<?php function main() { $a = []; while (true) $a[] = str_repeat('x', 1000000); }")).exit.reason).toBe("out_of_memory");
  });
});
