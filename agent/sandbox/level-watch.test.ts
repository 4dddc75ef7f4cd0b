import { chmodSync, copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { openTestExecution, runScript } from "../runner/attempt-harness.ts";
import type { Layer, SandboxLevel } from "./layers.ts";
import { LevelWatch } from "./level-watch.ts";

const dir = mkdtempSync(join(tmpdir(), "millrace-level-"));
chmodSync(dir, 0o755);
const bwrapPath = join(dir, "bwrap");
copyFileSync("/usr/bin/bwrap", bwrapPath);
const told: SandboxLevel[] = [];
const opened = await openTestExecution({ bwrapPath, prepared: 0, languages: ["bash"], onLevel: (level) => told.push(level) });
const open = await openTestExecution({ sandbox: "off", languages: ["bash"] });
const { execution } = opened;
afterAll(() => {
  opened.dispose();
  open.dispose();
  rmSync(dir, { recursive: true, force: true });
});

describe("the level of the sandbox", () => {
  it("is looked at every hour, and every minute while it is lower than it was", async () => {
    vi.useFakeTimers();
    try {
      const levels: SandboxLevel[] = [3, 0, 0, 3, 3];
      let looks = 0;
      const layerOf = (level: SandboxLevel): Layer[] => [{ name: "isolation", level: 1, ok: level > 0, detail: "", fix: "" }];
      const watch = new LevelWatch({ level: 1, recheck: () => Promise.resolve(layerOf(levels[looks++] ?? 3)) });
      const later = async (minutes: number): Promise<[number, SandboxLevel]> => {
        await vi.advanceTimersByTimeAsync(minutes * 60_000);
        return [looks, watch.level];
      };
      expect([await later(59), await later(1), await later(60)]).toEqual([
        [0, 1],
        [1, 1],
        [2, 0],
      ]);
      expect([await later(1), await later(1), await later(59), await later(1)]).toEqual([
        [3, 0],
        [4, 1],
        [4, 1],
        [5, 1],
      ]);
      watch.stop();
      expect(await later(120)).toEqual([5, 1]);
    } finally {
      vi.useRealTimers();
    }
  });
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
    expect([await opened.recheck(), told, opened.takesScripts()]).toEqual([0, [0], false]);
    const outcome = await runScript(execution, "bash", "echo ran");
    expect(outcome).toMatchObject({ exit: { reason: "sandbox_error", message: expect.stringContaining("does not hold") }, stdout: "", startedAtUs: 0 });
    copyFileSync("/usr/bin/bwrap", bwrapPath);
    expect([await opened.recheck(), told, opened.takesScripts()]).toEqual([opened.sandboxLevel, [0, opened.sandboxLevel], true]);
    expect((await runScript(execution, "bash", "echo ran")).stdout).toBe("ran\n");
  });
});
