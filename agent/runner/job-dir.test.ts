import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fillJobDir, makeJobDir, removeJobDir, sweepJobsDir } from "./job-dir.ts";

const own = { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1, own: true };
let base = "";

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "millrace-job-dir-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

describe("a job folder", () => {
  it("is closed to others and holds the files", () => {
    const dir = makeJobDir(base);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    fillJobDir(dir, [{ name: "main.py", content: "x" }], own);
    expect(readFileSync(join(dir, "main.py"), "utf8")).toBe("x");
    expect(statSync(dir).mode & 0o077).toBe(0);
  });

  it.skipIf(process.getuid?.() !== 0)("can be read by the job's group and written by nobody but the agent", () => {
    const dir = makeJobDir(base);
    fillJobDir(dir, [{ name: "main.py", content: "x" }], { uid: 200_001, gid: 200_001, own: false });
    const { uid, gid, mode } = statSync(dir);
    expect([uid, gid, mode & 0o777]).toEqual([0, 200_001, 0o750]);
  });

  it.each(["../x", "a/b", "", ".hidden", "A"])("refuses the file name %j", (name) => {
    expect(() => fillJobDir(makeJobDir(base), [{ name, content: "" }], own)).toThrow(expect.objectContaining({ code: "internal" }));
  });

  it("goes away without following links", async () => {
    const outside = join(base, "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, "kept"), "");
    const dir = makeJobDir(base);
    symlinkSync(outside, join(dir, "link"));
    mkdirSync(join(dir, "deep", "er"), { recursive: true });
    await removeJobDir(dir);
    expect([existsSync(dir), readdirSync(outside)]).toEqual([false, ["kept"]]);
    await removeJobDir(dir);
  });
});

describe("sweepJobsDir", () => {
  it("removes what an earlier run left and nothing else", async () => {
    const jobs = join(base, "jobs");
    expect(await sweepJobsDir(jobs)).toBe(0);
    fillJobDir(makeJobDir(jobs), [{ name: "args", content: "secret" }], own);
    makeJobDir(jobs);
    writeFileSync(join(jobs, "README"), "");
    expect(await sweepJobsDir(jobs)).toBe(2);
    expect(readdirSync(jobs)).toEqual(["README"]);
  });
});
