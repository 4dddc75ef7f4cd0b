import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeBlankFiles, makeJobDir, openJobDirTo, removeFlatJobDir, removeJobDir, sweepJobsDir, sweepLeftOvers, writeJobFiles } from "./job-dir.ts";

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
    openJobDirTo(dir, own);
    writeJobFiles(dir, [{ name: "main.py", content: "xü" }]);
    expect(readFileSync(join(dir, "main.py"), "utf8")).toBe("xü");
    expect(statSync(dir).mode & 0o077).toBe(0);
  });

  it.skipIf(process.getuid?.() !== 0)("can be read by the job's group and written by nobody but the agent", () => {
    const dir = makeJobDir(base);
    openJobDirTo(dir, { uid: 200_001, gid: 200_001, own: false });
    const { uid, gid, mode } = statSync(dir);
    expect([uid, gid, mode & 0o777]).toEqual([0, 200_001, 0o750]);
  });

  it("has files that all may read, whatever the umask, and that are written once", () => {
    const dir = makeJobDir(base);
    const before = process.umask(0o077);
    try {
      writeJobFiles(dir, [{ name: "main.py", content: Buffer.from("x") }]);
    } finally {
      process.umask(before);
    }
    expect(statSync(join(dir, "main.py")).mode & 0o777).toBe(0o644);
    expect(() => writeJobFiles(dir, [{ name: "main.py", content: "y" }])).toThrow(expect.objectContaining({ code: "EEXIST" }));
  });

  it("fills empty files that were made before, and makes those that are missing", () => {
    const dir = makeJobDir(base);
    const blanks = makeBlankFiles(dir, 2);
    expect(readdirSync(dir).sort()).toEqual([...blanks].sort());
    const before = new Set(blanks.map((name) => statSync(join(dir, name)).ino));
    const names = ["a", "b", "c"];
    writeJobFiles(
      dir,
      names.map((name) => ({ name, content: `is ${name}` })),
      blanks,
    );
    expect([blanks, readdirSync(dir).sort()]).toEqual([[], names]);
    expect(
      names.map((name) => [readFileSync(join(dir, name), "utf8"), before.has(statSync(join(dir, name)).ino), statSync(join(dir, name)).mode & 0o777]),
    ).toEqual([
      ["is a", true, 0o644],
      ["is b", true, 0o644],
      ["is c", false, 0o644],
    ]);
  });

  it.each(["../x", "a/b", "", "..", ".", "a\0b", "A"])("refuses the file name %j", (name) => {
    expect(() => writeJobFiles(makeJobDir(base), [{ name, content: "" }])).toThrow(expect.objectContaining({ code: "internal" }));
  });

  it("goes away quickly with its files and links, and stays when there is more in it", () => {
    const dir = makeJobDir(base);
    writeJobFiles(dir, [{ name: "args", content: "" }]);
    writeFileSync(join(base, "kept"), "");
    symlinkSync(join(base, "kept"), join(dir, "link"));
    removeFlatJobDir(dir);
    expect(readdirSync(base)).toEqual(["kept"]);
    const other = makeJobDir(base);
    mkdirSync(join(other, "deep"));
    expect(() => removeFlatJobDir(other)).toThrow();
    expect(existsSync(join(other, "deep"))).toBe(true);
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
    writeJobFiles(makeJobDir(jobs), [{ name: "args", content: "secret" }]);
    makeJobDir(jobs);
    writeFileSync(join(jobs, "README"), "");
    expect(await sweepJobsDir(jobs)).toBe(2);
    expect(readdirSync(jobs)).toEqual(["README"]);
  });
});

it("folders of ended jobs that could not be removed are swept later, those in use are not", async () => {
  const [used, flat, left] = [makeJobDir(base), makeJobDir(base), makeJobDir(base)];
  mkdirSync(join(flat, "deep"));
  expect(() => removeFlatJobDir(flat)).toThrow();
  await removeJobDir(left);
  expect(await sweepLeftOvers(base)).toBe(1);
  expect([existsSync(used), existsSync(flat)]).toEqual([true, false]);
  await removeJobDir(used);
});
