import { expect, test } from "vitest";
import { closingLine, countTests } from "./test-counts.ts";

const report = (...files: { status: string; tests: string[] }[]): string =>
  JSON.stringify({ testResults: files.map((file) => ({ status: file.status, assertionResults: file.tests.map((status) => ({ status })) })) });

test("counts tests by status; todo and pending ones are skipped", () => {
  const counts = countTests(report({ status: "failed", tests: ["passed", "failed", "pending"] }, { status: "passed", tests: ["passed", "todo", "skipped"] }));
  expect(counts).toEqual({ passed: 2, failed: 1, skipped: 3 });
  expect(closingLine(counts)).toBe("2 passed, 1 failed, 3 skipped");
});

test("a file that could not be loaded is one failure", () => {
  expect(countTests(report({ status: "failed", tests: [] }))).toEqual({ passed: 0, failed: 1, skipped: 0 });
  expect(countTests(report({ status: "failed", tests: ["passed"] }))).toEqual({ passed: 1, failed: 1, skipped: 0 });
});

test("the closing line leaves out what is not there", () => {
  expect(closingLine({ passed: 12, failed: 0, skipped: 0 })).toBe("12 passed, 0 failed");
});

test("something else than a report is refused", () => {
  expect(() => countTests("{}")).toThrow("no usable report");
});
