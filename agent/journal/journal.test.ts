import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { Finished } from "../../proto/gen/millrace/agent/v1/job.ts";
import { keyOf } from "./attempt-key.ts";
import { Journal } from "./journal.ts";

const log = pino({ level: "silent" });
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-journal-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function resultOf(number: number, resultJson = `"${number}"`): Finished {
  return Finished.fromPartial({ jobId: `01900000-0000-7000-8000-${String(number).padStart(12, "0")}`, token: String(number), resultJson });
}

function reopened(journal: Journal): Journal {
  journal.close();
  return Journal.open(folder, log);
}

function bytesOnDisk(): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

test("a result is there again after the process is replaced, until it is acknowledged", () => {
  let journal = Journal.open(folder, log);
  journal.add(resultOf(1));
  journal.add(resultOf(2));
  journal.acknowledge(keyOf(resultOf(1)));
  journal = reopened(journal);
  expect([...journal.keys()]).toEqual([keyOf(resultOf(2))]);
  expect(journal.read(keyOf(resultOf(2)))).toEqual(resultOf(2));
  journal.acknowledge(keyOf(resultOf(2)));
  journal = reopened(journal);
  expect(journal.size).toBe(0);
  journal.close();
});

test("a result is on disk as soon as commit returns, without close", () => {
  const journal = Journal.open(folder, log);
  journal.add(resultOf(1));
  journal.commit();
  const copy = readFileSync(join(folder, readdirSync(folder)[0] ?? ""));
  expect(copy.includes('"1"')).toBe(true);
  journal.close();
});

test("what is added without a commit reaches the disk at the end of the turn", async () => {
  const journal = Journal.open(folder, log);
  journal.add(resultOf(1));
  expect(bytesOnDisk()).toBe(0);
  await new Promise((resolve) => setImmediate(resolve));
  expect(bytesOnDisk()).toBeGreaterThan(0);
  journal.close();
});

test("a damaged file gives back what was before the damage and takes new results", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(), fc.boolean(), (count, at, cut) => {
      rmSync(folder, { recursive: true, force: true });
      const before = Journal.open(folder, log);
      for (let number = 1; number <= count; number++) before.add(resultOf(number));
      before.close();
      const path = join(folder, readdirSync(folder)[0] ?? "");
      const bytes = readFileSync(path);
      const place = at % bytes.length;
      bytes[place] = (bytes[place] ?? 0) ^ 0x10;
      writeFileSync(path, cut ? bytes.subarray(0, place) : bytes);
      const after = Journal.open(folder, log);
      const keys = [...after.keys()];
      expect(keys).toEqual(Array.from({ length: keys.length }, (_, index) => keyOf(resultOf(index + 1))));
      expect(keys.length).toBeLessThan(count);
      after.add(resultOf(99));
      const last = reopened(after);
      expect([...last.keys()]).toEqual([...keys, keyOf(resultOf(99))]);
      last.close();
    }),
    { numRuns: 60 },
  );
});

test("the disk holds little when everything is acknowledged, however much went through", () => {
  const journal = Journal.open(folder, log);
  const body = JSON.stringify("x".repeat(10_000));
  for (let number = 1; number <= 5_000; number++) {
    journal.add(resultOf(number, body));
    if (number % 50 === 0) {
      journal.commit();
      for (let done = number - 49; done <= number; done++) journal.acknowledge(keyOf(resultOf(done)));
    }
  }
  journal.commit();
  expect(bytesOnDisk()).toBeLessThan(2 * 1024 * 1024);
  journal.close();
});

test("a straggler survives while its neighbours come and go, and does not pin the disk", () => {
  const journal = Journal.open(folder, log);
  const body = JSON.stringify("x".repeat(100_000));
  for (let number = 1; number <= 1_500; number++) {
    journal.add(resultOf(number, body));
    journal.commit();
    // One in fifty is never acknowledged: every segment has some.
    if (number % 50 !== 0) journal.acknowledge(keyOf(resultOf(number)));
  }
  expect(journal.size).toBe(30);
  expect(bytesOnDisk()).toBeLessThan(90 * 1024 * 1024);
  const later = reopened(journal);
  expect([...later.keys()].sort()).toEqual(Array.from({ length: 30 }, (_, index) => keyOf(resultOf((index + 1) * 50))).sort());
  expect(later.read(keyOf(resultOf(50)))?.resultJson).toBe(body);
  later.close();
});

test("results beyond the memory budget are read back from disk", () => {
  const journal = Journal.open(folder, log);
  const body = JSON.stringify("y".repeat(1024 * 1024));
  for (let number = 1; number <= 40; number++) {
    journal.add(resultOf(number, body));
    journal.commit();
  }
  for (let number = 1; number <= 40; number++) expect(journal.read(keyOf(resultOf(number)))?.resultJson.length).toBe(body.length);
  journal.close();
});

test("the same attempt is taken once", () => {
  const journal = Journal.open(folder, log);
  journal.add(resultOf(1, '"first"'));
  journal.add(resultOf(1, '"second"'));
  expect(journal.read(keyOf(resultOf(1)))?.resultJson).toBe('"first"');
  expect(journal.size).toBe(1);
  journal.close();
});
