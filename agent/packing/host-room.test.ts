import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { CpuWatch, parseCpu } from "./cpu-watch.ts";
import { processorMillis, timesThrottled } from "./host-processors.ts";
import { jobsFor, openFilesLimit } from "./host-room.ts";

const root = mkdtempSync(join(tmpdir(), "millrace-host-room-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function group(path: string, files: Readonly<Record<string, string>>): string {
  const dir = join(root, path);
  mkdirSync(dir, { recursive: true });
  for (const [name, text] of Object.entries({ "cgroup.procs": "", ...files })) writeFileSync(join(dir, name), text);
  return dir;
}

test("processors are those of the host, or the smallest share of any group above", () => {
  group("two", { "cpu.max": "150000 100000\n" });
  const dir = group("two/own", { "cpu.max": "max 100000\n", "cpu.stat": "nr_throttled 3\n" });
  const own = { version: 2, controllers: [], dir } as const;
  expect([processorMillis([own], 8), processorMillis([own], 1), processorMillis([], 2)]).toEqual([1_500, 1_000, 2_000]);
  expect(timesThrottled([own])).toBe(3);
  group("one", { "cpu.cfs_quota_us": "50000\n", "cpu.cfs_period_us": "100000\n" });
  const old = { version: 1, controllers: ["cpu"], dir: group("one/own", { "cpu.cfs_quota_us": "-1\n", "cpu.cfs_period_us": "100000\n" }) } as const;
  expect(processorMillis([old], 8)).toBe(500);
});

test("no more jobs than there are users and descriptors for", () => {
  const text = "Limit  Soft Limit  Hard Limit  Units\nMax open files            4096                 1048576              files     \n";
  expect([openFilesLimit(text), openFilesLimit("Max open files   unlimited   unlimited  files"), openFilesLimit("")]).toEqual([4_096, undefined, undefined]);
  expect([jobsFor(4_096), jobsFor(100), jobsFor(1_048_576), jobsFor(undefined)]).toEqual([224, 1, 800, 800]);
});

test("processors count as contended for a job when they were in use at most looks since it came", () => {
  expect(parseCpu("cpu  100 10 40 800 50 0 0 0 5 0\ncpu0 1 1 1 1\n", 7)).toEqual({ busy: 150, all: 1_000, throttled: 7 });
  expect(parseCpu("intr 5", 0)).toBeUndefined();
  const now = { busy: 0, all: 0, throttled: 0 };
  const watch = new CpuWatch(() => ({ ...now }));
  const step = (busy: number, throttled = 0): void => {
    now.busy += busy;
    now.all += 100;
    now.throttled += throttled;
    watch.look();
  };
  const early = watch.mark();
  for (let n = 0; n < 4; n++) step(20);
  const late = watch.mark();
  expect([watch.wasContended(early), watch.wasContended(late)]).toEqual([false, false]);
  step(95);
  step(20, 1);
  // A group that has used up its share waits, however idle the host is.
  expect([watch.wasContended(early), watch.wasContended(late)]).toEqual([false, true]);
  expect(watch.wasContended(watch.mark())).toBe(true);
});
