import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openDataFolder } from "./data-folder.ts";

let base = "";

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "millrace-data-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

test("the identity is made once and kept", () => {
  const first = openDataFolder(base);
  first.release();
  const second = openDataFolder(base);
  expect(second.agentId).toBe(first.agentId);
  second.release();
});

test("each start has a larger number than the one before; a count that cannot be read begins anew", () => {
  const starts = Array.from({ length: 3 }, () => {
    const folder = openDataFolder(base);
    folder.release();
    return folder.starts;
  });
  expect(starts).toEqual([1, 2, 3]);
  writeFileSync(join(base, "starts"), "4x\n");
  const folder = openDataFolder(base);
  expect(folder.starts).toBe(1);
  expect(() => openDataFolder(base)).toThrow(/another agent/);
  folder.release();
  // Who was refused has not started.
  const next = openDataFolder(base);
  expect(next.starts).toBe(2);
  next.release();
});

test("a folder in use is refused with the pid of its user, and free again after release", () => {
  const first = openDataFolder(base);
  expect(() => openDataFolder(base)).toThrow(new RegExp(`pid ${process.pid}`));
  first.release();
  first.release();
  openDataFolder(base).release();
  expect(readdirSync(base).filter((name) => name.startsWith("agent.lock"))).toEqual([]);
});

test("the lock of a process that is gone is taken over, also when its pid was given to another one", () => {
  writeFileSync(join(base, "agent.lock"), `${process.pid} 1 some-boot x\n`);
  const folder = openDataFolder(base);
  expect(() => openDataFolder(base)).toThrow(/another agent/);
  folder.release();
});

test("jobs may pass through but not look around; the spool is for the agent alone", () => {
  const folder = openDataFolder(base);
  const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);
  expect([modeOf(base), modeOf(folder.execDir), modeOf(folder.spoolDir)]).toEqual(["711", "711", "700"]);
  folder.release();
});
