import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { takeLock } from "./embedded-lock.ts";
import { ownIdentity } from "./process-identity.ts";

const never = new AbortController().signal;
const alive = ownIdentity();
let folder: string;
let lockFile: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-lock-"));
  lockFile = join(folder, "lock");
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function dead(): { pid: number; startTime: string } {
  return { pid: spawnSync("/bin/true").pid, startTime: "1" };
}

test("one holder at a time; the second one learns who it is", async () => {
  const release = await takeLock(lockFile, "/data", { supervisor: alive, parent: alive }, never);
  await expect(takeLock(lockFile, "/data", { supervisor: { ...alive, startTime: "other" }, parent: alive }, never)).rejects.toMatchObject({
    code: "failed_precondition",
    message: `the data folder "/data" is in use by process ${process.pid}`,
  });
  release();
  expect(readdirSync(folder)).toEqual([]);
});

test.each([
  ["a dead supervisor's", JSON.stringify({ supervisor: dead(), parent: alive })],
  ["an unreadable", "{"],
])("%s lock is replaced", async (_, content) => {
  writeFileSync(lockFile, content);
  const release = await takeLock(lockFile, "/data", { supervisor: alive, parent: alive }, never);
  expect(JSON.parse(readFileSync(lockFile, "utf8"))).toEqual({ supervisor: alive, parent: alive });
  release();
  expect(existsSync(lockFile)).toBe(false);
});

test("a supervisor whose parent is gone is waited for", async () => {
  writeFileSync(lockFile, JSON.stringify({ supervisor: alive, parent: dead() }));
  let taken = false;
  const taking = takeLock(lockFile, "/data", { supervisor: { ...alive, startTime: "other" }, parent: alive }, never).then((release) => {
    taken = true;
    return release;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(taken).toBe(false);
  rmSync(lockFile);
  (await taking)();
});

test("waiting ends when we are told to stop", async () => {
  writeFileSync(lockFile, JSON.stringify({ supervisor: alive, parent: dead() }));
  const stop = new AbortController();
  const taking = takeLock(lockFile, "/data", { supervisor: { ...alive, startTime: "other" }, parent: alive }, stop.signal);
  stop.abort();
  await expect(taking).rejects.toMatchObject({ name: "AbortError" });
});

test("an older holder's release leaves a newer lock alone", async () => {
  const release = await takeLock(lockFile, "/data", { supervisor: alive, parent: alive }, never);
  const newer = JSON.stringify({ supervisor: { ...alive, startTime: "newer" }, parent: alive });
  writeFileSync(lockFile, newer);
  release();
  expect(readFileSync(lockFile, "utf8")).toBe(newer);
});
