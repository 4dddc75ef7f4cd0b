// npm test: the gates, then all tests, then one plain line "N passed, N failed". A failed gate counts as one failure.
// Arguments go to vitest (npm test -- --project unit); with arguments the gates are left out.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT, runGates } from "./gates.ts";
import { describeLanguages } from "./languages.ts";
import { closingLine, countTests, type TestCounts } from "./test-counts.ts";

const args = process.argv.slice(2);

function runVitest(reportFile: string): Promise<number> {
  const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
  const child = spawn(process.execPath, [vitest, "run", "--reporter=default", "--reporter=json", `--outputFile.json=${reportFile}`, ...args], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
  });
  return new Promise((resolve) => {
    child.once("error", () => resolve(127));
    child.once("close", (code) => resolve(code ?? 1));
  });
}

function readCounts(reportFile: string): TestCounts {
  try {
    return countTests(readFileSync(reportFile, "utf8"));
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

async function main(): Promise<number> {
  // Tests of a language that is missing are skipped: this says so in one place.
  if (args.length === 0) process.stdout.write(`${(await describeLanguages()).join("\n")}\n\n`);
  const failedGates = args.length > 0 ? 0 : (await runGates()).filter((gate) => !gate.ok).length;
  const folder = mkdtempSync(join(tmpdir(), "millrace-report-"));
  const reportFile = join(folder, "report.json");
  const exitCode = await runVitest(reportFile);
  const counts = readCounts(reportFile);
  rmSync(folder, { recursive: true, force: true });
  // Errors outside of tests, and a set-up that failed, show only in the exit code.
  const unseen = exitCode !== 0 && counts.failed === 0 ? 1 : 0;
  const failed = counts.failed + failedGates + unseen;
  if (counts.passed + counts.failed === 0) process.stdout.write("\nno test ran\n");
  process.stdout.write(`\n${closingLine({ ...counts, failed })}\n`);
  return failed > 0 || counts.passed === 0 ? 1 : 0;
}

process.exitCode = await main();
