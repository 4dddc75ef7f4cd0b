/** What a run of the tests came to. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * Reads the JSON report of vitest. A file that could not be loaded counts as one failure: it has no tests to count.
 * @throws Error when the text is no such report
 */
export function countTests(report: string): TestCounts {
  const value: unknown = JSON.parse(report);
  if (typeof value !== "object" || value === null || !("testResults" in value) || !Array.isArray(value.testResults))
    throw new Error("vitest wrote no usable report");
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of value.testResults as readonly unknown[]) {
    const statuses = statusesIn(file);
    for (const status of statuses) counts[status === "passed" || status === "failed" ? status : "skipped"] += 1;
    if (fileFailed(file) && !statuses.includes("failed")) counts.failed += 1;
  }
  return counts;
}

function statusesIn(file: unknown): unknown[] {
  if (typeof file !== "object" || file === null || !("assertionResults" in file) || !Array.isArray(file.assertionResults)) return [];
  return (file.assertionResults as readonly unknown[]).map((test) => (typeof test === "object" && test !== null && "status" in test ? test.status : undefined));
}

function fileFailed(file: unknown): boolean {
  return typeof file === "object" && file !== null && "status" in file && file.status === "failed";
}

/** The closing line: plain, alone on its line, the same for every run. */
export function closingLine(counts: TestCounts): string {
  const skipped = counts.skipped === 0 ? "" : `, ${counts.skipped} skipped`;
  return `${counts.passed} passed, ${counts.failed} failed${skipped}`;
}
