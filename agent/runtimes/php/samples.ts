const script = (...lines: string[]): string => `<?php\n${lines.join("\n")}\n`;

/** For `contract-samples.ts`, which says what each of them does. */
export const php = {
  language: "php",
  file: "main.php",
  echo: script("function main($a) {", "  return ['got' => $a];", "}"),
  // Integers beyond 64 bits arrive as text.
  precise: script("function main(string $text, string $big) {", "  fwrite(STDERR, $text);", "  return Millrace\\raw_json($big);", "}"),
  fails: "<?php function main() {\n  // two\n  throw new DomainException('no');\n}\n",
  failure: { code: 1, name: "DomainException" },
  broken: "<?php\nfunction main() {\n  $b = = 2;\n}\n",
  lines: script("function main() {", "  for ($i = 0; $i < 200; $i++) {", '    echo "out $i\\n";', '    fwrite(STDERR, "err $i\\n");', "  }", "}"),
  waits: script("function main() {", '  echo "ready\\n";', "  sleep(300);", "}"),
  stubborn: script(
    "function main() {",
    "  pcntl_async_signals(true);",
    "  pcntl_signal(SIGTERM, SIG_IGN);",
    '  echo "ready\\n";',
    "  while (true) sleep(300);",
    "}",
  ),
  polite: script(
    "function main() {",
    "  pcntl_async_signals(true);",
    '  pcntl_signal(SIGTERM, function () { echo "bye\\n"; exit(0); });',
    '  echo "ready\\n";',
    // Not one long sleep: a signal just before it would wait for its end.
    "  while (true) usleep(10000);",
    "}",
  ),
  exit3: script("function main() {", "  exit(3);", "}"),
  exit0: script("function main() {", "  exit(0);", "}"),
  leaves: (seconds: string, ownSession: boolean) =>
    script("function main() {", `  exec('${ownSession ? "setsid " : ""}sleep ${seconds} > /dev/null 2>&1 &');`, "  return 'left';", "}"),
  big: (size: number) => script("function main() {", `  return str_repeat('x', ${size});`, "}"),
  unfit: { code: script("function main() {", "  return ['a' => [1, NAN]];", "}"), path: "$.a[1]" },
  bytes: script("function main() {", "  for ($i = 0; $i < 256; $i++) echo chr($i);", '  echo "\\e[31mred\\e[0m\\n";', "}"),
  // PHP follows links by itself, and the pipes behind /dev/stdout have no name: it has names of its own for them.
  devices: script("function main() {", "  file_put_contents('php://stdout', 'a');", "  file_put_contents('php://stderr', 'b');", "}"),
  environment: script("function main() {", '  foreach (getenv() as $name => $value) echo "$name=$value\\n";', "}"),
  million: script("function main() {", "  echo str_repeat('x', 1000000);", "}"),
  writesJob: script("function main() {", "  return @file_put_contents(__DIR__ . '/new', '') === false ? 'no' : 'yes';", "}"),
};
