import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readlinkSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isReachableByOthers, resolveStateDir } from "./state-dir.ts";

const asRoot = process.getuid?.() === 0;
let base: string;
let shared: string;

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "millrace-state-")));
  chmodSync(base, 0o755);
  shared = join(base, "var-lib");
});

afterEach(() => {
  rmSync(base, { recursive: true, force: true });
});

function makeFolder(name: string, mode: number): string {
  const path = join(base, name);
  mkdirSync(path, { recursive: true });
  chmodSync(path, mode);
  return path;
}

test("the state lives in .millrace of an ordinary clone", () => {
  const clone = makeFolder("clone", 0o755);
  expect(resolveStateDir(clone, {}, shared)).toBe(join(clone, ".millrace"));
  expect(lstatSync(join(clone, ".millrace")).isDirectory()).toBe(true);
});

test("MILLRACE_STATE_DIR wins", () => {
  const state = join(base, "elsewhere/state");
  expect(resolveStateDir(makeFolder("clone", 0o755), { MILLRACE_STATE_DIR: state }, shared)).toBe(state);
  expect(existsSync(join(base, "clone/.millrace"))).toBe(false);
});

test("a folder that cannot be made is named, with what to do", () => {
  writeFileSync(join(base, "file"), "");
  expect(() => resolveStateDir(base, { MILLRACE_STATE_DIR: join(base, "file/state") }, shared)).toThrow(
    expect.objectContaining({
      code: "failed_precondition",
      message: expect.stringContaining(join(base, "file/state")),
      hint: expect.stringContaining("MILLRACE_STATE_DIR"),
    }),
  );
});

test("reachable means that all parents may be entered and a file may be read", () => {
  const open = makeFolder("open", 0o755);
  const closed = makeFolder("closed", 0o700);
  mkdirSync(join(closed, "inner"));
  writeFileSync(join(open, "file"), "");
  chmodSync(join(open, "file"), 0o600);
  symlinkSync(join(closed, "inner"), join(open, "link"));
  expect(isReachableByOthers(open)).toBe(true);
  expect(isReachableByOthers(join(closed, "inner"))).toBe(false);
  expect(isReachableByOthers(join(open, "file"))).toBe(false);
  expect(isReachableByOthers(join(open, "link"))).toBe(false);
});

describe.runIf(asRoot)("as root below a closed folder", () => {
  function closedClone(name = "closed/my clone"): string {
    const clone = makeFolder(name, 0o755);
    chmodSync(dirname(clone), 0o700);
    return clone;
  }

  test("the state is shared, linked, and the same at the next call", () => {
    const clone = closedClone();
    const state = resolveStateDir(clone, {}, shared);
    expect(dirname(state)).toBe(shared);
    expect(basename(state)).toMatch(/^my clone-[0-9a-f]{8}$/);
    expect(readlinkSync(join(clone, ".millrace"))).toBe(state);
    expect(isReachableByOthers(state)).toBe(true);
    expect(resolveStateDir(clone, {}, shared)).toBe(state);
  });

  test("a renamed clone keeps its state, a copied one gets its own", () => {
    const clone = closedClone();
    const state = resolveStateDir(clone, {}, shared);
    const copy = closedClone("closed/copy");
    symlinkSync(state, join(copy, ".millrace"));
    const stateOfCopy = resolveStateDir(copy, {}, shared);
    expect(stateOfCopy).not.toBe(state);
    expect(readlinkSync(join(copy, ".millrace"))).toBe(stateOfCopy);

    const renamed = join(base, "closed/renamed");
    renameSync(clone, renamed);
    expect(resolveStateDir(renamed, {}, shared)).toBe(state);
  });

  test("state from before the folder was closed moves along", () => {
    const clone = closedClone();
    makeFolder("closed/my clone/.millrace", 0o755);
    writeFileSync(join(clone, ".millrace/kept"), "data");
    mkdirSync(shared);
    const state = resolveStateDir(clone, {}, shared);
    expect(existsSync(join(state, "kept"))).toBe(true);
    expect(lstatSync(join(clone, ".millrace")).isSymbolicLink()).toBe(true);
  });
});
