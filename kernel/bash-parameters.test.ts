import { describe, expect, it } from "vitest";
import { parseBashParameters } from "./bash-parameters.ts";

describe("parseBashParameters", () => {
  it("reads quoted, bare and braced positional parameters", () => {
    const code = '#!/bin/bash\nname="$1"\ncity=$2\nzip="${3}"\ncountry=${4}\necho "$name"\n';
    expect(parseBashParameters(code)).toEqual([
      { name: "name", position: 1 },
      { name: "city", position: 2 },
      { name: "zip", position: 3 },
      { name: "country", position: 4 },
    ]);
  });

  it("reads defaults, also empty, quoted, escaped and nested ones", () => {
    const code = [
      'a="${1:-10}"',
      'b="${2:-}"',
      "c=${3:-'two words'}",
      'd=${4:-"quoted"}',
      'e="${5:-a \\"b\\" \\$c}"',
      'f="${6:-${HOME}/x}"',
      'g="${7:-{\\"k\\": 1\\}}" # json',
    ].join("\n");
    expect(parseBashParameters(code).map((parameter) => parameter.default)).toEqual(["10", "", "two words", "quoted", 'a "b" $c', "${HOME}/x", '{"k": 1}']);
  });

  it("treats a required expansion as a parameter without a default", () => {
    expect(parseBashParameters('a="${1:?name it}"')).toEqual([{ name: "a", position: 1 }]);
  });

  it("allows export, readonly, a semicolon, a comment and CRLF line ends", () => {
    expect(parseBashParameters('export a="$1"; # first\r\nreadonly b="$2" # second\r\nc=$3;\r\n').map((parameter) => parameter.name)).toEqual(["a", "b", "c"]);
  });

  it("sorts by position, keeps gaps, and takes the first line of a position or name", () => {
    expect(parseBashParameters('late="$3"\nearly="$1"\nagain="$1"\nlate="$2"')).toEqual([
      { name: "early", position: 1 },
      { name: "late", position: 3 },
    ]);
  });

  it("leaves out what is no parameter", () => {
    const code = [
      '  inner="$1"',
      'ten="$10"',
      'zero="$0"',
      'joined="$1$2"',
      'text="a $1"',
      'a b="$1"',
      '# c="$1"',
      "literal='$1'",
      'open="$1',
      'length="${#1}"',
    ].join("\n");
    expect(parseBashParameters(code)).toEqual([]);
  });

  it("needs braces for positions above nine and stops at ninety-nine", () => {
    expect(parseBashParameters('a="${10}"\nb="${99}"\nc="${100}"').map((parameter) => parameter.position)).toEqual([10, 99]);
  });

  it("skips here-documents but not here-strings", () => {
    const code = ["cat <<EOF", 'no="$1"', "EOF", "cat <<-'END'", '\tno="$2"', "\tEND", 'yes="$1"', 'cat <<< "x"', 'also="$2"'].join("\n");
    expect(parseBashParameters(code).map((parameter) => parameter.name)).toEqual(["yes", "also"]);
  });
});
