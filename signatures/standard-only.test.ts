import { describe, expect, it } from "vitest";
import type { Language } from "../kernel/languages.ts";
import { readSignature } from "./read-signature.ts";

const CODES: readonly (readonly [language: Language, code: string, expected: boolean | undefined])[] = [
  ["python3", "def main(): ...", true],
  ["python3", "import os.path as p, json\nfrom collections import abc\nfrom __future__ import annotations\ndef main():\n    import re", true],
  ["python3", "import os, pandas\ndef main(): ...", false],
  ["python3", "def main():\n    from yaml import safe_load", false],
  ["python3", "from . import x\ndef main(): ...", false],
  ["python3", "import imp\ndef main(): ...", false],
  ["python3", "m = __import__('pandas')\ndef main(): ...", false],
  ["python3", "# requirements:\n# pandas==2\ndef main(): ...", false],
  ["python3", "# /// script\n# dependencies = []\n# ///\ndef main(): ...", false],
  ["typescript", "import fs from 'node:fs';\nimport { join } from 'path';\nexport function main() {}", true],
  ["typescript", "import { z } from 'zod';\nexport function main() {}", false],
  ["typescript", "export * from 'npm:x';\nexport function main() {}", false],
  ["typescript", "export async function main() { await import('zod'); }", false],
  ["javascript", "const x = require('fs');\nexport function main() {}", false],
  ["javascript", "import './x.js';\nexport function main() {}", false],
  ["go", 'package inner\nimport (\n\t"fmt"\n\tj "encoding/json"\n)\nfunc main() {}', true],
  ["go", 'package inner\nimport "rsc.io/quote"\nfunc main() {}', false],
  ["go", "package inner\n// require rsc.io/quote v1.5.2\nfunc main() {}", false],
  ["rust", "fn main() {}", undefined],
  ["ruby", "def main; end", undefined],
];

describe("code that needs no packages", () => {
  it.each(CODES)("%s %j", async (language, code, expected) => {
    expect((await readSignature(language, code)).standardOnly).toBe(expected);
  });
});
