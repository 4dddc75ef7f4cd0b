import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { realClock } from "../../kernel/clock.ts";
import { openJobDirTo, sweepLeftOvers, writeJobFiles } from "./job-dir.ts";
import { JobDirs } from "./job-dirs.ts";

const JOB_USER = { uid: 200_001, gid: 200_001, own: process.getuid?.() !== 0 };
let base = "";

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "millrace-job-dirs-"));
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(base, { recursive: true, force: true });
});

function dirsThatKeep(): JobDirs {
  const dirs = new JobDirs(base, realClock);
  dirs.keep();
  return dirs;
}

describe("JobDirs", () => {
  it("gives a folder to another job, empty and closed to the one before", () => {
    const dirs = dirsThatKeep();
    const dir = dirs.take();
    openJobDirTo(dir, JOB_USER);
    writeJobFiles(dir, [
      { name: "main.py", content: "secret" },
      { name: ".start", content: "" },
    ]);
    dirs.giveBack(dir);
    expect([readdirSync(dir), statSync(dir).mode & 0o777]).toEqual([[], 0o700]);
    const other = dirs.take();
    expect([other, readdirSync(base).length]).toEqual([dir, 1]);
    // Nobody else gets it meanwhile.
    expect(dirs.take()).not.toBe(dir);
    dirs.close();
  });

  it("keeps nothing before it is told to, nor after its end", () => {
    const dirs = new JobDirs(base, realClock);
    dirs.giveBack(dirs.take());
    expect(readdirSync(base)).toEqual([]);
    dirs.keep();
    const [used, free] = [dirs.take(), dirs.take()];
    dirs.giveBack(free);
    dirs.close();
    dirs.close();
    expect([existsSync(used), existsSync(free)]).toEqual([true, false]);
    dirs.giveBack(used);
    expect(readdirSync(base)).toEqual([]);
    dirs.giveBack(dirs.take());
    expect(readdirSync(base)).toEqual([]);
  });

  it("does not hand out what could not be emptied, and leaves it to the sweep", async () => {
    const dirs = dirsThatKeep();
    const [odd, other] = [dirs.take(), dirs.take()];
    mkdirSync(join(odd, "deep"));
    mkdirSync(join(other, "deep"));
    dirs.giveBack(odd);
    dirs.remove(other);
    const next = dirs.take();
    expect([odd, other]).not.toContain(next);
    dirs.giveBack(next);
    expect(await sweepLeftOvers(base)).toBe(2);
    expect(readdirSync(base).map((name) => join(base, name))).toEqual([next]);
    dirs.close();
  });

  it("keeps as many as a burst leaves, and those that nobody needs for a minute or two", () => {
    const dirs = dirsThatKeep();
    const many = Array.from({ length: 70 }, () => dirs.take());
    for (const dir of many) dirs.giveBack(dir);
    expect(readdirSync(base)).toHaveLength(64);
    vi.advanceTimersByTime(50_000);
    const used = dirs.take();
    dirs.giveBack(used);
    vi.advanceTimersByTime(10_000);
    expect(readdirSync(base).map((name) => join(base, name))).toEqual([used]);
    vi.advanceTimersByTime(60_000);
    expect(readdirSync(base)).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
