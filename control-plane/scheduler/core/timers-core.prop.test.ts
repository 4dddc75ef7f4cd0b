import { describe, expect, test } from "vitest";
import { asJobId, type JobId } from "../../../kernel/ids.ts";
import { seededRandom } from "../testing/simulated-owner.ts";
import { mergePages } from "../timer-store.ts";
import {
  beginRead,
  createTimers,
  failRead,
  finishRead,
  nextDueMs,
  removeTimer,
  setTimer,
  type Timed,
  type TimerRead,
  type Timers,
  takeDue,
} from "./timers-core.ts";

interface Entry extends Timed {
  /** Told apart from another entry of the same job. */
  readonly version: number;
}

const idOf = (number: number): JobId => asJobId(`00000000-0000-7000-8000-${number.toString(16).padStart(12, "0")}`);
const entry = (number: number, atMs: number, version = 0): Entry => ({ id: idOf(number), atMs, version });
const byMoment = (a: Entry, b: Entry): number => a.atMs - b.atMs || (a.id < b.id ? -1 : 1);

describe("timers", () => {
  test("come out by time, then by id, and not before they are due", () => {
    const timers = createTimers<Entry>(100, 1000);
    finishRead(timers, beginRead(timers, 0) as TimerRead, [], true, () => false);
    for (const made of [entry(3, 50), entry(1, 50), entry(2, 10), entry(4, 900)]) setTimer(timers, made);
    expect(nextDueMs(timers)).toBe(10);
    expect(takeDue(timers, 9, 10)).toEqual([]);
    expect(takeDue(timers, 50, 10).map((due) => due.id)).toEqual([idOf(2), idOf(1), idOf(3)]);
    expect(nextDueMs(timers)).toBe(900);
  });

  test("a job that is set again comes once, at its new time; one that is removed does not come", () => {
    const timers = createTimers<Entry>(100, 1000);
    finishRead(timers, beginRead(timers, 0) as TimerRead, [], true, () => false);
    setTimer(timers, entry(1, 10));
    setTimer(timers, entry(1, 500, 1));
    setTimer(timers, entry(2, 20));
    removeTimer(timers, idOf(2));
    expect(takeDue(timers, 499, 10)).toEqual([]);
    expect(takeDue(timers, 500, 10)).toEqual([entry(1, 500, 1)]);
  });

  test("what lies beyond the edge is left to the database and read before it is due", () => {
    const timers = createTimers<Entry>(100, 1000);
    finishRead(timers, beginRead(timers, 0) as TimerRead, [], true, () => false);
    setTimer(timers, entry(1, 1500));
    expect(timers.entries.size).toBe(0);
    expect(beginRead(timers, 400)).toBeUndefined();
    const read = beginRead(timers, 600);
    expect(read).toMatchObject({ after: { atMs: 1000 }, untilMs: 1600 });
    finishRead(timers, read as TimerRead, [entry(1, 1500)], true, () => false);
    expect(takeDue(timers, 1500, 10)).toHaveLength(1);
  });

  test("one that is set again beyond the edge does not come at its old time", () => {
    const timers = createTimers<Entry>(100, 1000);
    finishRead(timers, beginRead(timers, 0) as TimerRead, [], true, () => false);
    setTimer(timers, entry(1, 10));
    setTimer(timers, entry(1, 1500, 1));
    expect(takeDue(timers, 1400, 10)).toEqual([]);
  });

  test("what memory cannot hold while a read is under way is read later, not forgotten", () => {
    const timers = createTimers<Entry>(2, 1000);
    finishRead(timers, beginRead(timers, 0) as TimerRead, [], true, () => false);
    setTimer(timers, entry(9, 950));
    const read = beginRead(timers, 600) as TimerRead;
    const many = [1, 2, 3, 4].map((number) => entry(number, 700 + number));
    for (const made of many) setTimer(timers, made);
    finishRead(timers, read, [], true, () => false);
    // Whatever is not in memory now lies beyond the edge.
    expect(takeDue(timers, 2000, 10)).toEqual(many.slice(0, 2));
    expect(beginRead(timers, 2000)?.after).toEqual({ atMs: 702, id: idOf(2) });
  });

  test("a page of several lanes ends where the first lane that was cut off ends", () => {
    const lanes = [[entry(1, 1), entry(2, 5)], [entry(3, 2), entry(4, 3)], [entry(5, 4)]];
    expect(mergePages(lanes, 2)).toEqual({ rows: [entry(1, 1), entry(3, 2), entry(4, 3)], complete: false });
    expect(mergePages(lanes, 3)).toEqual({ rows: [entry(1, 1), entry(3, 2), entry(4, 3), entry(5, 4), entry(2, 5)], complete: true });
    expect(mergePages<Entry>([[], []], 3)).toEqual({ rows: [], complete: true });
  });
});

