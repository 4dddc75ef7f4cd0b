// npm test: the gates, then all tests, then one plain line "N passed, N failed". A failed gate counts as one failure.
// Arguments go to vitest (npm test -- --project unit); with arguments the gates are left out.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT, runGates } from "./gates.ts";
import { describeLanguages } from "./languages.ts";
import { COUNTS_FILE, closingLine, readCounts } from "./test-counts.ts";

const args = process.argv.slice(2);

function runVitest(countsFile: string): Promise<number> {
  const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
  const child = spawn(process.execPath, [vitest, "run", ...args], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, [COUNTS_FILE]: countsFile },
  });
  return new Promise((resolve) => {
    child.once("error", () => resolve(127));
    child.once("close", (code) => resolve(code ?? 1));
  });
}

async function main(): Promise<number> {
  // Tests of a language that is missing are skipped: this says so in one place.
  if (args.length === 0) process.stdout.write(`${(await describeLanguages()).join("\n")}\n\n`);
  const failedGates = args.length > 0 ? 0 : (await runGates()).filter((gate) => !gate.ok).length;
  const folder = mkdtempSync(join(tmpdir(), "millrace-report-"));
  const countsFile = join(folder, "counts.json");
  const exitCode = await runVitest(countsFile);
  const counts = readCounts(countsFile);
  rmSync(folder, { recursive: true, force: true });
  // Errors outside of tests, and a set-up that failed, show only in the exit code.
  const unseen = exitCode !== 0 && counts.failed === 0 ? 1 : 0;
  const failed = counts.failed + failedGates + unseen;
  if (counts.passed + counts.failed === 0) process.stdout.write("\nno test ran\n");
  process.stdout.write(`\n${closingLine({ ...counts, failed })}\n`);
  return failed > 0 || counts.passed === 0 ? 1 : 0;
}

process.exitCode = await main();
