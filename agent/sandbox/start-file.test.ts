import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { canExport, quoteForShell, startFileText } from "./start-file.ts";

const dir = mkdtempSync(join(tmpdir(), "millrace-start-file-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Shells that are /bin/sh somewhere. */
const SHELLS = [["/bin/sh"], ["/bin/bash", "--posix"]].filter(([path]) => existsSync(path ?? ""));

/** Reads a start file with a real shell; says which arguments and variables it makes of it. */
function readWith(shell: readonly string[], text: string): { args: string[]; env: Map<string, string> } {
  const path = join(dir, "start");
  writeFileSync(path, text);
  const [program = "/bin/sh", ...options] = shell;
  const script = `set -- old; . ${path}; printf '%s\\0' "$#" "$@"; exec env -0`;
  const words = execFileSync(program, [...options, "-c", script], { env: {}, stdio: ["ignore", "pipe", "inherit"] })
    .toString("utf8")
    .split("\0")
    .slice(0, -1);
  const count = Number(words[0]);
  const pairs = words.slice(1 + count).map((word): [string, string] => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]);
  return { args: words.slice(1, 1 + count), env: new Map(pairs.filter(([name]) => !["PWD", "SHLVL", "_", "OLDPWD"].includes(name))) };
}

/** Half characters turn into replacement characters on the way. */
const clean = (text: string): string => Buffer.from(text).toString("utf8");

const HARD = [
  "'",
  "''",
  "'\\''",
  "\\",
  "\\'",
  '"',
  "$(id)",
  "`id`",
  "${HOME}",
  "\n",
  "\r\n",
  "\n'",
  "*",
  "~",
  "!x",
  "#",
  "&",
  ";",
  "-n",
  "--",
  "",
  " ",
  "\t",
  "\u0081\u0088",
  "€",
  "=",
  "\\c",
];
const text = fc
  .oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: "grapheme" }),
    fc.array(fc.constantFrom(...HARD), { maxLength: 12 }).map((parts) => parts.join("")),
  )
  .map((value) => value.replaceAll("\0", ""));
const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,20}$/).filter((candidate) => canExport(new Map([[candidate, ""]])) && candidate !== "PATH");

describe.each(SHELLS)("the start file, read by %s", (...shell) => {
  it("hands on every argument and every variable exactly", () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 6 }), fc.dictionary(name, text, { maxKeys: 8 }), (args, variables) => {
        // The locale first, as in every job: it changes how a shell reads what follows.
        const env = new Map([["LANG", "C.UTF-8"], ...Object.entries(variables)]);
        expect(readWith(shell, startFileText(args, env))).toEqual({ args: args.map(clean), env: new Map([...env].map(([key, value]) => [key, clean(value)])) });
      }),
      { numRuns: 80 },
    );
  });

  it("hands on all characters of the basic plane, and long values", () => {
    const all = clean(Array.from({ length: 0xffff }, (_, index) => String.fromCharCode(index + 1)).join(""));
    // One variable of a process takes 128 KiB at most.
    const env = new Map([
      ["A", all.slice(0, 35_000)],
      ["B", all.slice(35_000)],
      ["QUOTES", "'".repeat(100 * 1024)],
    ]);
    expect(readWith(shell, startFileText(["x"], env))).toEqual({ args: ["x"], env });
  });
});

describe("canExport", () => {
  it.each(["", "a b", "a-b", "1a", "ä", "a=b", "a\nb", "OPTIND", "PPID", "UID", "LINENO", "IFS", "PWD", "_"])("refuses the name %j", (bad) => {
    expect(
      canExport(
        new Map([
          ["FINE", ""],
          [bad, ""],
        ]),
      ),
    ).toBe(false);
  });

  it("refuses a NUL and takes what is usual", () => {
    expect(canExport(new Map([["A", "a\0b"]]))).toBe(false);
    expect(canExport(new Map(["PATH", "HOME", "LANG", "TZ", "WM_JOB_ID", "_a", "SHELL", "go"].map((usual) => [usual, "x"])))).toBe(true);
  });
});

describe("quoteForShell", () => {
  it("is the text itself between quotes, with quotes said outside", () => {
    expect([quoteForShell(""), quoteForShell("a b"), quoteForShell("it's")]).toEqual(["''", "'a b'", "'it'\\''s'"]);
  });
});