/**
 * Timers with a model of the table: rows are written and removed at random, reads see snapshots of other moments and may fail, the clock jumps.
 * Reference: every row is handed out once, not before its time, and soon after it.
 */
class World {
  readonly rows = new Map<JobId, Entry>();
  readonly timers: Timers<Entry>;
  nowMs = 10_000;
  fired = 0;
  #made = 0;
  #version = 0;
  readonly #random: () => number;
  #reading: { read: TimerRead; rows: Entry[]; complete: boolean } | undefined;
  /** Handed out and not yet gone or set anew: their state is newer than any row. */
  readonly known = new Set<JobId>();
  readonly #removed = new Set<JobId>();

  constructor(seed: number, limit: number) {
    this.#random = seededRandom(seed);
    this.timers = createTimers(limit, 1000);
  }

  step(): void {
    const dice = this.#random();
    if (dice < 0.35) this.#write(idOf(this.#number()));
    else if (dice < 0.42) this.#remove();
    else if (dice < 0.5) this.#finishKnown();
    else if (dice < 0.65) this.#read();
    else if (dice < 0.8) this.#answer(this.#random() < 0.2);
    else if (dice < 0.82) this.nowMs += Math.floor((this.#random() - 0.5) * 3000);
    else this.nowMs += Math.floor(this.#random() * 100);
    this.fire();
  }

  /** No more changes: everything must come out in its time. */
  drain(): void {
    for (let i = 0; i < 2000 && this.rows.size > this.known.size; i++) {
      this.nowMs += 100;
      this.#read();
      this.#answer(false);
      this.fire();
    }
  }

  fire(): void {
    for (const due of takeDue(this.timers, this.nowMs, 50)) {
      const row = this.rows.get(due.id);
      // A row that is gone may come once more, when a read had seen it before; its claim then finds nothing. A row that waits must never come early.
      if (this.#removed.has(due.id)) throw new Error(`${due.id} came after it was removed`);
      if (row === undefined) continue;
      if (row.version !== due.version) throw new Error(`an old version of ${due.id} came out`);
      if (row.atMs > this.nowMs) throw new Error(`${due.id} came at ${this.nowMs} instead of ${row.atMs}`);
      if (this.known.has(due.id)) throw new Error(`${due.id} came twice`);
      this.known.add(due.id);
      this.fired += 1;
    }
  }

  #number(): number {
    this.#made += 1;
    return this.#made;
  }

  #write(id: JobId): void {
    this.#version += 1;
    const made = { id, atMs: this.nowMs + Math.floor(this.#random() * 4000), version: this.#version };
    this.known.delete(id);
    this.rows.set(id, made);
    setTimer(this.timers, made);
  }

  #remove(): void {
    const id = [...this.rows.keys()][Math.floor(this.#random() * this.rows.size)];
    if (id === undefined || this.known.has(id)) return;
    this.rows.delete(id);
    this.#removed.add(id);
    removeTimer(this.timers, id);
  }

  /** A job that was handed out ends, or gets another moment. */
  #finishKnown(): void {
    const [id] = this.known;
    if (id === undefined) return;
    if (this.#random() < 0.5) this.#write(id);
    else {
      this.known.delete(id);
      this.rows.delete(id);
    }
  }

  #read(): void {
    if (this.#reading !== undefined) return;
    const read = beginRead(this.timers, this.nowMs);
    if (read === undefined) return;
    const after: Entry = { id: asJobId(read.after.id), atMs: read.after.atMs, version: 0 };
    const all = [...this.rows.values()].filter((row) => byMoment(row, after) > 0 && row.atMs <= read.untilMs).sort(byMoment);
    this.#reading = { read, rows: all.slice(0, 7), complete: all.length < 7 };
  }

  #answer(fails: boolean): void {
    const answer = this.#reading;
    if (answer === undefined) return;
    this.#reading = undefined;
    if (fails) failRead(this.timers);
    else finishRead(this.timers, answer.read, answer.rows, answer.complete, (id) => this.known.has(id));
    if (this.timers.entries.size > 4 * this.timers.limit + 7) throw new Error(`${this.timers.entries.size} entries in memory`);
  }
}

describe("timers beside a table", () => {
  test.each(Array.from({ length: 40 }, (_, seed) => seed + 1))("seed %i: every row comes out once and in its time, with little in memory", (seed) => {
    const world = new World(seed, [1000, 12, 3][seed % 3] ?? 12);
    for (let i = 0; i < 3000; i++) world.step();
    world.drain();
    expect(world.fired).toBeGreaterThan(300);
    expect([...world.rows.keys()].filter((id) => !world.known.has(id))).toEqual([]);
  });
});
