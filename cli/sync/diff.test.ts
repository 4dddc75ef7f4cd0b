import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { unifiedDiff } from "./diff.ts";

function hasPatch(): boolean {
  try {
    execFileSync("patch", ["--version"]);
    return true;
  } catch {
    return false;
  }
}

describe("unified diffs", () => {
  it("shows what changed with the lines around it, and the ends of files", () => {
    const before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n";
    const after = "1\n2\n3\n4\n5b\n6\n7\n8\n9\n10";
    expect(unifiedDiff(before, after, ["server/f/x", "folder/f/x"])).toBe(
      [
        "--- server/f/x",
        "+++ folder/f/x",
        "@@ -2,9 +2,9 @@",
        " 2",
        " 3",
        " 4",
        "-5",
        "+5b",
        " 6",
        " 7",
        " 8",
        " 9",
        "-10",
        "+10",
        "\\ No newline at end of file",
        "",
      ].join("\n"),
    );
    expect(unifiedDiff(undefined, "a\n", ["x", "y"])).toBe("--- /dev/null\n+++ y\n@@ -0,0 +1,1 @@\n+a\n");
    expect(unifiedDiff("a\n", undefined, ["x", "y"])).toBe("--- x\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a\n");
    expect(unifiedDiff("same", "same", ["x", "y"])).toBe("");
  });

  it.runIf(hasPatch())("gives what patch makes the second text of", () => {
    const folder = mkdtempSync(join(tmpdir(), "millrace-diff-"));
    const text = fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 14 }).map((lines) => lines.join("\n"));
    fc.assert(
      fc.property(text, text, (before, after) => {
        writeFileSync(join(folder, "x"), before);
        const diff = unifiedDiff(before, after, ["x", "x"]);
        if (diff !== "") execFileSync("patch", ["-s", join(folder, "x")], { input: diff });
        expect(readFileSync(join(folder, "x"), "utf8")).toBe(after);
      }),
      { numRuns: 40 },
    );
  });
});
