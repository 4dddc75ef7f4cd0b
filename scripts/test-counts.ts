import { readFileSync, writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";
import { z } from "zod";

const COUNTS = z.object({ passed: z.number(), failed: z.number(), skipped: z.number() });

/** What a run of the tests came to. */
export type TestCounts = Readonly<z.output<typeof COUNTS>>;

/** The variable that names the file for the counts of a run. */
export const COUNTS_FILE = "MILLRACE_TEST_COUNTS_FILE";

/** A file of tests that has run, in vitest's words. */
export interface RanFile {
  readonly state: string;
  readonly tests: readonly string[];
}

/** A file that could not be loaded counts as one failure: it has no tests to count. So does one that failed in a hook. */
export function countTests(files: readonly RanFile[]): TestCounts {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { state, tests } of files) {
    for (const test of tests) counts[test === "passed" || test === "failed" ? test : "skipped"] += 1;
    if (state === "failed" && !tests.includes("failed")) counts.failed += 1;
  }
  return counts;
}

/** Leaves the counts of a run in a file, for whoever started it. */
export class CountReporter implements Reporter {
  readonly #file: string | undefined;

  /** @param file undefined: nobody asks */
  constructor(file: string | undefined) {
    this.#file = file;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const files = modules.map((module) => ({ state: module.state(), tests: [...module.children.allTests()].map((test) => test.result().state) }));
    if (this.#file !== undefined) writeFileSync(this.#file, JSON.stringify(countTests(files)));
  }
}

/** What a run has left there; nothing when it ended before. */
export function readCounts(file: string): TestCounts {
  try {
    return COUNTS.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

/** The closing line: plain, alone on its line, the same for every run. */
export function closingLine(counts: TestCounts): string {
  const skipped = counts.skipped === 0 ? "" : `, ${counts.skipped} skipped`;
  return `${counts.passed} passed, ${counts.failed} failed${skipped}`;
}
