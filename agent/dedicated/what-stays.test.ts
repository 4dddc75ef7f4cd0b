/** What a process that stays for one script keeps from one job to the next, and what it must not. */
import { readdirSync, readlinkSync } from "node:fs";
import { afterEach, expect, it } from "vitest";
import { openTestExecution, runScript, type ScriptOptions } from "../runner/attempt-harness.ts";
import type { AgentExecution } from "../runner/execution.ts";
import { DedicatedPool } from "./dedicated-pool.ts";

const opened = await openTestExecution({ prepared: 0, languages: ["python3", "typescript", "javascript"] });
const hasPython = opened.execution.runtimes.find("python3") !== undefined;
let pool: DedicatedPool | undefined;

function withPool(options: Partial<ConstructorParameters<typeof DedicatedPool>[1]> = {}): AgentExecution {
  pool = new DedicatedPool(opened.execution.sandbox, { max: 2, ...options });
  return { ...opened.execution, dedicated: pool };
}

afterEach(async () => {
  pool?.close();
  await until(() => (pool?.stats().processes ?? 0) === 0);
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const run = (execution: AgentExecution, language: string, code: string, options: ScriptOptions = {}) =>
  runScript(execution, language, code, { dedicated: true, ...options });

/** Empty for what is gone meanwhile. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

it.skipIf(!hasPython)("a Python process runs a script that has something else, or nothing, in its module's place", async () => {
  const execution = withPool();
  for (const line of ["sys.modules[__name__] = 1", "del sys.modules[__name__]"]) {
    const code = `import sys\n${line}\ndef main(): return 7\n`;
    for (const _ of [1, 2]) expect(await run(execution, "python3", code)).toMatchObject({ exit: { reason: "succeeded" }, resultJson: "7", stderr: "" });
  }
  expect(pool?.stats()).toMatchObject({ jobs: 4, started: 2 });
});

it("a Node process keeps secrets of earlier jobs, which the module may still have, out of the logs of later ones", async () => {
  const code = "let kept = '';\nexport function main(secret: string) {\n  kept ||= secret;\n  console.log('it is', kept);\n}";
  const execution = withPool();
  const told = (secret: string, secrets: string[]) => run(execution, "typescript", code, { args: JSON.stringify({ secret }), secrets });
  expect((await told("hunter2-hunter2", ["hunter2-hunter2"])).stdout).toBe("it is ***\n");
  expect((await told("", [])).stdout).toBe("it is ***\n");
  expect((await told("", ["another-one"])).stdout).toBe("it is ***\n");
  expect(pool?.stats()).toMatchObject({ jobs: 3, started: 1 });
});

it("a Node process has no way to the agent any more, when a job is over, by a record that it has opened once more", async () => {
  const code = [
    "import { openSync, readdirSync, readlinkSync } from 'node:fs';",
    "const kept: string[] = [];",
    "const isRecord = (fd: string): boolean => {",
    "  try { return readlinkSync(`/proc/self/fd/${fd}`).includes('/record'); } catch { return false; }",
    "};",
    "export function main() {",
    "  const own = readdirSync('/proc/self/fd').find((fd) => isRecord(fd) && !kept.includes(fd));",
    "  return kept.push(String(openSync(`/proc/self/fd/${own}`, 'w')));",
    "}",
  ].join("\n");
  const records = (): string[] => readdirSync("/proc/self/fd").filter((fd) => linkOf(`/proc/self/fd/${fd}`).endsWith("/record (deleted)"));
  const execution = withPool();
  for (const n of [1, 2]) expect(await run(execution, "typescript", code)).toMatchObject({ exit: { message: "" }, resultJson: String(n) });
  expect(pool?.stats()).toMatchObject({ jobs: 2, started: 1 });
  await until(() => records().length === 0);
});

it("one that is old is replaced: what it sees of the host is from its start", async () => {
  const code = "export function main() { return (globalThis.jobs = (globalThis.jobs ?? 0) + 1); }";
  const execution = withPool({ maxAgeMs: 0 });
  for (const _ of [1, 2]) expect((await run(execution, "javascript", code)).resultJson).toBe("1");
  expect(pool?.stats()).toMatchObject({ jobs: 2, started: 2 });
});
