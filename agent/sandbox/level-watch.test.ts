import { chmodSync, copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openTestExecution, runScript } from "../runner/attempt-harness.ts";
import type { SandboxLevel } from "./layers.ts";

const dir = mkdtempSync(join(tmpdir(), "millrace-level-"));
chmodSync(dir, 0o755);
const bwrapPath = join(dir, "bwrap");
copyFileSync("/usr/bin/bwrap", bwrapPath);
const told: SandboxLevel[] = [];
const opened = await openTestExecution({ bwrapPath, prepared: 0, onLevel: (level) => told.push(level) });
const open = await openTestExecution({ sandbox: "off" });
const { execution } = opened;
afterAll(() => {
  opened.dispose();
  open.dispose();
  rmSync(dir, { recursive: true, force: true });
});

describe("the level that a script asks for", () => {
  it("is held against what was found, before anything of the script runs", async () => {
    const { sandboxLevel } = opened;
    expect((await runScript(execution, "bash", "echo ran", { requirements: { minSandboxLevel: sandboxLevel } })).exit.reason).toBe("succeeded");
    const tooMuch = await runScript(execution, "bash", "echo ran", { requirements: { minSandboxLevel: sandboxLevel + 1 } });
    expect(tooMuch).toMatchObject({ exit: { reason: "sandbox_error", message: expect.stringContaining(`level ${sandboxLevel}`) }, stdout: "", startedAtUs: 0 });
    const bare = await runScript(open.execution, "bash", "echo ran", { requirements: { minSandboxLevel: 1 } });
    expect(bare).toMatchObject({ exit: { reason: "sandbox_error" }, stdout: "", startedAtUs: 0 });
  });

  it("is found again: a sandbox that does not hold any more takes no script, and one that does again takes them", async () => {
    expect([await opened.recheck(), told]).toEqual([opened.sandboxLevel, []]);
    rmSync(bwrapPath);
    expect([await opened.recheck(), told]).toEqual([0, [0]]);
    const outcome = await runScript(execution, "bash", "echo ran");
    expect(outcome).toMatchObject({ exit: { reason: "sandbox_error", message: expect.stringContaining("does not hold") }, stdout: "", startedAtUs: 0 });
    copyFileSync("/usr/bin/bwrap", bwrapPath);
    expect([await opened.recheck(), told]).toEqual([opened.sandboxLevel, [0, opened.sandboxLevel]]);
    expect((await runScript(execution, "bash", "echo ran")).stdout).toBe("ran\n");
  });
});
