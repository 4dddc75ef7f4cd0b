import { randomBytes } from "node:crypto";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Finished } from "../../proto/gen/millrace/agent/v1/job.ts";
import { LogShipper } from "../logs/log-shipper.ts";
import { keyOf } from "./attempt-key.ts";
import { openDataFolder } from "./data-folder.ts";
import { Journal } from "./journal.ts";
import { canMount, SmallDisk } from "./testing/small-disk.ts";

const MB = 1024 * 1024;
const log = pino({ level: "silent" });

function resultOf(number: number, resultJson = `"${number}"`): Finished {
  return Finished.fromPartial({ jobId: `01900000-0000-7000-8000-${String(number).padStart(12, "0")}`, token: String(number), resultJson });
}

describe.skipIf(!canMount())("a full disk", () => {
  let disk: SmallDisk;
  let folder: string;
  beforeEach(() => {
    disk = SmallDisk.mount(200 * MB);
    folder = join(disk.folder, "spool");
  });
  afterEach(() => disk.unmount());

  const keysOf = (journal: Journal): string[] => [...journal.keys()];

  test("results are in memory meanwhile, and on disk with the first write that finds room", () => {
    const journal = Journal.open(folder, log);
    journal.add(resultOf(1));
    journal.commit();
    disk.fill();
    const large = JSON.stringify("x".repeat(100_000));
    for (const number of [2, 3]) journal.add(resultOf(number, large));
    journal.commit();
    journal.acknowledge(keyOf(resultOf(3)));
    journal.commit();
    expect(journal.read(keyOf(resultOf(2)))?.resultJson).toBe(large);
    disk.relieve();
    journal.add(resultOf(4));
    journal.commit();
    // As after kill -9: nothing is closed.
    const later = Journal.open(folder, log);
    expect(keysOf(later)).toEqual([1, 2, 4].map((number) => keyOf(resultOf(number))));
    expect(later.read(keyOf(resultOf(2)))?.resultJson).toBe(large);
    later.close();
    journal.close();
  });

  test("an agent that starts then has all results of the process before, and so has the next one", () => {
    const before = Journal.open(folder, log);
    const large = JSON.stringify("x".repeat(100_000));
    for (let number = 1; number <= 20; number++) before.add(resultOf(number, large));
    before.acknowledge(keyOf(resultOf(7)));
    before.close();
    const all = Array.from({ length: 20 }, (_, index) => keyOf(resultOf(index + 1))).filter((key) => key !== keyOf(resultOf(7)));
    disk.fill();
    const during = Journal.open(folder, log);
    expect(keysOf(during)).toEqual(all);
    during.acknowledge(keyOf(resultOf(1)));
    during.close();
    disk.relieve();
    const after = Journal.open(folder, log);
    // What was acknowledged while nothing could be written may be there once more: it is only judged again.
    expect(keysOf(after)).toEqual(expect.arrayContaining(all.slice(1)));
    expect(after.read(keyOf(resultOf(20)))?.resultJson).toBe(large);
    after.close();
    expect(readdirSync(folder)).toHaveLength(1);
  });

  test("a disk without room for another file costs no result", () => {
    disk.unmount();
    disk = SmallDisk.mount(200 * MB, 4);
    folder = join(disk.folder, "spool");
    const journal = Journal.open(folder, log);
    const makeFiles = (): void => {
      for (let number = 0; number < 10; number++) writeFileSync(join(disk.folder, `file-${number}`), "");
    };
    expect(makeFiles).toThrow("ENOSPC");
    const large = JSON.stringify("x".repeat(MB));
    const numbers = Array.from({ length: 12 }, (_, index) => index + 1);
    // More than one file of the journal.
    for (const number of numbers) {
      journal.add(resultOf(number, large));
      journal.commit();
    }
    for (const number of numbers) expect(journal.read(keyOf(resultOf(number)))?.resultJson).toBe(large);
    rmSync(join(disk.folder, "file-0"));
    journal.acknowledge(keyOf(resultOf(1)));
    journal.close();
    const later = Journal.open(folder, log);
    expect(keysOf(later)).toEqual(numbers.slice(1).map((number) => keyOf(resultOf(number))));
    later.close();
  });

  test("an agent does not start on it, says why, and leaves nothing behind", () => {
    const dataDir = join(disk.folder, "agent");
    openDataFolder(dataDir).release();
    const names = readdirSync(dataDir);
    disk.fill();
    for (let tried = 0; tried < 3; tried++) expect(() => openDataFolder(dataDir)).toThrow(`the disk of the agent's data folder "${dataDir}" is full`);
    expect(readdirSync(dataDir)).toEqual(names);
    disk.relieve();
    const folder = openDataFolder(dataDir);
    expect(folder.starts).toBe(2);
    folder.release();
  });

  test("the output of a long attempt goes on although its file cannot be made smaller", () => {
    const clock = { wallMs: () => 1_000, monotonicMs: () => 1_000 };
    const shipper = new LogShipper({ folder, clock, log, onReady: () => undefined });
    shipper.setPolicy({ flushMs: 50, windowBytes: 1024 * MB });
    const attempt = shipper.open({ jobId: resultOf(1).jobId, token: "1" }, 1024 * MB);
    for (let written = 0; written < 80 * MB; written += 64 * 1024) void attempt.write(0, randomBytes(64 * 1024));
    disk.fill();
    let acknowledged = 0;
    for (let chunks = shipper.take(MB); chunks.length > 0; chunks = shipper.take(MB)) {
      for (const { jobId, token, seq } of chunks.slice(0, -1)) shipper.acknowledge({ jobId, token, nextSeq: seq + 1, drop: false });
      acknowledged += chunks.length;
    }
    expect(acknowledged).toBe(1280);
    expect(readdirSync(folder)).toHaveLength(1);
    disk.relieve();
    for (let written = 0; written < 2 * MB; written += 64 * 1024) void attempt.write(0, randomBytes(64 * 1024));
    expect(attempt.end()).toMatchObject({ bytes: 82 * MB, droppedBytes: 0 });
    shipper.close();
  });
});
