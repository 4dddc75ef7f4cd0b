import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { closingLine, countTests, readCounts } from "./test-counts.ts";

test("counts tests by state; pending ones are skipped", () => {
  const counts = countTests([
    { state: "failed", tests: ["passed", "failed", "pending"] },
    { state: "passed", tests: ["passed", "skipped", "skipped"] },
  ]);
  expect(counts).toEqual({ passed: 2, failed: 1, skipped: 3 });
  expect(closingLine(counts)).toBe("2 passed, 1 failed, 3 skipped");
});

test("a file that could not be loaded, or failed in a hook, is one failure", () => {
  expect(countTests([{ state: "failed", tests: [] }])).toEqual({ passed: 0, failed: 1, skipped: 0 });
  expect(countTests([{ state: "failed", tests: ["passed", "skipped"] }])).toEqual({ passed: 1, failed: 1, skipped: 1 });
});

test("the closing line leaves out what is not there", () => {
  expect(closingLine({ passed: 12, failed: 0, skipped: 0 })).toBe("12 passed, 0 failed");
});

test("a run that left nothing, or something else than counts, has passed nothing", () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-counts-"));
  const nothing = { passed: 0, failed: 0, skipped: 0 };
  expect(readCounts(join(folder, "counts"))).toEqual(nothing);
  writeFileSync(join(folder, "counts"), '{"passed":"1"}');
  expect(readCounts(join(folder, "counts"))).toEqual(nothing);
  writeFileSync(join(folder, "counts"), '{"passed":1,"failed":2,"skipped":3}');
  expect(readCounts(join(folder, "counts"))).toEqual({ passed: 1, failed: 2, skipped: 3 });
  rmSync(folder, { recursive: true });
});
