import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { zipOf } from "./zip.ts";

test("python's zipfile reads what was put in, names and texts of any language", () => {
  const entries = [
    { name: "f/a/b.py", text: "def main(): pass\n" },
    { name: "f/ä/ü.json", text: "" },
    { name: "f/a/c.ts", text: "// \u{1f600} \u0000 ".repeat(5000) },
  ];
  const file = join(mkdtempSync(join(tmpdir(), "millrace-zip-")), "x.zip");
  writeFileSync(file, zipOf(entries));
  const program =
    "import json,sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\nprint(json.dumps([[n,z.read(n).decode()] for n in z.namelist()]))";
  expect(JSON.parse(execFileSync("python3", ["-c", program, file], { encoding: "utf8", maxBuffer: 1e7 }))).toEqual(
    entries.map(({ name, text }) => [name, text]),
  );
  expect(readFileSync(file).equals(zipOf(entries))).toBe(true);
});
