import { go } from "./go/samples.ts";
import { java } from "./java/samples.ts";
import { perl } from "./perl/samples.ts";
import { php } from "./php/samples.ts";
import { r } from "./r/samples.ts";
import { ruby } from "./ruby/samples.ts";
import { rust } from "./rust/samples.ts";
import type { Samples } from "./samples.ts";

const bash = {
  language: "bash",
  file: "main.sh",
  echo: 'a="$1"\nprintf \'{"got":"%s"}\\n\' "$a"\n',
  precise: 'text="$1"\nbig="$2"\nprintf %s "$text" >&2\necho "$big"\n',
  fails: "# one\n# two\nno_such_command\necho never\n",
  failure: { code: 127, name: "ExitCode" },
  broken: "echo one\n# two\nfi\n",
  lines: 'for ((i = 0; i < 200; i++)); do echo "out $i"; echo "err $i" >&2; done\n',
  waits: "echo ready\nsleep 300\n",
  stubborn: "trap '' TERM\necho ready\nwhile :; do sleep 300; done\n",
  // Not one long sleep: bash loses a signal to a command that it is just about to start, and would wait for its end. A sleep that the signal
  // has ended before bash had its own is a command that failed, with which the script ends.
  polite: "trap 'echo bye; exit 0' TERM\necho ready\nwhile true; do sleep 0.01 || true; done\n",
  exit3: "exit 3\n",
  exit0: "exit 0\n",
  leaves: (seconds: string, ownSession: boolean) => `${ownSession ? "setsid " : ""}sleep ${seconds} &\necho left\n`,
  big: (size: number) => `printf '%*s\\n' ${size} '' | tr ' ' x\n`,
  bytes: "for ((i = 0; i < 256; i++)); do printf \"\\\\x$(printf %x $i)\"; done\nprintf '\\e[31mred\\e[0m\\n'\n",
  devices: "printf a > /dev/stdout\nprintf b > /dev/stderr\n",
  environment: "env\n",
  million: "head -c 1000000 /dev/zero | tr '\\0' x\n",
  writesJob: 'if : > "${BASH_SOURCE[0]%/*}/new"; then echo yes; else echo no; fi 2>/dev/null\n',
} satisfies Samples;

const python = {
  language: "python3",
  file: "main.py",
  echo: 'def main(a):\n    return {"got": a}\n',
  precise: "import sys\ndef main(text, big):\n    sys.stderr.write(text)\n    return big\n",
  fails: "def main():\n    # two\n    raise ValueError('no')\n",
  failure: { code: 1, name: "ValueError" },
  broken: "def main():\n    x = 1\n    y = = 2\n",
  lines: "import sys\ndef main():\n    for i in range(200):\n        print('out', i)\n        print('err', i, file=sys.stderr)\n",
  waits: "import time\ndef main():\n    print('ready')\n    time.sleep(300)\n",
  stubborn:
    "import signal, time\ndef main():\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    print('ready')\n    while True:\n        time.sleep(300)\n",
  polite: [
    "import os, signal, sys, time",
    "def bye(*_):",
    // Not print: the signal may come in the middle of one.
    "    os.write(1, b'bye\\n')",
    "    sys.exit(0)",
    "def main():",
    "    signal.signal(signal.SIGTERM, bye)",
    "    print('ready')",
    // Not one sleep: a signal just before it begins would be handled after it.
    "    while True: time.sleep(0.05)",
  ].join("\n"),
  exit3: "import sys\ndef main():\n    sys.exit(3)\n",
  exit0: "import sys\ndef main():\n    sys.exit(0)\n",
  leaves: (seconds: string, ownSession: boolean) =>
    `import subprocess\ndef main():\n    subprocess.Popen(['sleep', '${seconds}'], start_new_session=${ownSession ? "True" : "False"})\n    return 'left'\n`,
  big: (size: number) => `def main():\n    return 'x' * ${size}\n`,
  unfit: { code: "def main():\n    return {'a': [1, float('nan')]}\n", path: "$.a[1]" },
  bytes: "import sys\ndef main():\n    sys.stdout.buffer.write(bytes(range(256)) + b'\\x1b[31mred\\x1b[0m\\n')\n",
  devices: "def main():\n    open('/dev/stdout', 'w').write('a')\n    open('/dev/stderr', 'w').write('b')\n",
  environment: "import os\ndef main():\n    for name, value in os.environ.items():\n        print(f'{name}={value}')\n",
  million: "import sys\ndef main():\n    sys.stdout.write('x' * 1000000)\n",
  writesJob:
    "import os, sys\ndef main():\n    try:\n        open(os.path.dirname(sys.modules['main'].__file__) + '/new', 'w')\n        return 'yes'\n    except OSError:\n        return 'no'\n",
} satisfies Samples;

