import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { HTTP_STATUS } from "../kernel/error-maps.ts";
import { EXIT_REASONS, outcomeOf } from "../kernel/exit.ts";
import { JOB_LIMITS } from "./jobs/contract.ts";
import { createMetrics } from "./telemetry/metrics.ts";

// Lists that people look things up in must not drift from the code. config.test.ts does the same for the settings.

/** Cells of the rows under a heading whose first cell is a name in backticks. */
function rowsOf(page: string, heading: string): string[][] {
  const text = readFileSync(new URL(`../docs/${page}`, import.meta.url), "utf8");
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
  return section.split("\n").flatMap((line) => {
    const cells = line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
    return /^`[^`]+`$/.test(cells[0] ?? "") ? [cells.map((cell) => cell.replaceAll("`", ""))] : [];
  });
}

test("operations.md lists every metric of ours with its type", async () => {
  const metrics = await createMetrics().registry.getMetricsAsJSON();
  const ours = metrics.filter(({ name }) => name.startsWith("millrace_")).map(({ name, type }) => [name, String(type)]);
  const listed = rowsOf("operations.md", "Metrics").map(([name, type]) => [name, type]);
  expect(listed.sort()).toEqual(ours.sort());
});

test("agents.md lists every exit reason, in order, with what it makes of a job", () => {
  const rows = rowsOf("agents.md", "How an attempt can end");
  expect(rows.map(([reason]) => reason)).toEqual([...EXIT_REASONS]);
  // An agent keeps a fenced attempt to itself: no job ends with it.
  for (const reason of EXIT_REASONS) if (reason !== "fenced") expect(rows.find((row) => row[0] === reason)?.[2]).toBe(outcomeOf(reason));
});

test("api.md gives each error code its HTTP status", () => {
  const rows = rowsOf("api.md", "Errors");
  expect(rows.length).toBeGreaterThan(5);
  const statuses = new Map<string, number>(Object.entries(HTTP_STATUS));
  for (const [code = "", status] of rows) expect([code, status]).toEqual([code, String(statuses.get(code))]);
});

test("limits.md has the limits of the API", () => {
  const text = readFileSync(new URL("../docs/limits.md", import.meta.url), "utf8");
  const listed = [...text.matchAll(/\| (\d+) +\| `JOB_LIMITS\.(\w+)`/g)].map(([, value, name]) => [name, Number(value)]);
  expect(Object.fromEntries(listed)).toEqual(JOB_LIMITS);
});
