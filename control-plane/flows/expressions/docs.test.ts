import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { PARSE_LIMITS } from "./parse.ts";
import { SANDBOX_LIMITS } from "./sandbox/sandbox-limits.ts";
import { TURN_LIMITS } from "./sandbox/sandbox-pool.ts";

test("expressions.md has the limits of expressions", () => {
  const page = readFileSync(new URL("../../../docs/expressions.md", import.meta.url), "utf8");
  const { sourceChars, nesting } = PARSE_LIMITS;
  const { cpuMs, memoryBytes, contextChars, valueChars, valueDepth } = SANDBOX_LIMITS;
  const listed = [...page.matchAll(/\| (\d+) +\| `(\w+\.\w+)`/g)].map(([, value, name]) => [name, Number(value)]);
  expect(Object.fromEntries(listed)).toEqual({
    "PARSE_LIMITS.sourceChars": sourceChars,
    "PARSE_LIMITS.nesting": nesting,
    "SANDBOX_LIMITS.cpuMs": cpuMs,
    "SANDBOX_LIMITS.memoryBytes": memoryBytes,
    "SANDBOX_LIMITS.contextChars": contextChars,
    "SANDBOX_LIMITS.valueChars": valueChars,
    "SANDBOX_LIMITS.valueDepth": valueDepth,
    "TURN_LIMITS.waitingPerWorkspace": TURN_LIMITS.waitingPerWorkspace,
  });
});