const typescript = {
  language: "typescript",
  file: "main.ts",
  echo: "export function main(a: string) {\n  return { got: a };\n}\n",
  precise:
    "export function main(text: string, big: unknown) {\n  process.stderr.write(text + (big ? '' : '?'));\n  return JSON.rawJSON('12345678901234567890');\n}\n",
  fails: "export function main(): void {\n  // two\n  throw new TypeError('no');\n}\n",
  failure: { code: 1, name: "TypeError" },
  broken: "export function main(): void {\n  const a: number = 1;\n  const b = = 2;\n}\n",
  lines: "export function main(): void {\n  for (let i = 0; i < 200; i++) {\n    console.log('out', i);\n    console.error('err', i);\n  }\n}\n",
  waits: "export async function main() {\n  console.log('ready');\n  await new Promise((done) => setTimeout(done, 300000));\n}\n",
  stubborn:
    "export async function main() {\n  process.on('SIGTERM', () => {});\n  console.log('ready');\n  await new Promise((done) => setTimeout(done, 300000));\n}\n",
  polite:
    "export async function main() {\n  process.on('SIGTERM', () => {\n    console.log('bye');\n    process.exit(0);\n  });\n  console.log('ready');\n  await new Promise((done) => setTimeout(done, 300000));\n}\n",
  exit3: "export function main() {\n  process.exit(3);\n}\n",
  exit0: "export function main() {\n  process.exit(0);\n}\n",
  leaves: (seconds: string, ownSession: boolean) =>
    `import { spawn } from 'node:child_process';\nexport async function main() {\n  const child = spawn('sleep', ['${seconds}'], { detached: ${ownSession}, stdio: 'inherit' });\n  await new Promise((done) => child.once('spawn', done));\n  return 'left';\n}\n`,
  big: (size: number) => `export function main() {\n  return 'x'.repeat(${size});\n}\n`,
  unfit: { code: "export function main() {\n  return { a: [1, 10n] };\n}\n", path: "$.a[1]" },
  bytes:
    "export function main() {\n  process.stdout.write(Buffer.concat([Buffer.from(Array.from({ length: 256 }, (_, i) => i)), Buffer.from('\\x1b[31mred\\x1b[0m\\n')]));\n}\n",
  devices:
    "import { writeFileSync } from 'node:fs';\nexport function main() {\n  writeFileSync('/dev/stdout', 'a');\n  writeFileSync('/dev/stderr', 'b');\n}\n",
  environment: "export function main() {\n  for (const [name, value] of Object.entries(process.env)) console.log(`${name}=${value}`);\n}\n",
  million: "export function main() {\n  process.stdout.write('x'.repeat(1000000));\n}\n",
  writesJob:
    "import { writeFileSync } from 'node:fs';\nexport function main() {\n  try {\n    writeFileSync(`${import.meta.dirname}/new`, '');\n    return 'yes';\n  } catch {\n    return 'no';\n  }\n}\n",
} satisfies Samples;

/** The TypeScript samples without their types: whatever is left is JavaScript. */
function withoutTypes(code: string): string {
  return code.replaceAll(/: (?:string|unknown|void|number)\b/g, "");
}

const javascript: Samples = {
  ...typescript,
  language: "javascript",
  file: "main.mjs",
  echo: withoutTypes(typescript.echo),
  precise: withoutTypes(typescript.precise),
  fails: withoutTypes(typescript.fails),
  broken: withoutTypes(typescript.broken),
  lines: withoutTypes(typescript.lines),
};

export const SAMPLES: readonly Samples[] = [bash, python, typescript, javascript, go, rust, java, php, ruby, perl, r];
