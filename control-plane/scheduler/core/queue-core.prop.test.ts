import { describe, expect, test } from "vitest";
import { fc } from "../../../kernel/fast-check.fixture.ts";
import { atMost, CoreWorld, limitedBy, testJob } from "../testing/core-world.ts";
import type { JobQueue, WaitingJob } from "./model.ts";
import { abortRefill, finishRefill, removeArrived, removeWaiting, takeRefills } from "./queue-core.ts";
import { sortsBefore } from "./state-core.ts";

const ENOUGH_SLOTS = 1_000_000;

interface Read {
  readonly queue: JobQueue;
  rows: WaitingJob[];
  readonly complete: boolean;
}

/** One queue of which few jobs fit into memory, beside the table that has all of them. */
class QueueWorld {
  readonly world: CoreWorld;
  /** Those that wait, in order. */
  rows: WaitingJob[] = [];
  readonly #hotLimit: number;
  readonly #page: number;
  readonly #fields: Partial<WaitingJob>;
  #reads: Read[] = [];

  constructor(hotLimit: number, page: number, limited: boolean) {
    this.world = new CoreWorld(hotLimit);
    this.world.connect("1", ENOUGH_SLOTS);
    this.#hotLimit = hotLimit;
    // As an owner does it.
    this.#page = Math.min(page, hotLimit);
    this.#fields = limited ? limitedBy(atMost(ENOUGH_SLOTS)) : {};
  }

  wait(prio: number): void {
    const job = testJob("1", { prio, ...this.#fields });
    this.rows = [...this.rows, job].sort((a, b) => (sortsBefore(a, b) ? -1 : 1));
    this.world.wait(job);
    if (this.#reads.length === 0) expect(this.world.state.waiting.size).toBeLessThanOrEqual(2 * this.#hotLimit);
  }

  /** @returns whether something was picked; then it was the first of all */
  pick(): boolean {
    const [running] = this.world.round(1);
    if (running === undefined) return false;
    expect(running.job).toBe(this.rows[0]);
    this.rows.shift();
    return true;
  }

  cancel(nth: number): void {
    const job = this.rows[nth % this.rows.length];
    if (job === undefined) return;
    this.rows = this.rows.filter((row) => row !== job);
    removeWaiting(this.world.state, job.id);
    for (const read of this.#reads) {
      removeArrived(this.world.state, read.queue, job.id);
      read.rows = read.rows.filter((row) => row !== job);
    }
  }

  /** Refills see the table as it is now, and are answered later. */
  read(): void {
    for (const queue of takeRefills(this.world.state, 2)) {
      const { cursor } = queue;
      const rows = this.rows.filter((row) => cursor === undefined || !sortsBefore(row, cursor)).slice(0, this.#page);
      this.#reads.push({ queue, rows, complete: rows.length < this.#page });
    }
  }

  answer(fails: boolean): void {
    const read = this.#reads.shift();
    if (read === undefined) return;
    if (fails) abortRefill(this.world.state, read.queue);
    else finishRefill(this.world.state, read.queue, read.rows, read.complete);
  }

  /** Nothing fails any more: everything is picked. */
  drain(): void {
    for (let idle = 0; idle < 3; ) {
      idle = this.pick() ? 0 : idle + 1;
      this.read();
      this.answer(false);
    }
    expect(this.rows).toEqual([]);
  }
}

type Step = readonly [kind: "wait" | "pick" | "cancel" | "read" | "answer" | "fail", number: number];
const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom("wait", "wait", "wait", "pick", "pick", "cancel", "read", "read", "answer", "answer", "fail"),
  fc.nat({ max: 6 }),
);

function take(queue: QueueWorld, [kind, number]: Step): void {
  if (kind === "wait") queue.wait(number);
  else if (kind === "pick") queue.pick();
  else if (kind === "cancel") queue.cancel(number);
  else if (kind === "read") queue.read();
  else queue.answer(kind === "fail");
}

describe("a queue of which most is only in the table", () => {
  test("gives out the first of all that wait, whatever comes, goes and is read meanwhile, and loses none", () => {
    const sizes = { hotLimit: fc.integer({ min: 1, max: 9 }), page: fc.integer({ min: 1, max: 5 }), limited: fc.boolean() };
    fc.assert(
      fc.property(fc.record(sizes), fc.array(step, { maxLength: 200 }), ({ hotLimit, page, limited }, steps) => {
        const queue = new QueueWorld(hotLimit, page, limited);
        for (const next of steps) take(queue, next);
        queue.drain();
        const { state } = queue.world;
        const [route] = state.routes.values();
        expect([route?.waiting ?? 0, state.waiting.size, state.coldQueues.size, state.wantRows.size]).toEqual([0, 0, 0, 0]);
      }),
      { numRuns: 300 },
    );
  });

  test("keeps few in memory, also when better ones come all the time while others are in the table already", () => {
    const queue = new QueueWorld(4, 2, false);
    for (let job = 0; job < 5; job++) queue.wait(6);
    expect([queue.world.state.waiting.size, queue.world.state.coldQueues.size]).toEqual([4, 1]);
    for (let job = 0; job < 100; job++) queue.wait(0);
    queue.drain();
  });
});
