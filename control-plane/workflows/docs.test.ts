import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { WORKFLOW_LIMITS } from "./contract.ts";

test("workflows-as-code.md lists every limit with its value", () => {
  const text = readFileSync(new URL("../../docs/workflows-as-code.md", import.meta.url), "utf8");
  const section = text.split(/^## Limits$/m)[1] ?? "";
  const values = [...section.matchAll(/^\| .*\| (.*?) *\|$/gm)].map(([, value]) => value).slice(1);
  const number = (value: number): string => value.toLocaleString("en");
  const { checkpoints, valueBytes, totalBytes, nameChars, written, tasks, awaited, waitS, sleepMs } = WORKFLOW_LIMITS;
  expect(sleepMs).toBe(24 * 60 * 60 * 1000);
  expect(values.filter((value) => !value?.startsWith("-"))).toEqual([
    number(checkpoints),
    `${valueBytes / 1024} KiB`,
    `${totalBytes / 1024 / 1024} MiB`,
    `${nameChars} characters`,
    `${written}; ${tasks}`,
    `${number(awaited)}; ${waitS} s`,
    "a day",
  ]);
});
