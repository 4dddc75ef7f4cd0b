/** What a process that stays for one script keeps from one job to the next, and what it must not. */
import { readdirSync, readlinkSync } from "node:fs";
import { expect, it } from "vitest";
import { openTestPools, runDedicated as run, until } from "./dedicated-harness.ts";

const pools = await openTestPools({ languages: ["python3", "typescript", "javascript"] });
const { hasPython, withPool } = pools;

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
  expect(pools.pool?.stats()).toMatchObject({ jobs: 4, started: 2 });
});

it("a Node process keeps secrets of earlier jobs, which the module may still have, out of the logs of later ones", async () => {
  const code = "let kept = '';\nexport function main(secret: string) {\n  kept ||= secret;\n  console.log('it is', kept);\n}";
  const execution = withPool();
  const told = (secret: string, secrets: string[]) => run(execution, "typescript", code, { args: JSON.stringify({ secret }), secrets });
  expect((await told("hunter2-hunter2", ["hunter2-hunter2"])).stdout).toBe("it is ***\n");
  expect((await told("", [])).stdout).toBe("it is ***\n");
  expect((await told("", ["another-one"])).stdout).toBe("it is ***\n");
  expect(pools.pool?.stats()).toMatchObject({ jobs: 3, started: 1 });
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
  expect(pools.pool?.stats()).toMatchObject({ jobs: 2, started: 1 });
  await until(() => records().length === 0);
});

it("one that is old is replaced: what it sees of the host is from its start", async () => {
  const code = "export function main() { return (globalThis.jobs = (globalThis.jobs ?? 0) + 1); }";
  const execution = withPool({ maxAgeMs: 0 });
  for (const _ of [1, 2]) expect((await run(execution, "javascript", code)).resultJson).toBe("1");
  expect(pools.pool?.stats()).toMatchObject({ jobs: 2, started: 2 });
});
