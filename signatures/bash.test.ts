import { describe, expect, it } from "vitest";
import { readBash } from "./bash.ts";
import { showSignature } from "./show-signature.ts";

const SCRIPTS: readonly (readonly [code: string, expected: string])[] = [
  ['name="$1"\n', "name: string | number | boolean"],
  ["name=$1\n", "name: string | number | boolean"],
  ['#!/bin/bash\nset -euo pipefail\nname="$1"\ncount="$2"\n', "name: string | number | boolean, count: string | number | boolean"],
  ['count="$2"\nname="$1"\n', "name: string | number | boolean, count: string | number | boolean"],
  ['limit="${1:-10}"\n', 'limit?: string | number | boolean = "10"'],
  ["limit=${1:-10}\n", 'limit?: string | number | boolean = "10"'],
  ['greeting="${1:-hello world}" # said first\n', 'greeting?: string | number | boolean = "hello world"'],
  ['empty="${1:-}"\n', 'empty?: string | number | boolean = ""'],
  ['name="${1}"\nother="${10}"\n', "name: string | number | boolean, other: string | number | boolean"],
  ['name="${1:?is needed}"\n', "name: string | number | boolean"],
  ['export NAME="$1"\nreadonly OTHER="$2"\n', "NAME: string | number | boolean, OTHER: string | number | boolean"],
  ['f() {\n  local x="$1"\n}\nname="$2"\n', "name: string | number | boolean"],
  ["cat <<EOF\nname=$1\nEOF\nother=$2\n", "other: string | number | boolean"],
  ["echo hello\n", ""],
  ["", ""],
  ['name="$1"\r\ncount="$2"\r\n', "name: string | number | boolean, count: string | number | boolean"],
  ['a="$1"\nb="$1"\na="$2"\n', "a: string | number | boolean"],
  ['if [[ $x =~ ^(a|b)$ ]]; then\n  case "$(f)" in a) ;; esac\nfi\nfor ((;;)); do (( i++ )); done\nname=$1\n', "name: string | number | boolean"],
];

describe("parameters of Bash", () => {
  it.each(SCRIPTS)("%j", (code, expected) => {
    const { signature, problems } = readBash(code);
    expect(signature).toMatchObject({ hasMain: true, variadic: false });
    expect(showSignature(signature)).toBe(expected);
    expect(problems).toEqual([]);
  });
});
