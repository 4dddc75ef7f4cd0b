import { afterAll, describe, expect, it } from "vitest";
import { Purpose } from "../../proto/gen/millrace/agent/v1/job.ts";
import { openTestExecution, runScript, type ScriptOptions } from "../runner/attempt-harness.ts";
import { readBuildEnv } from "./build-env.ts";

/**
 * The only tests that ask the real registries, the way the machine's own tools would: `MILLRACE_BUILD_ENV_*` of the environment is
 * passed on. Skipped by name where a registry does not answer.
 */
const one = await openTestExecution({ prepared: 0, languages: ["python3", "typescript"], buildEnv: readBuildEnv(process.env) });
const { execution } = one;
afterAll(() => one.dispose());

async function lockOf(language: string, code: string, options: ScriptOptions = {}): Promise<string> {
  const outcome = await runScript(execution, language, code, { ...options, purpose: Purpose.PURPOSE_LOCK });
  if (outcome.exit.reason !== "succeeded") throw new Error(`no lock: ${outcome.resultJson}`);
  const result: unknown = JSON.parse(outcome.resultJson);
  if (typeof result !== "object" || result === null || !("lock" in result) || typeof result.lock !== "string") throw new Error("a lock is a text");
  return result.lock;
}

const PYTHON = "import six\ndef main(): return six.__name__\n";
const hasPython =
  execution.runtimes.find("python3") !== undefined && (await lockOf("python3", PYTHON, { limits: { timeoutMs: 15_000 } }).catch(() => "")) !== "";

describe.skipIf(!hasPython)("the registry of Python packages", () => {
  it("gives pandas: locked, installed, used in the sandbox, and the second time from the cache", { timeout: 120_000 }, async () => {
    const code =
      "import pandas as pd\n\ndef main():\n    frame = pd.DataFrame({'a': [1, 2, 3]})\n    return {'sum': int(frame['a'].sum()), 'from': pd.__file__}\n";
    const lock = await lockOf("python3", code);
    expect(lock).toMatch(/^pandas==\S+ \\\n\s+--hash=sha256:/m);
    expect(lock).toMatch(/^numpy==/m);
    const first = await runScript(execution, "python3", code, { lock });
    expect([first.exit.reason, JSON.parse(first.resultJson)]).toEqual(["succeeded", { sum: 6, from: "/packages/python3/pandas/__init__.py" }]);
    const before = execution.workshop.stats();
    const second = await runScript(execution, "python3", code, { lock });
    expect(JSON.parse(second.resultJson)).toMatchObject({ sum: 6 });
    expect(execution.workshop.stats().builds).toBe(before.builds);
  });
});

const TYPESCRIPT = 'import ms from "ms";\nexport function main() { return ms("1s"); }\n';
const hasNpm = (await lockOf("typescript", TYPESCRIPT, { limits: { timeoutMs: 15_000 } }).catch(() => "")) !== "";

describe.skipIf(!hasNpm)("the registry of npm packages", () => {
  it("gives zod and date-fns: locked, installed, used in the sandbox, and the second time from the cache", { timeout: 120_000 }, async () => {
    const code = `import { z } from "npm:zod@4";
import { addDays, formatISO } from "date-fns@4";

export async function main(day: string) {
  const { day: parsed } = z.object({ day: z.iso.date() }).parse({ day });
  const { default: same } = await import("zod@4/v4");
  return { next: formatISO(addDays(new Date(parsed), 1), { representation: "date" }), same: same.object !== undefined };
}
`;
    const lock = await lockOf("typescript", code);
    expect(JSON.parse(lock)).toMatchObject({
      packages: { "node_modules/zod": { version: expect.stringMatching(/^4\./), integrity: expect.stringMatching(/^sha512-/) }, "node_modules/date-fns": {} },
    });
    expect(lock).not.toContain('"resolved"');
    const first = await runScript(execution, "typescript", code, { lock, args: '{"day":"2026-02-28"}' });
    expect([first.exit.reason, first.resultJson]).toEqual(["succeeded", '{"next":"2026-03-01","same":true}']);
    const before = execution.workshop.stats();
    const second = await runScript(execution, "typescript", code, { lock, args: '{"day":"2026-02-01"}' });
    expect(JSON.parse(second.resultJson)).toMatchObject({ next: "2026-02-02" });
    expect(execution.workshop.stats().builds).toBe(before.builds);
  });
});
